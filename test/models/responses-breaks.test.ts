/**
 * A Responses stream that breaks: at every byte, in every way, it is the whole answer or none.
 */
import { warmUp } from '../../activities/models/openai-client.js';
import { makeOpenaiResponses } from '../../activities/models/openai-responses.js';
import { isModelError } from '../../activities/models/provider.js';
import { call, itemEvents, message } from '../support/responses-events.js';
import { failureOf, requestOf } from './asking.js';
import { startByteServer, type Answering, type ByteServer } from './byte-server.js';

const output = [message('m', 'grün 😀'), call('c', 'read', '{"path":"ü"}')];
const done = { type: 'response.completed', response: { output } };
const bytes = Buffer.from(
  [...output.flatMap(itemEvents), done]
    .map((event) => `data: ${JSON.stringify(event)}\n\n`)
    .join(''),
);
const provider = () =>
  makeOpenaiResponses({ name: 'mock', baseUrl: server.baseUrl, headers: {}, key: null, env: {} });

let server: ByteServer;
beforeAll(warmUp);
beforeEach(async () => {
  server = await startByteServer();
});
afterEach(() => server.close());

const outcomeAt = async (offset: number): Promise<string> => {
  try {
    const asked = requestOf({ idempotencyKey: String(offset) });
    const { text, calls } = await provider().answer(asked);
    return `${text} ${calls.map(({ raw }) => raw).join()}`;
  } catch (error) {
    if (!isModelError(error)) throw error;
    return error.kind;
  }
};

test('a stream that breaks is never a shorter answer, at whatever byte it ends', async () => {
  server.answering = (response, { headers }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(bytes.subarray(0, Number(headers['idempotency-key'])));
  };
  const offsets = Array.from({ length: bytes.length + 1 }, (_, offset) => offset);
  const wrong: unknown[] = [];
  for (let first = 0; first < offsets.length; first += 50) {
    const some = offsets.slice(first, first + 50);
    const outcomes = await Promise.all(some.map(outcomeAt));
    const meant = (offset: number) =>
      offset < bytes.length ? 'unavailable' : 'grün 😀 {"path":"ü"}';
    wrong.push(
      ...outcomes.flatMap((outcome, n) => (outcome === meant(some[n]!) ? [] : [some[n], outcome])),
    );
  }
  expect(wrong).toEqual([]);
});

const broken: [string, number, string][] = [
  ['before its first byte', 0, 'unavailable'],
  ['in the first event', 20, 'unavailable'],
  ['inside an emoji', bytes.indexOf('😀') + 2, 'unavailable'],
  ['inside the arguments of a call', bytes.indexOf('\\"ü') + 3, 'unavailable'],
  ['before the last event', bytes.lastIndexOf('data: '), 'unavailable'],
  ['inside the last event', bytes.length - 60, 'unavailable'],
  ['behind the last event', bytes.length, 'grün 😀 {"path":"ü"}'],
];
test.each(broken)(
  'a stream that breaks by a reset %s is whole or none',
  async (_place, offset, outcome) => {
    server.answering = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      response.write(bytes.subarray(0, offset));
      // Behind the bytes, so that they have surely been read.
      setTimeout(() => response.socket?.resetAndDestroy(), 30);
    };
    expect(await outcomeAt(offset)).toBe(outcome);
  },
);

test.each<[string, Answering]>([
  ['before the headers', () => undefined],
  ['in the stream', (response) => void response.write(bytes.subarray(0, 300))],
])('an interrupt %s leaves no connection', async (_place, answering) => {
  const stop = new AbortController();
  server.answering = (response, asked) => {
    response.setHeader('content-type', 'text/event-stream');
    void answering(response, asked);
    setImmediate(() => stop.abort(new Error('interrupted')));
  };
  const { error } = await failureOf(provider(), requestOf({ signal: stop.signal }));
  expect(error.kind).toBe('aborted');
  await server.hungUp();
  expect(server.asked).toHaveLength(1);
});

test('connections are used again, turn after turn', async () => {
  server.answering = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(bytes);
  };
  const seen = new Set<unknown>();
  for (let turn = 0; turn < 6; turn += 1) {
    await provider().answer(requestOf());
    for (const socket of server.sockets) seen.add(socket);
  }
  expect(seen.size).toBeLessThanOrEqual(2);
});
