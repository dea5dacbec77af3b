/**
 * The Responses provider over real HTTP: every way a server can fail, be slow or be stopped.
 */
import { warmUp } from '../../activities/models/openai-client.js';
import { makeOpenaiResponses } from '../../activities/models/openai-responses.js';
import { ended, itemEvents, message, reasoning } from '../support/responses-events.js';
import {
  startResponsesServer,
  type ResponsesFault,
  type ResponsesServer,
} from '../support/responses-server.js';
import { failureOf, requestOf } from './asking.js';

const KEY = 'sk-secret-key-0123456789';
const TEXT = 'one two three four';
const OUTPUT = [reasoning('rs', 'hm'), message('m', TEXT)];

let server: ResponsesServer;
beforeAll(warmUp);
beforeEach(async () => {
  server = await startResponsesServer({ replies: [{ output: OUTPUT }] });
});
afterEach(() => server.close());

const providerAt = (baseUrl: string) =>
  makeOpenaiResponses({
    name: 'mock',
    baseUrl,
    headers: { 'X-Secret': 'hush-hush' },
    key: KEY,
    env: {},
  });
const provider = () => providerAt(server.baseUrl);
const failing = (...faults: ResponsesFault[]) =>
  server.setScript({ replies: [{ output: OUTPUT, faults }] });

/** The error of a request that fails by this, having sent one request and told no key. */
const failedBy = async (fault: ResponsesFault) => {
  failing(fault);
  const { error } = await failureOf(provider(), requestOf());
  expect(server.records).toHaveLength(1);
  expect(error.message).not.toMatch(/sk-secret|hush-hush/);
  return error;
};

describe('a server that fails', () => {
  test.each<[number, string]>([
    [400, 'rejected'],
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [402, 'rejected'],
    [404, 'unknown_model'],
    [408, 'unavailable'],
    [409, 'unavailable'],
    [413, 'rejected'],
    [422, 'rejected'],
    [429, 'unavailable'],
    [500, 'unavailable'],
    [503, 'unavailable'],
    [529, 'unavailable'],
  ])('with status %i is %s', async (status, kind) => {
    const body = { error: { message: `mock error ${status} for ${KEY} and hush-hush` } };
    const error = await failedBy({ kind: 'status', status, body });
    expect(error).toMatchObject({ kind, reason: String(status), retryAfterMs: null });
    expect(error.message).toContain(`mock error ${status}`);
  });

  test.each<[string, { status: number; body: unknown }, string, string]>([
    [
      'a window that is too small',
      { status: 400, body: { error: { code: 'context_length_exceeded', message: 'no' } } },
      'rejected',
      'context overflow',
    ],
    [
      'a window that is too small, in words alone',
      {
        status: 400,
        body: { error: { message: 'Your input exceeds the context window of this model.' } },
      },
      'rejected',
      'context overflow',
    ],
    [
      'a model it does not know',
      { status: 400, body: { error: { code: 'model_not_found', message: 'no' } } },
      'unknown_model',
      '400',
    ],
    [
      'what was said',
      { status: 400, body: { error: { code: 'content_policy_violation', message: 'no' } } },
      'rejected',
      'content filter',
    ],
    ['a body that is no JSON', { status: 500, body: '<html>oops</html>' }, 'unavailable', '500'],
  ])('because of %s is told apart', async (_name, sent, kind, reason) => {
    expect(await failedBy({ kind: 'status', ...sent })).toMatchObject({ kind, reason });
  });

  const limited = (words: string) => ({
    body: { error: { message: `Please try again in ${words}.` } },
  });
  test.each<
    [string, Omit<Extract<ResponsesFault, { kind: 'status' }>, 'kind' | 'status'>, number | null]
  >([
    ['seconds', { retryAfter: 7 }, 7_000],
    ['milliseconds', { retryAfterMs: 1234 }, 1_234],
    ['nonsense', { retryAfter: 'soon' }, null],
    ['words', limited('7m12s'), 432_000],
    ['words of little', limited('28ms'), 28],
    ['words of much', limited('1h30m'), 5_400_000],
    ['words of parts', limited('11.054s'), 11_054],
    ['words without a number', limited('a moment'), null],
    ['both, of which the header counts', { retryAfter: 7, ...limited('9s') }, 7_000],
  ])('says when to come back in %s', async (_name, wait, retryAfterMs) => {
    const error = await failedBy({ kind: 'status', status: 429, ...wait });
    expect(error.retryAfterMs).toBe(retryAfterMs);
  });

  test.each<[ResponsesFault['kind'], string]>([
    ['cut', 'cut stream'],
    ['close', 'cut stream'],
    ['reset', 'connection reset'],
    ['error_event', '529'],
    ['failed', '500'],
  ])('by %s is unavailable, told as %s', async (kind, reason) => {
    expect(await failedBy({ kind } as ResponsesFault)).toMatchObject({
      kind: 'unavailable',
      reason,
    });
  });

  test('four times is answered the fifth time, with one request for each call of answer', async () => {
    failing(
      { kind: 'status', status: 429 },
      { kind: 'cut' },
      { kind: 'reset' },
      { kind: 'failed' },
    );
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      const { error } = await failureOf(provider(), requestOf());
      expect(error.kind).toBe('unavailable');
      expect(server.records).toHaveLength(attempt);
    }
    expect(await provider().answer(requestOf())).toMatchObject({ text: TEXT });
    expect(server.records.map(({ idempotencyKey }) => idempotencyKey)).toEqual(
      Array(5).fill('session/lead.1'),
    );
  });

  test('that is not there is unavailable and says where it was looked for', async () => {
    const gone = await startResponsesServer();
    await gone.close();
    const { error } = await failureOf(providerAt(gone.baseUrl), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'no connection' });
    expect(error.message).toContain(gone.baseUrl);
  });

  test('never gets its key into a message, even when it echoes it', async () => {
    server.setScript({ replies: [], requireKey: 'another' });
    const { error } = await failureOf(provider(), requestOf());
    expect(error.kind).toBe('unauthorized');
    expect(error.message).toContain('Incorrect API key');
    expect(error.message).not.toContain(KEY);
  });
});

describe('an error inside the stream', () => {
  const codes: [string, string, string][] = [
    ['rate_limit_exceeded', 'unavailable', '429'],
    ['insufficient_quota', 'unavailable', '429'],
    ['server_error', 'unavailable', '500'],
    ['server_is_overloaded', 'unavailable', '529'],
    ['slow_down', 'unavailable', '529'],
    ['never_heard_of', 'unavailable', 'provider error'],
    ['constructor', 'unavailable', 'provider error'],
    ['context_length_exceeded', 'rejected', 'context overflow'],
    ['invalid_prompt', 'rejected', '400'],
    ['cyber_policy_violation', 'rejected', 'content filter'],
    ['model_not_found', 'unknown_model', '404'],
    ['invalid_api_key', 'unauthorized', '401'],
  ];
  const words = `it says no to ${KEY}`;
  const shapes: [string, (code: string) => ResponsesFault][] = [
    ['response.failed', (code) => ({ kind: 'failed', body: { code, message: words } })],
    [
      'error',
      (code) => ({
        kind: 'error_event',
        body: { type: 'error', code, message: words, param: null },
      }),
    ],
    [
      'error with a body',
      (code) => ({
        kind: 'error_event',
        body: { type: 'error', error: { type: code, code: null, message: words } },
      }),
    ],
    [
      'an error without a type',
      (code) => ({ kind: 'error_event', body: { error: { code, message: words } } }),
    ],
    [
      'an error object',
      (code) => ({ kind: 'error_event', body: { object: 'error', code, message: words } }),
    ],
  ];
  const cases = shapes.flatMap(([shape, faultOf]) =>
    codes.map(([code, kind, reason]) => [shape, code, kind, reason, faultOf] as const),
  );
  test.each(cases)('as %s: %s is %s, told as %s', async (_shape, code, kind, reason, faultOf) => {
    expect(await failedBy(faultOf(code))).toMatchObject({ kind, reason });
  });

  test('says when to come back in its words', async () => {
    const message =
      'Rate limit reached for gpt-5.1 on tokens per min. Please try again in 11.054s. Visit …';
    const error = await failedBy({
      kind: 'failed',
      body: { code: 'rate_limit_exceeded', message },
    });
    expect(error.retryAfterMs).toBe(11_054);
  });

  test('behind the last event takes nothing away', async () => {
    const raw = [
      `data: ${JSON.stringify(ended({ output: OUTPUT }))}\n\n`,
      'data: {"type":"error","code":"server_error","message":"late"}\n\n',
      'data: {"error":{"message":"late"}}\n\n',
    ];
    server.setScript({ replies: [{ raw }] });
    expect(await provider().answer(requestOf())).toMatchObject({ text: TEXT });
  });

  test.each([[{}], [{ code: null, message: null }], [{ message: { deep: 1 } }]])(
    'that says nothing but %j is unavailable',
    async (body) => {
      expect(await failedBy({ kind: 'failed', body })).toMatchObject({ kind: 'unavailable' });
    },
  );
});

describe('a slow server', () => {
  test('that drips is not stalled', async () => {
    server.setScript({ replies: [{ output: OUTPUT, chunkMs: 25 }] });
    expect(await provider().answer(requestOf({ stallMs: 150 }))).toMatchObject({ text: TEXT });
  });

  test('that only sends comments while it thinks is not stalled', async () => {
    const comments = Array.from({ length: 6 }, () => ': keep-alive\n\n');
    const raw = [...comments, `data: ${JSON.stringify(ended({ output: OUTPUT }))}\n\n`];
    server.setScript({ replies: [{ raw, chunkMs: 60 }] });
    expect(await provider().answer(requestOf({ stallMs: 250 }))).toMatchObject({ text: TEXT });
  });

  test('that keeps its stream open behind the last event keeps nobody waiting for the stall', async () => {
    server.setScript({ replies: [{ output: OUTPUT, staysOpen: true }] });
    const startedAt = performance.now();
    expect(await provider().answer(requestOf({ stallMs: 20_000 }))).toMatchObject({ text: TEXT });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test('whose text only speaks of an end is stalled, not whole', async () => {
    const speaking = message('m', '\n\ndata: {"type":"response.completed"}\n\ndata: [DONE]\n\n');
    const raw = itemEvents(speaking, 0).map((event) => `data: ${JSON.stringify(event)}\n\n`);
    server.setScript({ replies: [{ raw, staysOpen: true }] });
    const { error } = await failureOf(provider(), requestOf({ stallMs: 200 }));
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'stall' });
  });

  test.each(['hang', 'hang_midway'] as const)('by %s is a stall, noticed in time', async (kind) => {
    failing({ kind });
    const { error, tookMs } = await failureOf(provider(), requestOf({ stallMs: 200 }));
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'stall' });
    expect(tookMs).toBeGreaterThanOrEqual(195);
    expect(tookMs).toBeLessThan(1_000);
  });
});

describe('an interrupt', () => {
  test.each(['hang', 'hang_midway'] as const)(
    'during %s ends the request at once',
    async (kind) => {
      server.setScript({ replies: [{ output: [message('m', TEXT)], faults: [{ kind }] }] });
      const stop = new AbortController();
      let isTold = false;
      const onText = () => void (isTold = true);
      const failed = failureOf(provider(), requestOf({ signal: stop.signal, onText }));
      await server.requested(1);
      while (kind === 'hang_midway' && !isTold) await new Promise(setImmediate);
      const abortedAt = performance.now();
      stop.abort(new Error('interrupted'));
      expect((await failed).error.kind).toBe('aborted');
      expect(performance.now() - abortedAt).toBeLessThan(200);
    },
  );

  test('before the request sends nothing', async () => {
    const { error } = await failureOf(provider(), requestOf({ signal: AbortSignal.abort() }));
    expect(error.kind).toBe('aborted');
    expect(server.records).toHaveLength(0);
  });

  test('behind the last event keeps the answer that was paid for', async () => {
    server.setScript({ replies: [{ output: OUTPUT, staysOpen: true }] });
    const stop = new AbortController();
    const onText = () => void setTimeout(() => stop.abort(new Error('interrupted')), 40);
    const answer = await provider().answer(requestOf({ signal: stop.signal, onText }));
    expect(answer.text).toBe(TEXT);
  });
});
