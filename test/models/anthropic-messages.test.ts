/**
 * The Messages provider over real HTTP: every way a server can fail, be slow or be stopped.
 */
import { makeAnthropicMessages } from '../../activities/models/anthropic-messages.js';
import type { ModelServer } from '../../activities/models/ask-over-http.js';
import {
  errorOf,
  startAnthropicServer,
  type MessagesFault,
  type MessagesServer,
} from '../support/anthropic-server.js';
import { failureOf, requestOf } from './asking.js';

let server: MessagesServer;
const KEY = 'sk-ant-secret-key-0123456789';

const providerOf = (change: Partial<ModelServer> = {}) => {
  const { baseUrl } = server;
  return makeAnthropicMessages({
    name: 'mock',
    baseUrl,
    headers: {},
    key: KEY,
    env: {},
    ...change,
  });
};

beforeAll(async () => {
  // The SDK is loaded by the first request, whose time is not measured.
  server = await startAnthropicServer({ replies: [{ text: 'hello' }] });
  await providerOf().answer(requestOf());
  await server.close();
});
beforeEach(async () => {
  server = await startAnthropicServer({ replies: [{ text: 'hello there' }] });
});
afterEach(() => server.close());

const failing = (fault: MessagesFault) =>
  server.setScript({ replies: [{ text: 'one two three four', faults: [fault] }] });

describe('a server that fails', () => {
  const statuses: [number, string, string, string][] = [
    [400, 'invalid_request_error', 'rejected', '400'],
    [401, 'authentication_error', 'unauthorized', '401'],
    [402, 'billing_error', 'rejected', '402'],
    [403, 'permission_error', 'unauthorized', '403'],
    [404, 'not_found_error', 'unknown_model', '404'],
    [408, 'timeout_error', 'unavailable', '408'],
    [409, 'conflict_error', 'unavailable', '409'],
    [413, 'request_too_large', 'rejected', 'context overflow'],
    [422, 'invalid_request_error', 'rejected', '422'],
    [429, 'rate_limit_error', 'unavailable', '429'],
    [500, 'api_error', 'unavailable', '500'],
    [503, 'api_error', 'unavailable', '503'],
    [504, 'timeout_error', 'unavailable', '504'],
    [529, 'overloaded_error', 'unavailable', '529'],
  ];
  test.each(statuses)('with status %i is %s, told as %s', async (status, type, kind, reason) => {
    failing({ kind: 'status', status, body: errorOf(type, 'in its own words') });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error).toMatchObject({ kind, reason, retryAfterMs: null });
    expect(error.message).toBe(`mock (${server.baseUrl}): ${status} in its own words`);
    expect(server.records).toHaveLength(1);
  });

  const inStream: [string, string, string][] = [
    ['overloaded_error', 'unavailable', '529'],
    ['rate_limit_error', 'unavailable', '429'],
    ['api_error', 'unavailable', '500'],
    ['timeout_error', 'unavailable', '504'],
    ['invalid_request_error', 'rejected', '400'],
    ['authentication_error', 'unauthorized', '401'],
    ['permission_error', 'unauthorized', '403'],
    ['not_found_error', 'unknown_model', '404'],
    ['request_too_large', 'rejected', 'context overflow'],
    ['an_error_of_tomorrow', 'unavailable', 'provider error'],
  ];
  test.each(inStream)('by %s in its stream is as by its status', async (type, kind, reason) => {
    failing({ kind: 'error_event', error: { type, message: 'in its own words' } });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error).toMatchObject({ kind, reason });
    expect(error.message).toContain('in its own words');
    expect(error.message).not.toContain('{');
    expect(server.records).toHaveLength(1);
  });

  test.each([
    ['prompt is too long: 215000 tokens > 200000 maximum', 400],
    ['input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000', 400],
    ['Request size exceeds model context window', 400],
    ['Request exceeds the maximum size', 413],
  ])('because the conversation does not fit (%s) says so', async (words, status) => {
    const type = status === 413 ? 'request_too_large' : 'invalid_request_error';
    failing({ kind: 'status', status, body: errorOf(type, words) });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error).toMatchObject({ kind: 'rejected', reason: 'context overflow' });
    failing({ kind: 'error_event', error: { type, message: words } });
    const told = await failureOf(providerOf(), requestOf({ idempotencyKey: 'another' }));
    expect(told.error).toMatchObject({ kind: 'rejected', reason: 'context overflow' });
  });

  test('because of a rate that counts long prompts is asked again all the same', async () => {
    const words = 'prompt is too long for what is left of your tokens per minute';
    failing({ kind: 'status', status: 429, body: errorOf('rate_limit_error', words) });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason: '429' });
  });

  test('because it gives fewer tokens than were asked for says which setting to change', async () => {
    server.setScript({ replies: [], outputTokensMax: 8192 });
    const { error } = await failureOf(providerOf(), requestOf({ outputTokensMax: 64_000 }));
    expect(error).toMatchObject({ kind: 'rejected', reason: '400' });
    expect(error.message).toContain('max_tokens: 64000 > 8192');
    expect(error.message).toContain('set output_tokens_max of this model to 8192 or less');
  });

  test('because it does not know the model is told with the name', async () => {
    server.setScript({ replies: [], models: ['claude-a'] });
    const { error } = await failureOf(providerOf(), requestOf({ model: 'claude-b' }));
    expect(error).toMatchObject({ kind: 'unknown_model', reason: '404' });
    expect(error.message).toContain('model: claude-b');
  });

  const shapes: [string, unknown, string][] = [
    ['a web page', '<html>bad gateway</html>', 'bad gateway'],
    ['a text as error', { error: 'no upstream' }, 'no upstream'],
    ['a bare message', { message: 'no route' }, 'no route'],
    ['a list', [{ error: { message: 'from another family' } }], 'from another family'],
    ['details', { detail: [{ msg: 'field required' }] }, 'field required'],
    ['nothing', '', '502'],
    ['null', 'null', '502'],
  ];
  test.each(shapes)(
    'with %s for a body is told as far as it can be',
    async (_name, body, words) => {
      failing({ kind: 'status', status: 502, body });
      const { error } = await failureOf(providerOf(), requestOf());
      expect(error).toMatchObject({ kind: 'unavailable', reason: '502' });
      expect(error.message).toContain(words);
    },
  );

  test.each([
    ['in seconds', '7', 7_000],
    ['as a date that has passed', 'Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['in words', 'soon', null],
  ])('says when to come back %s', async (_name, retryAfter, retryAfterMs) => {
    const body = errorOf('rate_limit_error', 'slow down');
    failing({ kind: 'status', status: 429, retryAfter, body });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason: '429', retryAfterMs });
  });

  const breaks: [MessagesFault['kind'], string][] = [
    ['cut', 'cut stream'],
    ['close', 'cut stream'],
    ['reset', 'connection reset'],
  ];
  test.each(breaks)('by %s is unavailable, told as %s', async (kind, reason) => {
    failing({ kind } as MessagesFault);
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason });
    expect(server.records).toHaveLength(1);
  });

  test.each(['hang', 'hang_midway'] as const)('by %s is a stall, noticed in time', async (kind) => {
    failing({ kind });
    const { error, tookMs } = await failureOf(providerOf(), requestOf({ stallMs: 200 }));
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'stall' });
    expect(tookMs).toBeGreaterThanOrEqual(195);
    expect(tookMs).toBeLessThan(1_000);
  });

  test('one time and then answers is asked once for each try, with the same key', async () => {
    const faults = [
      { kind: 'status', status: 529 },
      { kind: 'cut' },
      { kind: 'error_event' },
    ] as const;
    server.setScript({ replies: [{ text: 'at last', faults }] });
    for (const _fault of faults) await failureOf(providerOf(), requestOf());
    expect((await providerOf().answer(requestOf())).text).toBe('at last');
    expect(server.records.map(({ outcome }) => outcome)).toEqual([
      '529',
      'cut',
      'error_event',
      'answered',
    ]);
    expect(new Set(server.records.map(({ body }) => body)).size).toBe(1);
    const keys = server.records.map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys)).toEqual(new Set(['session/lead.1']));
  });

  test('that is not there is unavailable and says where it was looked for', async () => {
    const gone = await startAnthropicServer({ replies: [] });
    await gone.close();
    const provider = providerOf({ baseUrl: gone.baseUrl });
    const { error } = await failureOf(provider, requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'no connection' });
    expect(error.message).toContain(gone.baseUrl);
    expect(error.message).toContain('ECONNREFUSED');
  });
});

describe('a slow server', () => {
  test('that drips is not stalled', async () => {
    server.setScript({ replies: [{ text: 'one two three four', chunkMs: 60 }] });
    const answer = await providerOf().answer(requestOf({ stallMs: 250 }));
    expect(answer.text).toBe('one two three four');
  });

  test('that only pings while it thinks is not stalled', async () => {
    const pings = Array.from({ length: 6 }, () => 'event: ping\ndata: {"type": "ping"}\n\n');
    server.setScript({
      replies: [{ raw: [...pings, 'data: {"type":"message_stop"}\n\n'], chunkMs: 60 }],
    });
    expect((await providerOf().answer(requestOf({ stallMs: 250 }))).text).toBe('');
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

  test('by the reader of its first words ends the request at once', async () => {
    failing({ kind: 'hang_midway' });
    const stop = new AbortController();
    const onText = () => stop.abort(new Error('interrupted'));
    const { error, tookMs } = await failureOf(
      providerOf(),
      requestOf({ signal: stop.signal, onText }),
    );
    expect(error.kind).toBe('aborted');
    expect(tookMs).toBeLessThan(500);
  });

  test('before the request sends nothing', async () => {
    const { error } = await failureOf(providerOf(), requestOf({ signal: AbortSignal.abort() }));
    expect(error.kind).toBe('aborted');
    expect(server.records).toHaveLength(0);
  });
});

describe('the key', () => {
  const sent = () => server.records[0]?.headers ?? {};

  test.each([
    ['x-api-key where nothing is said', {}, { 'x-api-key': KEY }],
    ['x-api-key where that is said', { keyHeader: 'x-api-key' }, { 'x-api-key': KEY }],
    ['api-key where that is said', { keyHeader: 'api-key' }, { 'api-key': KEY }],
    ['bearer where that is said', { keyHeader: 'bearer' }, { authorization: `Bearer ${KEY}` }],
    ['nothing where there is none', { key: null }, {}],
    ['nothing where there is none to bear', { key: null, keyHeader: 'bearer' }, {}],
    [
      'two headers only when settings name the other one',
      { headers: { Authorization: 'Basic Z2F0ZQ==' } },
      { 'x-api-key': KEY, authorization: 'Basic Z2F0ZQ==' },
    ],
  ] as [string, Partial<ModelServer>, Record<string, string>][])(
    'goes out as %s',
    async (_name, change, expected) => {
      await providerOf(change).answer(requestOf());
      const { authorization, 'x-api-key': own, 'api-key': azure } = sent();
      const keyed = { authorization, 'x-api-key': own, 'api-key': azure };
      expect(JSON.parse(JSON.stringify(keyed))).toEqual(expected);
    },
  );

  test('and other headers of the settings go out, of which an older version may be one', async () => {
    const headers = { 'X-Team': 'compilers', 'Anthropic-Version': '2023-06-01' };
    await providerOf({ headers }).answer(requestOf());
    expect(sent()).toMatchObject({ 'x-team': 'compilers', 'anthropic-version': '2023-06-01' });
  });

  test.each([
    [
      'keys, addresses and headers',
      {
        ANTHROPIC_API_KEY: 'sk-of-the-daemon',
        ANTHROPIC_AUTH_TOKEN: 'token-of-the-daemon',
        ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
        ANTHROPIC_CUSTOM_HEADERS: 'X-Stray: of-the-daemon\nX-Api-Key: sk-of-the-daemon',
        ANTHROPIC_LOG: 'debug',
      },
    ],
    [
      'profiles, which are looked up in files',
      { ANTHROPIC_PROFILE: 'of-the-daemon', ANTHROPIC_CONFIG_DIR: '/of-the-daemon' },
    ],
  ] as [string, Record<string, string>][])(
    'and no %s of our own environment',
    async (_name, ours) => {
      const before = { ...process.env };
      Object.assign(process.env, ours);
      try {
        for (const key of [KEY, null]) await providerOf({ key }).answer(requestOf());
      } finally {
        for (const name of Object.keys(ours)) delete process.env[name];
        Object.assign(process.env, before);
      }
      expect(server.records).toHaveLength(2);
      expect(JSON.stringify(server.records)).not.toContain('of-the-daemon');
    },
  );

  test.each([
    ['x-api-key', KEY, {}],
    ['authorization', `Bearer ${KEY}`, { keyHeader: 'bearer' }],
  ] as const)('in %s is what such a server wants', async (header, value, change) => {
    server.setScript({ replies: [], requireKey: { header, value } });
    expect((await providerOf(change).answer(requestOf())).text).toBe('done');
    const { error } = await failureOf(providerOf({ key: 'another-key' }), requestOf());
    expect(error).toMatchObject({ kind: 'unauthorized', reason: '401' });
  });

  const echoes: [string, MessagesFault][] = [
    ['a status', { kind: 'status', status: 400, body: errorOf('x', `your key ${KEY} is old`) }],
    ['a status without JSON', { kind: 'status', status: 500, body: `your key ${KEY} is old` }],
    ['its stream', { kind: 'error_event', error: { message: `your key ${KEY} is old` } }],
  ];
  test.each(echoes)('is in no message, though a server echoes it in %s', async (_place, fault) => {
    failing(fault);
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error.message).toContain('your key *** is old');
    expect(error.message).not.toContain(KEY);
  });

  test('is in no message, though a filter explains itself with it', async () => {
    const stopDetails = { type: 'refusal', category: null, explanation: `not with ${KEY}` };
    server.setScript({ replies: [{ stop: 'refusal', stopDetails }] });
    const { error } = await failureOf(providerOf(), requestOf());
    expect(error.message).toContain('not with ***');
  });
});

describe('the list of models', () => {
  test('is what the server says', async () => {
    server.setScript({ replies: [], models: ['claude-big', 'claude-small'] });
    const names = await providerOf().listModels(AbortSignal.timeout(2_000));
    expect(names).toEqual(['claude-big', 'claude-small']);
  });

  test('leaves out what has no name', async () => {
    server.setScript({ replies: [], models: [undefined, null, 7, 'claude-a'] as string[] });
    expect(await providerOf().listModels(AbortSignal.timeout(2_000))).toEqual(['claude-a']);
  });

  test('is empty when the server can not say', async () => {
    const silent = providerOf({ baseUrl: 'http://127.0.0.1:9' });
    expect(await silent.listModels(AbortSignal.timeout(2_000))).toEqual([]);
  });
});
