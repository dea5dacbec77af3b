/**
 * A stream that breaks: at every byte, in every way, it is the whole answer or none.
 */
import { warmUp } from '../../activities/models/openai-client.js';
import { isModelError, type ModelAnswer } from '../../activities/models/provider.js';
import { failureOf, requestOf } from './asking.js';
import { sending, startByteServer, type Answering, type ByteServer } from './byte-server.js';
import { call, delta, DONE, event } from './stream-cases.js';

let server: ByteServer;
beforeAll(warmUp);
beforeEach(async () => {
  server = await startByteServer();
});
afterEach(() => server.close());

const USAGE = event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } });
const PARTS = [
  delta({ content: 'grün ' }),
  delta({ content: '😀' }),
  call({ index: 0, id: 'a' }, 'read', ''),
  call({ index: 0 }, undefined, '{"path":'),
  call({ index: 0 }, undefined, '"ü.ts"}'),
  call({ index: 1, id: 'b' }, 'edit', '{"path":"b"}'),
  delta({}, 'tool_calls'),
  USAGE,
  DONE,
];
const BYTES = Buffer.from(PARTS.join(''));
const WHOLE = {
  text: 'grün 😀',
  calls: [
    { name: 'read', raw: '{"path":"ü.ts"}' },
    { name: 'edit', raw: '{"path":"b"}' },
  ],
};
/** Bytes of the parts before the n-th, and some more. */
const within = (part: number, more = 0): number =>
  Buffer.byteLength(PARTS.slice(0, part).join('')) + more;
/** Behind the word that says why the model stopped nothing is missing but the bill. */
const STOPPED = within(7);

const outcomeAt = async (offset: number): Promise<ModelAnswer | string> => {
  try {
    return await server.provider().answer(requestOf({ idempotencyKey: String(offset) }));
  } catch (error) {
    if (!isModelError(error)) throw error;
    return error.kind;
  }
};

/** What is wrong about an outcome, if anything is. */
const faultOf = (outcome: ModelAnswer | string, offset: number): readonly unknown[] => {
  if (typeof outcome === 'string')
    return outcome === 'unavailable' && offset < STOPPED ? [] : [offset, outcome];
  const { text, calls } = outcome;
  const isWhole = JSON.stringify({ text, calls }) === JSON.stringify(WHOLE);
  return isWhole && offset >= STOPPED - 1 ? [] : [offset, text, calls];
};

describe('a stream that ends too early', () => {
  test('is never a shorter answer, at whatever byte it ends', async () => {
    server.answering = (response, { headers }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(BYTES.subarray(0, Number(headers['idempotency-key'])));
    };
    const wrong: unknown[] = [];
    for (let first = 0; first < BYTES.length; first += 40) {
      const offsets = Array.from({ length: 40 }, (_, n) => first + n);
      const outcomes = await Promise.all(offsets.map(outcomeAt));
      wrong.push(...outcomes.flatMap((outcome, n) => faultOf(outcome, first + n)));
    }
    expect(wrong).toEqual([]);
  });

  const places: [string, number][] = [
    ['before its first byte', 0],
    ['in the first chunk', within(0, 20)],
    ['inside ü', within(0, PARTS[0]!.indexOf('ü') + 1)],
    ['inside an emoji', within(1, PARTS[1]!.indexOf('😀') + 2)],
    ['between the pieces of a call', within(4)],
    ['inside the arguments of a call', within(4, 60)],
    ['between two calls', within(5)],
    ['before the reason', within(6)],
  ];
  test.each(places)('by a reset %s is unavailable', async (_place, offset) => {
    server.answering = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      response.write(BYTES.subarray(0, offset), () => response.socket?.resetAndDestroy());
    };
    const { error } = await failureOf(server.provider(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable' });
    expect(['cut stream', 'connection reset', 'provider error']).toContain(error.reason);
  });

  test.each([
    ['before the bill', within(7), null],
    ['inside the bill', within(7, 30), null],
    ['before the end mark', within(8), 7],
  ])('by a reset %s is whole: it is not bought again', async (_place, offset, input) => {
    server.answering = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(BYTES.subarray(0, offset));
      // Behind the bytes, so that they have surely been read.
      setTimeout(() => response.socket?.resetAndDestroy(), 30);
    };
    const answer = await server.provider().answer(requestOf());
    expect(answer).toMatchObject(WHOLE);
    expect(answer.usage?.input_tokens ?? null).toBe(input);
  });

  test('by a reset before the headers is told as that', async () => {
    server.answering = (response) => void response.socket?.resetAndDestroy();
    const { error } = await failureOf(server.provider(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'connection reset' });
  });

  test('shorter than the length it promised is unavailable', async () => {
    server.answering = (response) => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': String(BYTES.length),
      });
      response.write('{"choices":[{"message":{"content":"half');
      setTimeout(() => response.socket?.end(), 10);
    };
    const { error } = await failureOf(server.provider(), requestOf());
    expect(error.kind).toBe('unavailable');
  });
});

describe('a server that does not close', () => {
  const neverEnding =
    (...parts: string[]): Answering =>
    (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(parts.join(''));
    };

  test('its stream behind the end mark keeps nobody waiting for the stall', async () => {
    server.answering = neverEnding(...PARTS);
    const startedAt = performance.now();
    const answer = await server.provider().answer(requestOf({ stallMs: 20_000 }));
    expect(answer).toMatchObject({ ...WHOLE, usage: { input_tokens: 7 } });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test('and never said why the model stopped is whole by its end mark alone', async () => {
    server.answering = neverEnding(delta({ content: 'all' }), DONE);
    const answer = await server.provider().answer(requestOf({ stallMs: 300 }));
    expect(answer).toMatchObject({ text: 'all', stopReason: null });
  });

  test('and whose text only speaks of an end mark is stalled, not whole', async () => {
    // The bytes end inside a text of the model, right behind what looks like the mark.
    const speaking = event({ choices: [{ delta: { content: 'data: [DONE]' } }] });
    const mark = 'data: [DONE]';
    const cut = speaking.slice(0, speaking.lastIndexOf(mark) + mark.length);
    server.answering = neverEnding(delta({ content: 'it says ' }), cut);
    const { error } = await failureOf(server.provider(), requestOf({ stallMs: 200 }));
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'stall' });
  });
});

describe('a request that is stopped', () => {
  test.each([
    ['before the headers', () => undefined],
    ['in the stream', (response) => void response.write(PARTS[0])],
    ['in an answer that does not stream', (response) => void response.write('{"choices":[')],
  ] as [string, Answering][])('%s leaves no connection', async (place, answering) => {
    const isDocument = place.includes('does not stream');
    server.answering = (response, asked) => {
      response.setHeader('content-type', isDocument ? 'application/json' : 'text/event-stream');
      void answering(response, asked);
      setImmediate(() => stop.abort(new Error('interrupted')));
    };
    const stop = new AbortController();
    const { error } = await failureOf(server.provider(), requestOf({ signal: stop.signal }));
    expect(error.kind).toBe('aborted');
    await server.hungUp();
    expect(server.asked).toHaveLength(1);
  });

  test('by its stall leaves no connection either', async () => {
    server.answering = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(PARTS[0]);
    };
    const { error } = await failureOf(server.provider(), requestOf({ stallMs: 60 }));
    expect(error.reason).toBe('stall');
    await server.hungUp();
  });

  test('behind the last word keeps the answer that was paid for', async () => {
    const stop = new AbortController();
    server.answering = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(PARTS.slice(0, 7).join(''));
      setTimeout(() => stop.abort(new Error('interrupted')), 40);
    };
    expect(await server.provider().answer(requestOf({ signal: stop.signal }))).toMatchObject(WHOLE);
  });
});

test('connections are used again, turn after turn', async () => {
  server.answering = sending(PARTS.join(''));
  const seen = new Set<unknown>();
  for (let turn = 0; turn < 8; turn += 1) {
    await server.provider().answer(requestOf());
    for (const socket of server.sockets) seen.add(socket);
  }
  // The client opens a second one while it finds out that the first can be kept.
  expect(seen.size).toBeLessThanOrEqual(2);
});
