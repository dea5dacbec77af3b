/**
 * From a model's id to who is asked: over which API, with the key in which header, at which price.
 */
import { findSeat, suggestModels } from '../../activities/models/providers.js';
import { costOf, usageRowOf } from '../../activities/models/pricing.js';
import type { SessionSecrets } from '../../config/settings.js';
import { failureOf, requestOf } from './asking.js';
import { sending, startByteServer, type Asked, type ByteServer } from './byte-server.js';

type Server = SessionSecrets['providers'][string];

const KEY = 'sk-secret-key-0123456789';
const POSITION = { agent: 'lead', answers: 0, failures: 0, project: '/' };
const PRICE = { inputUsd: 7, outputUsd: 8, cacheReadUsd: 1, cacheWriteUsd: 9 };

const provider = (change: Partial<Server> = {}): Server => ({
  api: 'chat',
  baseUrl: 'http://127.0.0.1:9/v1',
  keyEnv: 'SOME_KEY',
  key: KEY,
  headers: {},
  models: {},
  ...change,
});
const seatOf = (id: string, providers: SessionSecrets['providers']) =>
  findSeat(id, { providers, toolEnv: {} }, [], POSITION);

let server: ByteServer;
beforeEach(async () => {
  server = await startByteServer(sending('{"error":{"message":"no"}}', 'application/json', 401));
});
afterEach(() => server.close());

/** What a provider sends, judged by one request that is refused. */
const askedBy = async (change: Partial<Server>): Promise<Asked> => {
  const baseUrl = change.api === 'anthropic' ? server.origin : server.baseUrl;
  const seat = await seatOf('lab/m', { lab: provider({ baseUrl, ...change }) });
  const { error } = await failureOf(seat.provider, requestOf({ model: seat.model }));
  expect(error.kind).toBe('unauthorized');
  expect(error.message).not.toContain(KEY);
  expect(server.asked).toHaveLength(1);
  return server.asked[0]!;
};
const KEY_HEADERS = ['authorization', 'x-api-key', 'api-key'];
const keysIn = ({ headers }: Asked): Record<string, unknown> =>
  Object.fromEntries(KEY_HEADERS.flatMap((name) => (headers[name] ? [[name, headers[name]]] : [])));

describe('a request', () => {
  const bearer = { authorization: `Bearer ${KEY}` };
  test.each<[string, string, Partial<Server>, Record<string, string>]>([
    ['chat', '/v1/chat/completions', {}, bearer],
    ['responses', '/v1/responses', {}, bearer],
    ['anthropic', '/v1/messages', {}, { 'x-api-key': KEY }],
    ['anthropic', '/v1/messages', { keyHeader: 'bearer' }, bearer],
    ['responses', '/v1/responses', { keyHeader: 'api-key' }, { 'api-key': KEY }],
    ['chat', '/v1/chat/completions', { keyHeader: 'api-key' }, { 'api-key': KEY }],
    ['chat', '/v1/chat/completions', { keyHeader: 'bearer' }, bearer],
    ['chat', '/v1/chat/completions', { keyEnv: null, key: null }, {}],
    ['responses', '/v1/responses', { keyEnv: null, key: null }, {}],
    ['anthropic', '/v1/messages', { keyEnv: null, key: null }, {}],
  ])('by %s goes to %s, given %j with %j', async (api, path, change, keys) => {
    const asked = await askedBy({ ...change, api: api as Server['api'] });
    expect([asked.method, asked.url.split('?')[0]]).toEqual(['POST', path]);
    expect(keysIn(asked)).toEqual(keys);
    expect(JSON.parse(asked.body)).toMatchObject({ model: 'm', stream: true });
  });

  test.each(['chat', 'responses', 'anthropic'] as const)(
    'by %s carries the headers that were configured',
    async (api) => {
      const asked = await askedBy({ api, headers: { 'X-Team': 'compilers' } });
      expect(asked.headers['x-team']).toBe('compilers');
    },
  );
});

describe('window and price', () => {
  const openai = { openai: provider() };
  const unknown = { contextTokens: null, outputTokensMax: null, price: null };

  test('of a model that nobody configured are those of the catalogue', async () => {
    expect(await seatOf('openai/gpt-5.1', openai)).toMatchObject({
      model: 'gpt-5.1',
      contextTokens: 400_000,
      outputTokensMax: 128_000,
      price: { inputUsd: 1.25, outputUsd: 10 },
      keyEnv: 'SOME_KEY',
    });
  });

  test.each([
    [{ price: PRICE }, { contextTokens: 400_000, outputTokensMax: 128_000, price: PRICE }],
    [{ contextTokens: 5 }, { contextTokens: 5, price: { inputUsd: 1.25 } }],
    [{ outputTokensMax: 6 }, { contextTokens: 400_000, outputTokensMax: 6 }],
  ])('are the configured ones where there are some: %j', async (own, expected) => {
    const models = { 'gpt-5.1': { ...unknown, ...own } };
    expect(await seatOf('openai/gpt-5.1', { openai: provider({ models }) })).toMatchObject(
      expected,
    );
  });

  test.each(['openai/gpt-0', 'lab/gpt-5.1', 'lab/constructor', 'lab/__proto__'])(
    'of %s are unknown, and it is asked all the same',
    async (id) => {
      const seat = await seatOf(id, { ...openai, lab: provider({ baseUrl: server.baseUrl }) });
      expect(seat).toMatchObject(unknown);
      expect(seat.model).toBe(id.split('/')[1]);
    },
  );
});

describe('the cost of a call', () => {
  const usage = (input: number, read = 0, write = 0) => ({
    input_tokens: input,
    output_tokens: 1_000_000,
    cache_read_input_tokens: read,
    cache_creation_input_tokens: write,
  });
  const tier = { inputUsd: 70, outputUsd: 80, cacheReadUsd: 10, cacheWriteUsd: 90 };
  const price = {
    ...PRICE,
    tiers: [
      { inputTokensAbove: 200_000, ...tier },
      { inputTokensAbove: 500_000, ...tier, outputUsd: 800 },
    ],
  };

  test.each([
    ['a short input', usage(100_000), 0.7 + 8],
    ['the last token below', usage(200_000), 1.4 + 8],
    ['the first above', usage(200_001), 14.00007 + 80],
    ['cached input that counts as well', usage(1, 200_000), 0.00007 + 2 + 80],
    ['input written to the cache', usage(0, 0, 300_000), 27 + 80],
    ['the highest tier of two', usage(600_000), 42 + 800],
  ])('for %s is by the rates of its length', (_what, used, usd) => {
    expect(costOf(used, price)).toBeCloseTo(usd, 9);
  });

  test('without a price is unknown, and never 0', () => {
    expect(costOf(usage(1), null)).toBeNull();
    const answer = { text: 'hi', thinking: '', calls: [], stopReason: 'stop', native: null };
    const call = { model: 'a/b', request: requestOf(), durationMs: 1, price: null };
    expect(usageRowOf({ ...call, answer: { ...answer, usage: null } })).toMatchObject({
      costUsd: null,
      estimated: true,
    });
  });
});

describe('a name that nobody knows', () => {
  test.each([
    ['antropic/x', 'Did you mean anthropic?'],
    ['scriptd/x', 'Did you mean scripted?'],
    ['__proto__/x', 'there is no provider "__proto__"'],
  ])('%s of a provider is refused: %s', async (id, words) => {
    const providers = { anthropic: provider(), openai: provider() };
    await expect(seatOf(id, providers)).rejects.toMatchObject({
      kind: 'unknown_model',
      message: expect.stringContaining(words),
    });
  });

  test('of a model gets the nearest of config, catalogue and server', async () => {
    const list = { object: 'list', data: [{ id: 'gpt-5.1-house' }, { id: null }, 7] };
    server.answering = sending(JSON.stringify(list), 'application/json');
    const none = { contextTokens: null, outputTokensMax: null, price: null };
    const openai = provider({ baseUrl: server.baseUrl, models: { 'gpt-5.1-mine': none } });
    const near = async (id: string) => suggestModels(id, await seatOf(id, { openai }), { openai });
    expect(await near('openai/gpt-5.1-hose')).toContain('openai/gpt-5.1-house');
    expect(await near('openai/gpt-5.1-mne')).toContain('openai/gpt-5.1-mine');
    expect(await near('openai/o4-mni')).toContain('openai/o4-mini');
    expect(await near('openai/zzzzzzzzzzzzzzzzzz')).toBe('');
  });

  test('of a model gets the nearest of the catalogue where the server gives no list', async () => {
    const anthropic = provider({ api: 'anthropic', baseUrl: server.origin });
    const id = 'anthropic/claude-sonet-5-5';
    const seat = await seatOf(id, { anthropic });
    expect(await suggestModels(id, seat, { anthropic })).toContain('anthropic/claude-sonnet-5-5');
  });
});

test('a provider without its key is not asked', async () => {
  const lab = provider({ baseUrl: server.baseUrl, key: null });
  await expect(seatOf('lab/m', { lab })).rejects.toMatchObject({
    kind: 'unauthorized',
    message: 'no key for lab: SOME_KEY is not set',
  });
  expect(server.asked).toEqual([]);
});
