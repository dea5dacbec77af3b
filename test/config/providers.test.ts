/**
 * The providers that are built in: where each is asked, how, with whose key, and what changes that.
 */
import { buildSecrets } from '../../config/secrets.js';
import { loadSettings } from '../../config/load.js';
import { requireModel } from '../../config/model-choice.js';
import type { ProviderSettings, Settings } from '../../config/settings.js';
import { toolEnvironment } from '../../activities/tools/environment.js';
import { failure, withPlace } from './place.js';

type Variables = Readonly<Record<string, string>>;

const settingsOf = async (variables: Variables, config = ''): Promise<Settings> => {
  let found: Settings | null = null;
  await withPlace(async ({ home, user, request }) => {
    user(config);
    found = (await loadSettings(request({ env: { HOME: home, ...variables } }))).settings;
  });
  return found!;
};
const providerOf = async (
  name: string,
  variables: Variables = {},
  config = '',
): Promise<ProviderSettings | undefined> => (await settingsOf(variables, config)).providers[name];

describe('a provider that is built in', () => {
  test.each([
    ['anthropic', 'anthropic', 'https://api.anthropic.com', 'ANTHROPIC_API_KEY'],
    ['openai', 'responses', 'https://api.openai.com/v1', 'OPENAI_API_KEY'],
    ['google', 'chat', 'https://generativelanguage.googleapis.com/v1beta/openai', 'GEMINI_API_KEY'],
    ['openrouter', 'chat', 'https://openrouter.ai/api/v1', 'OPENROUTER_API_KEY'],
    ['groq', 'chat', 'https://api.groq.com/openai/v1', 'GROQ_API_KEY'],
    ['deepseek', 'chat', 'https://api.deepseek.com', 'DEEPSEEK_API_KEY'],
    ['mistral', 'chat', 'https://api.mistral.ai/v1', 'MISTRAL_API_KEY'],
    ['xai', 'responses', 'https://api.x.ai/v1', 'XAI_API_KEY'],
    ['together', 'chat', 'https://api.together.ai/v1', 'TOGETHER_API_KEY'],
    ['fireworks', 'chat', 'https://api.fireworks.ai/inference/v1', 'FIREWORKS_API_KEY'],
    ['cerebras', 'chat', 'https://api.cerebras.ai/v1', 'CEREBRAS_API_KEY'],
    ['moonshotai', 'chat', 'https://api.moonshot.ai/v1', 'MOONSHOT_API_KEY'],
    ['zai', 'chat', 'https://api.z.ai/api/coding/paas/v4', 'ZAI_API_KEY'],
    ['minimax', 'anthropic', 'https://api.minimax.io/anthropic', 'MINIMAX_API_KEY'],
    ['huggingface', 'chat', 'https://router.huggingface.co/v1', 'HF_TOKEN'],
    ['nvidia', 'chat', 'https://integrate.api.nvidia.com/v1', 'NVIDIA_API_KEY'],
    ['ollama', 'chat', 'http://127.0.0.1:11434/v1', null],
    ['lmstudio', 'chat', 'http://127.0.0.1:1234/v1', null],
    ['vllm', 'chat', 'http://127.0.0.1:8000/v1', null],
  ])('%s speaks %s at %s with %s', async (name, api, baseUrl, keyEnv) => {
    const plain = { api, baseUrl, keyEnv, headers: {}, models: {} };
    expect(await providerOf(name)).toEqual(plain);
  });

  test('keeps what a table does not say', async () => {
    const config =
      '[providers.anthropic]\nheaders = { "X-Team" = "a" }\n[providers.anthropic.models.m]\ncontext_tokens = 9';
    expect(await providerOf('anthropic', { ANTHROPIC_BASE_URL: 'http://gate' }, config)).toEqual({
      api: 'anthropic',
      baseUrl: 'http://gate',
      keyEnv: 'ANTHROPIC_API_KEY',
      headers: { 'X-Team': 'a' },
      models: { m: { contextTokens: 9, outputTokensMax: null, price: null } },
    });
  });
});

describe('the API of openai', () => {
  const at = (url: string) => ({ OPENAI_BASE_URL: url });
  const OWN = 'https://api.openai.com/v1';
  test.each<[string, Variables, string, string]>([
    ['its own address', {}, '', 'responses'],
    ['its own address in the file', {}, `base_url = "${OWN}"`, 'responses'],
    ['another one in a variable', at('http://h/v1'), '', 'chat'],
    ['its own one in a variable', at(OWN), '', 'chat'],
    ['another one in the file', {}, 'base_url = "http://h/v1"', 'chat'],
    ['a variable that is blank', at(' '), '', 'responses'],
    ['a file that decides, here', {}, 'api = "chat"', 'chat'],
    ['a file that decides, there', at('http://h/v1'), 'api = "responses"', 'responses'],
  ])('with %s is %s', async (_what, variables, table, api) => {
    const config = table === '' ? '' : `[providers.openai]\n${table}`;
    expect((await providerOf('openai', variables, config))?.api).toBe(api);
  });
});

test.each([
  ['', 'chat'],
  ['api = "chat"', 'chat'],
  ['api = "responses"', 'responses'],
  ['api = "anthropic"', 'anthropic'],
])('a server of your own with %j is asked by %s', async (line, api) => {
  const config = `[providers.lab]\nbase_url = "http://lab"\n${line}`;
  expect(await providerOf('lab', {}, config)).toMatchObject({ api, keyEnv: null });
});

describe('of two variables for one key', () => {
  const token = ['ANTHROPIC_AUTH_TOKEN', 'bearer'];
  const key = ['ANTHROPIC_API_KEY', undefined];
  test.each<[string, Variables, string, readonly (string | undefined)[]]>([
    ['anthropic', { ANTHROPIC_API_KEY: 'k' }, '', key],
    ['anthropic', { ANTHROPIC_AUTH_TOKEN: 't' }, '', token],
    ['anthropic', { ANTHROPIC_AUTH_TOKEN: ' ', ANTHROPIC_API_KEY: 'k' }, '', key],
    ['anthropic', { ANTHROPIC_AUTH_TOKEN: 't', ANTHROPIC_API_KEY: 'k' }, '', token],
    ['anthropic', { ANTHROPIC_AUTH_TOKEN: 't' }, 'key_env = "ANTHROPIC_API_KEY"', key],
    ['anthropic', { ANTHROPIC_AUTH_TOKEN: 't' }, 'key_env = "MINE"', ['MINE', undefined]],
    ['google', { GOOGLE_API_KEY: 'k' }, '', ['GOOGLE_API_KEY', undefined]],
    ['google', { GEMINI_API_KEY: 'k' }, '', ['GEMINI_API_KEY', undefined]],
  ])('%s takes, given %j and %j, %j', async (name, variables, line, expected) => {
    const config = line === '' ? '' : `[providers.${name}]\n${line}`;
    const found = await providerOf(name, variables, config);
    expect([found?.keyEnv, found?.keyHeader]).toEqual(expected);
  });
});

describe('azure', () => {
  const key = { keyEnv: 'AZURE_OPENAI_API_KEY', keyHeader: 'api-key', api: 'responses' };
  test.each([
    ['AZURE_OPENAI_BASE_URL', 'https://me.openai.azure.com/openai/v1'],
    ['AZURE_OPENAI_BASE_URL', 'https://me.openai.azure.com'],
    ['AZURE_OPENAI_ENDPOINT', 'https://me.openai.azure.com/'],
    ['AZURE_OPENAI_ENDPOINT', 'https://me.openai.azure.com/openai/'],
  ])('with %s of %s is asked at its API', async (name, value) => {
    const found = await providerOf('azure', { [name]: value });
    expect(found).toMatchObject({ ...key, baseUrl: 'https://me.openai.azure.com/openai/v1' });
  });

  test('behind a gateway is asked at the address as it is', async () => {
    const env = { AZURE_OPENAI_BASE_URL: 'https://gate.example/azure' };
    expect((await providerOf('azure', env))?.baseUrl).toBe('https://gate.example/azure');
  });

  test.each(['', '[providers.azure.models.mine]\ncontext_tokens = 9'])(
    'without an address is not there, and says what it lacks (%j)',
    async (config) => {
      const settings = await settingsOf({ AZURE_OPENAI_API_KEY: 'k' }, config);
      expect(settings.providers['azure']).toBeUndefined();
      const secrets = secretsOf(settings, {});
      expect(() => requireModel('azure/x', secrets.providers)).toThrow(
        'provider "azure" has no address (model azure/x)',
      );
    },
  );
});

const secretsOf = (
  settings: Settings,
  env: Variables,
  previous: ReturnType<typeof buildSecrets> | null = null,
) => buildSecrets({ settings, env, umask: 0o22, toolEnvironment, previous });

describe('the model that nobody names', () => {
  test.each<[Variables, RegExp | null]>([
    [{}, null],
    [{ OPENAI_API_KEY: 'k' }, /^openai\//],
    [{ OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' }, /^anthropic\/claude-/],
    [{ OPENAI_API_KEY: 'k', ANTHROPIC_AUTH_TOKEN: 'k' }, /^anthropic\/claude-/],
    [{ OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: ' ' }, /^openai\//],
    [{ GROQ_API_KEY: 'k', GEMINI_API_KEY: 'k' }, /^google\/gemini-/],
    [{ GROQ_API_KEY: 'k', HF_TOKEN: 'k' }, /^groq\//],
    [{ HF_TOKEN: 'k', NVIDIA_API_KEY: 'k', AZURE_OPENAI_API_KEY: 'k' }, null],
  ])('is, for the keys %j, %s', async (variables, expected) => {
    const { model } = await settingsOf(variables);
    if (expected === null) expect(model).toBeNull();
    else expect(model).toMatch(expected);
  });

  test('is that of a provider whose key stands in another variable', async () => {
    const config = '[providers.anthropic]\nkey_env = "WORK"';
    const keys = { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' };
    expect((await settingsOf(keys, config)).model).toMatch(/^openai\//);
    expect((await settingsOf({ ...keys, WORK: 'k' }, config)).model).toMatch(/^anthropic\//);
  });
});

describe('a key', () => {
  test('stays with its address and its header when a later command has neither', async () => {
    const gate = { ANTHROPIC_AUTH_TOKEN: 't', ANTHROPIC_BASE_URL: 'https://gate.example' };
    const first = secretsOf(await settingsOf(gate), gate);
    const later = secretsOf(await settingsOf({}), {}, first).providers['anthropic'];
    const kept = { key: 't', keyHeader: 'bearer', baseUrl: 'https://gate.example' };
    expect(later).toMatchObject(kept);

    const own = { ANTHROPIC_API_KEY: 'k' };
    const fresh = secretsOf(await settingsOf(own), own, first).providers['anthropic'];
    expect(fresh).toMatchObject({ key: 'k', baseUrl: 'https://api.anthropic.com' });
    expect(fresh).not.toHaveProperty('keyHeader');
  });

  test('of no provider reaches the commands of the agent', async () => {
    const keys = {
      ...{ ANTHROPIC_AUTH_TOKEN: '1', GOOGLE_API_KEY: '2', GEMINI_API_KEY: '3', HF_TOKEN: '4' },
      ...{ AZURE_OPENAI_API_KEY: '5', AI_GATEWAY_API_KEY: '6', XAI_API_KEY: '7' },
    };
    const { toolEnv } = secretsOf(await settingsOf(keys), { PATH: '/bin', ...keys });
    expect(toolEnv).toEqual({ PATH: '/bin' });
  });
});

describe('what can’t be used is refused', () => {
  test.each([['ANTHROPIC_BASE_URL'], ['AZURE_OPENAI_BASE_URL'], ['AZURE_OPENAI_ENDPOINT']])(
    'an address in %s, without being repeated',
    async (name) => {
      const { message, cure } = await failure(settingsOf({ [name]: 'https://me:secret@host' }));
      expect(message).toBe(`${name} is not an http or https address without password or query`);
      expect(cure).toContain(`Example: ${name}=https://`);
    },
  );

  test.each([
    ['antropic', 'Did you mean "anthropic"?'],
    ['opnrouter', 'Did you mean "openrouter"'],
    ['groc', 'Did you mean "groq"'],
    ['moonshot', 'Did you mean "moonshotai"'],
  ])('a provider "%s": %s', async (name, cure) => {
    const { providers } = secretsOf(await settingsOf({}), {});
    const refused = await failure(
      Promise.resolve().then(() => requireModel(`${name}/m`, providers)),
    );
    expect(refused.cure).toContain(cure);
  });

  test('a provider that is like none, with some that are known and the way to add one', async () => {
    const { providers } = secretsOf(await settingsOf({}), {});
    const { cure } = await failure(
      Promise.resolve().then(() => requireModel('zzzzzzzzzzz/m', providers)),
    );
    expect(cure).toMatch(
      /^Known are "anthropic", .* and others; add \[providers\.zzzzzzzzzzz\] to/,
    );
    expect(cure.length).toBeLessThan(200);
  });
});
