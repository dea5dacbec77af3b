/**
 * The Chat Completions provider over real HTTP: every way a server can fail, be slow or be stopped.
 */
import { makeOpenaiChat } from '../../activities/models/openai-chat.js';
import { warmUp } from '../../activities/models/openai-client.js';
import { startChatServer, type ChatFault, type ChatServer } from '../support/chat-server.js';
import { failureOf, requestOf } from './asking.js';

let server: ChatServer;
const KEY = 'sk-secret-key-0123456789';

const providerOf = (headers: Record<string, string> = {}, key: string | null = KEY) =>
  makeOpenaiChat({ name: 'mock', baseUrl: server.baseUrl, headers, key, env: {} });

beforeAll(warmUp);
beforeEach(async () => {
  server = await startChatServer({ replies: [{ text: 'hello there' }] });
});
afterEach(() => server.close());

const failing = (fault: ChatFault) =>
  server.setScript({ replies: [{ text: 'one two three four', faults: [fault] }] });

describe('a server that fails', () => {
  const statuses: [number, string, string][] = [
    [400, 'rejected', '400'],
    [401, 'unauthorized', '401'],
    [403, 'unauthorized', '403'],
    [402, 'rejected', '402'],
    [404, 'unknown_model', '404'],
    [408, 'unavailable', '408'],
    [409, 'unavailable', '409'],
    [413, 'rejected', '413'],
    [422, 'rejected', '422'],
    [429, 'unavailable', '429'],
    [500, 'unavailable', '500'],
    [502, 'unavailable', '502'],
    [503, 'unavailable', '503'],
    [529, 'unavailable', '529'],
  ];
  test.each(statuses)('with status %i is %s, told as %s', async (status, kind, reason) => {
    failing({ kind: 'status', status });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error).toMatchObject({ kind, reason, retryAfterMs: null });
    expect(error.message).toContain(`mock error ${status}`);
    expect(server.records).toHaveLength(1);
  });

  const overlong = {
    message: "This model's maximum context length is 8 tokens",
    code: 'context_length_exceeded',
  };
  const bodies: [string, { status: number; body: unknown }, string, string][] = [
    [
      'a window that is too small',
      { status: 400, body: { error: overlong } },
      'rejected',
      'context overflow',
    ],
    [
      'a model it does not know',
      { status: 400, body: { error: { message: 'The model `x` does not exist', code: null } } },
      'unknown_model',
      '400',
    ],
    ['a body that is no JSON', { status: 500, body: '<html>oops</html>' }, 'unavailable', '500'],
    [
      'a quota that is used up',
      { status: 429, body: { error: { code: 'insufficient_quota' } } },
      'unavailable',
      '429',
    ],
  ];
  test.each(bodies)('because of %s is told apart', async (_name, sent, kind, reason) => {
    failing({ kind: 'status', ...sent });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error).toMatchObject({ kind, reason });
  });

  test.each([
    ['seconds', { retryAfter: 7 }, 7_000],
    ['fractions', { retryAfter: '0.5' }, 500],
    ['milliseconds', { retryAfterMs: 1234 }, 1_234],
    ['nonsense', { retryAfter: 'soon' }, null],
    ['a past date', { retryAfter: 'Wed, 21 Oct 2015 07:28:00 GMT' }, 0],
  ])('says when to come back in %s', async (_name, wait, retryAfterMs) => {
    failing({ kind: 'status', status: 429, ...wait });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error.retryAfterMs).toBe(retryAfterMs);
  });

  test('says when to come back as a date', async () => {
    const at = new Date(Date.now() + 30_000).toUTCString();
    failing({ kind: 'status', status: 503, retryAfter: at });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error.retryAfterMs).toBeGreaterThan(27_000);
    expect(error.retryAfterMs).toBeLessThanOrEqual(30_000);
  });

  const breaks: [ChatFault['kind'], string][] = [
    ['cut', 'cut stream'],
    ['close', 'cut stream'],
    ['reset', 'connection reset'],
    ['error_event', '529'],
  ];
  test.each(breaks)('by %s is unavailable, told as %s', async (kind, reason) => {
    failing({ kind } as ChatFault);
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason });
  });

  test('an overflow told in the stream is a rejection', async () => {
    const body = { error: { message: 'too long', code: 'context_length_exceeded' } };
    failing({ kind: 'error_event', body });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error).toMatchObject({ kind: 'rejected', reason: 'context overflow' });
  });

  test.each(['hang', 'hang_midway'] as const)('by %s is a stall, noticed in time', async (kind) => {
    failing({ kind });
    const { error, tookMs } = await failureOf(providerOf(), requestOf({ stallMs: 200 }));
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'stall' });
    expect(tookMs).toBeGreaterThanOrEqual(195);
    expect(tookMs).toBeLessThan(1_000);
  });

  test('that is not there is unavailable and says where it was looked for', async () => {
    const gone = await startChatServer({ replies: [] });
    await gone.close();
    const provider = makeOpenaiChat({
      name: 'mock',
      baseUrl: gone.baseUrl,
      headers: {},
      key: null,
      env: {},
    });
    const { error } = await failureOf(provider, requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'no connection' });
    expect(error.message).toContain(gone.baseUrl);
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('never gets its key into a message, even when it echoes it', async () => {
    server.setScript({ replies: [], requireKey: 'another' });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error.kind).toBe('unauthorized');
    expect(error.message).toContain('Incorrect API key');
    expect(error.message).not.toContain(KEY);
  });
});

describe('a slow server', () => {
  test('that drips is not stalled', async () => {
    server.setScript({ replies: [{ text: 'one two three four', chunkMs: 60 }] });
    const answer = await providerOf().answer(requestOf({ stallMs: 250 }));
    expect(answer.text).toBe('one two three four');
  });

  test('that only sends comments while it thinks is not stalled', async () => {
    const comments = Array.from({ length: 6 }, () => ': keep-alive\n\n');
    const words = 'data: {"choices":[{"delta":{"content":"late"},"finish_reason":"stop"}]}\n\n';
    server.setScript({ replies: [{ raw: [...comments, words], chunkMs: 60 }] });
    const answer = await providerOf().answer(requestOf({ stallMs: 250 }));
    expect(answer.text).toBe('late');
  });
});

describe('an interrupt', () => {
  test.each(['hang', 'hang_midway'] as const)(
    'during %s ends the request at once',
    async (kind) => {
      failing({ kind });
      const stop = new AbortController();
      const failed = failureOf(providerOf(), requestOf({ signal: stop.signal }));
      await server.requested(1);
      const abortedAt = performance.now();
      stop.abort(new Error('interrupted'));
      const { error } = await failed;
      expect(error.kind).toBe('aborted');
      expect(performance.now() - abortedAt).toBeLessThan(200);
    },
  );

  test('before the request sends nothing', async () => {
    const { error } = await failureOf(providerOf(), requestOf({ signal: AbortSignal.abort() }));
    expect(error.kind).toBe('aborted');
    expect(server.records).toHaveLength(0);
  });
});
