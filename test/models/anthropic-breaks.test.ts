/**
 * A Messages stream that breaks: at every byte, in every way, it is the whole answer or none.
 */
import { makeAnthropicMessages } from '../../activities/models/anthropic-messages.js';
import { isModelError, type ModelAnswer } from '../../activities/models/provider.js';
import { sse } from '../support/anthropic-server.js';
import { called, END, piece, said, stop, thought } from './anthropic-cases.js';
import { failureOf, requestOf } from './asking.js';
import { sending, startByteServer, type Answering, type ByteServer } from './byte-server.js';

let server: ByteServer;
beforeEach(async () => {
  server = await startByteServer();
});
afterEach(() => server.close());

const provider = () =>
  makeAnthropicMessages({ name: 'mock', baseUrl: server.origin, headers: {}, key: 'k', env: {} });

const PARTS = [
  sse('message_start', { message: { usage: { input_tokens: 25 } } }),
  thought(0, 'sig', 'hm'),
  said(1, 'grün ', '😀'),
  called(2, 'toolu_a', 'read', '{"path":', '"ü.ts"}'),
  called(3, 'toolu_b', 'edit', '{"path":"b"}'),
  stop('tool_use'),
  END,
];
const BYTES = Buffer.from(PARTS.join(''));
const WHOLE = {
  text: 'grün 😀',
  thinking: 'hm',
  calls: [
    { name: 'read', raw: '{"path":"ü.ts"}' },
    { name: 'edit', raw: '{"path":"b"}' },
  ],
  stopReason: 'tool_use',
};
/** Bytes of the parts before the n-th, and some more. */
const within = (part: number, more = 0): number =>
  Buffer.byteLength(PARTS.slice(0, part).join('')) + more;
/** Behind the word that says why the model stopped nothing is missing, the bill included. */
const STOPPED = within(6);

const EVENTS = { 'content-type': 'text/event-stream' };

const outcomeAt = async (offset: number): Promise<ModelAnswer | string> => {
  try {
    return await provider().answer(requestOf({ idempotencyKey: String(offset) }));
  } catch (error) {
    if (!isModelError(error)) throw error;
    return error.kind;
  }
};

/** What is wrong about an outcome, if anything is. The last two bytes of an event are its line ends. */
const faultOf = (outcome: ModelAnswer | string, offset: number): readonly unknown[] => {
  if (typeof outcome === 'string')
    return outcome === 'unavailable' && offset < STOPPED ? [] : [offset, outcome];
  const { text, thinking, calls, stopReason, usage } = outcome;
  const isWhole =
    JSON.stringify({ text, thinking, calls, stopReason }) === JSON.stringify(WHOLE) &&
    usage?.output_tokens === 15;
  return isWhole && offset >= STOPPED - 1 ? [] : [offset, text, calls];
};

describe('a stream that ends too early', () => {
  test('is never a shorter answer, at whatever byte it ends', async () => {
    server.answering = (response, { headers }) => {
      response.writeHead(200, EVENTS);
      response.end(BYTES.subarray(0, Number(headers['idempotency-key'])));
    };
    // Every third byte, and each one of the events that end it.
    const offsets = [...Array(BYTES.length + 1).keys()].filter(
      (offset) => offset % 3 === 0 || offset >= within(5),
    );
    const wrong: unknown[] = [];
    for (let first = 0; first < offsets.length; first += 40) {
      const some = offsets.slice(first, first + 40);
      const outcomes = await Promise.all(some.map(outcomeAt));
      wrong.push(...outcomes.flatMap((outcome, n) => faultOf(outcome, some[n]!)));
    }
    expect(wrong).toEqual([]);
    expect(server.asked).toHaveLength(offsets.length);
  });

  const places: [string, number][] = [
    ['before its first byte', 0],
    ['in the first event', within(0, 30)],
    ['before a signature', within(1, PARTS[1]!.indexOf('signature_delta'))],
    ['inside an emoji', within(2, Buffer.byteLength(PARTS[2]!.split('😀')[0]!) + 2)],
    ['inside the arguments of a call', within(3, PARTS[3]!.indexOf('path'))],
    ['between two calls', within(4)],
    ['before the reason', within(5)],
  ];
  test.each(places)('by a reset %s is unavailable', async (_place, offset) => {
    server.answering = (response) => {
      response.writeHead(200, EVENTS);
      response.flushHeaders();
      response.write(BYTES.subarray(0, offset), () => response.socket?.resetAndDestroy());
    };
    const { error } = await failureOf(provider(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable' });
    expect(['cut stream', 'connection reset', 'provider error']).toContain(error.reason);
  });

  const wholes: [string, (response: Parameters<Answering>[0]) => void][] = [
    ['a reset', (response) => response.socket?.resetAndDestroy()],
    ['an error', (response) => response.end('event: error\ndata: {"error":{"message":"x"}}\n\n')],
    ['a frame that is no JSON', (response) => response.end('event: x\ndata: {"a\n\n')],
  ];
  test.each(wholes)(
    'by %s behind the reason is whole: it is not bought again',
    async (_how, end) => {
      server.answering = (response) => {
        response.writeHead(200, EVENTS);
        response.write(BYTES.subarray(0, STOPPED));
        // Behind the bytes, so that they have surely been read.
        setTimeout(() => end(response), 30);
      };
      expect(await provider().answer(requestOf())).toMatchObject({
        ...WHOLE,
        usage: { input_tokens: 25, output_tokens: 15 },
      });
    },
  );
});

describe('a server that does not close', () => {
  const neverEnding =
    (...parts: string[]): Answering =>
    (response) => {
      response.writeHead(200, EVENTS);
      response.write(parts.join(''));
    };

  test('keeps nobody waiting for the stall, however it writes its end mark', async () => {
    const ends = [
      END,
      'event: message_stop\ndata: {"type":"message_stop"          }\n\n',
      'data: {"type": "message_stop"}\n\n',
    ];
    server.answering = (response, asked) => {
      const end = ends[Number(asked.headers['idempotency-key'])] ?? '';
      void neverEnding(...PARTS.slice(0, -1), end)(response, asked);
    };
    const startedAt = performance.now();
    const asking = [...ends.keys()].map((index) =>
      provider().answer(requestOf({ stallMs: 20_000, idempotencyKey: String(index) })),
    );
    for (const answer of await Promise.all(asking)) expect(answer).toMatchObject(WHOLE);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test('and whose text only speaks of an end mark is stalled, not whole', async () => {
    // The bytes end inside a text of the model, right behind what looks like the mark.
    const speaking = piece(0, { type: 'text_delta', text: 'event: message_stop' });
    const mark = 'event: message_stop';
    const cut = speaking.slice(0, speaking.lastIndexOf(mark) + mark.length);
    server.answering = neverEnding(PARTS[0]!, cut);
    const { error, tookMs } = await failureOf(provider(), requestOf({ stallMs: 1_300 }));
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'stall' });
    // Behind a real mark nobody waits for longer than a second.
    expect(tookMs).toBeGreaterThan(1_250);
  });
});

describe('a request that is stopped', () => {
  test.each([
    ['before the headers', () => undefined],
    ['in the stream', (response) => void response.write(PARTS[0])],
    ['in an answer that does not stream', (response) => void response.write('{"type":"mess')],
  ] as [string, Answering][])('%s leaves no connection', async (place, answering) => {
    const isDocument = place.includes('does not stream');
    server.answering = (response, asked) => {
      response.setHeader('content-type', isDocument ? 'application/json' : 'text/event-stream');
      void answering(response, asked);
      setImmediate(() => stopping.abort(new Error('interrupted')));
    };
    const stopping = new AbortController();
    const { error } = await failureOf(provider(), requestOf({ signal: stopping.signal }));
    expect(error.kind).toBe('aborted');
    await server.hungUp();
    expect(server.asked).toHaveLength(1);
  });

  test.each([
    ['its stall', PARTS[0]!, 'stall'],
    [
      'an error in the stream',
      `${PARTS[0]}event: error\ndata: {"error":{"type":"api_error"}}\n\n`,
      '500',
    ],
  ])('by %s leaves no connection either', async (_how, sent, reason) => {
    server.answering = (response) => {
      response.writeHead(200, EVENTS);
      response.write(sent);
    };
    const { error } = await failureOf(provider(), requestOf({ stallMs: 60 }));
    expect(error.reason).toBe(reason);
    await server.hungUp();
  });

  test('behind the last word keeps the answer that was paid for', async () => {
    const stopping = new AbortController();
    server.answering = (response) => {
      response.writeHead(200, EVENTS);
      response.write(BYTES.subarray(0, STOPPED));
      setTimeout(() => stopping.abort(new Error('interrupted')), 40);
    };
    const answer = await provider().answer(requestOf({ signal: stopping.signal }));
    expect(answer).toMatchObject(WHOLE);
  });
});

test('connections are used again, turn after turn', async () => {
  server.answering = sending(PARTS.join(''));
  const seen = new Set<unknown>();
  for (let turn = 0; turn < 8; turn += 1) {
    await provider().answer(requestOf());
    for (const socket of server.sockets) seen.add(socket);
  }
  // The client opens a second one while it finds out that the first can be kept.
  expect(seen.size).toBeLessThanOrEqual(2);
});

test('a redirect to another host takes neither key nor conversation there', async () => {
  const other = await startByteServer(sending(PARTS.join('')));
  try {
    server.answering = (response) => {
      response.writeHead(307, { location: `${other.origin}/v1/messages` });
      response.end();
    };
    const { error } = await failureOf(provider(), requestOf());
    expect(error).toMatchObject({ kind: 'rejected', reason: '307' });
    expect(error.message).toContain(`redirects to ${other.origin}/v1/messages`);
    expect(other.asked).toEqual([]);
  } finally {
    await other.close();
  }
});
