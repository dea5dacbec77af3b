/**
 * `loomkin models`: which models it lists, what it says about each, and that it shows no key.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { runModels, type ModelDocument } from '../../../../client/cli/commands/models.js';
import { programFile } from '../../../../config/dist.js';
import { recordedIo } from '../../../support/installation.js';

const KEY = 'sk-secret-key-0123456789';
const CONFIG = `[providers.lab]
base_url = "http://lab.example/v1"
key_env = "LAB_KEY"
[providers.lab.models."org/Big"]
context_tokens = 200000
input_usd = 2
output_usd = 8.5
[providers.openai.models."gpt-5.1"]
input_usd = 1
output_usd = 2
[providers.openai.models."tomorrow\\u001b[31m"]
output_tokens_max = 9
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loomkin-models-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const configure = (config: string): void => {
  mkdirSync(join(folder, '.config/loomkin'), { recursive: true });
  writeFileSync(join(folder, '.config/loomkin/config.toml'), config);
};
const environment = (more: Readonly<Record<string, string>> = {}) => ({
  HOME: folder,
  LOOMKIN_HOME: join(folder, 'home'),
  ...more,
});

const models = async (
  words: readonly string[],
  { json = false, columns = 0, env = {} } = {},
): Promise<{ stdout: string; stderr: string }> => {
  const { io, stdout, stderr } = recordedIo(environment(env));
  if (columns > 0) Object.assign(io.stdout, { isTTY: true, columns });
  expect(await runModels({ json, words }, io)).toBe(0);
  expect(existsSync(join(folder, 'home'))).toBe(false);
  return { stdout: stdout(), stderr: stderr() };
};
const documents = async (words: readonly string[], env = {}): Promise<ModelDocument[]> => {
  const { stdout } = await models(words, { json: true, env });
  return (JSON.parse(stdout) as { models: ModelDocument[] }).models;
};

describe('the document', () => {
  test('has every field of a model, from the catalogue', async () => {
    const found = await documents(['openai/gpt-5.1']);
    expect(found.find(({ id }) => id === 'openai/gpt-5.1')).toEqual({
      id: 'openai/gpt-5.1',
      provider: 'openai',
      model: 'gpt-5.1',
      api: 'responses',
      context_tokens: 400_000,
      output_tokens_max: 128_000,
      price: { input: 1.25, output: 10, cache_read: 0.125, cache_write: 1.25 },
      reasoning: true,
      images: true,
      source: 'catalogue',
      callable: true,
      key_env: 'OPENAI_API_KEY',
    });
  });

  test('has what is configured, and null for what is not known', async () => {
    configure(CONFIG);
    const [lab] = await documents(['lab/']);
    expect(lab).toEqual({
      id: 'lab/org/Big',
      provider: 'lab',
      model: 'org/Big',
      api: 'chat',
      context_tokens: 200_000,
      output_tokens_max: null,
      price: { input: 2, output: 8.5, cache_read: 2, cache_write: 2 },
      reasoning: null,
      images: null,
      source: 'config',
      callable: true,
      key_env: 'LAB_KEY',
    });
    const changed = (await documents(['openai/gpt-5.1'])).find(({ model }) => model === 'gpt-5.1');
    expect(changed).toMatchObject({
      source: 'config',
      price: { input: 1, output: 2 },
      context_tokens: 400_000,
    });
  });

  test('lists at least 665 models with a price, of 16 providers that can be called', async () => {
    const all = await documents([]);
    expect(all.filter(({ price }) => price).length).toBeGreaterThanOrEqual(665);
    const callable = all.filter((one) => one.callable);
    expect(new Set(callable.map(({ provider }) => provider)).size).toBeGreaterThanOrEqual(16);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(callable.filter(({ api }) => api === 'other')).toEqual([]);
    const far = all.filter(({ provider }) => provider === 'amazon-bedrock');
    expect(far.length).toBeGreaterThan(0);
    expect(far.filter((one) => one.callable || one.key_env !== null)).toEqual([]);
  });

  test('follows the address: a server in OpenAI’s place is asked by Chat Completions', async () => {
    const [found] = await documents(['openai/gpt-5.1'], { OPENAI_BASE_URL: 'http://h/v1' });
    expect(found).toMatchObject({ id: 'openai/gpt-5.1', api: 'chat' });
  });
});

describe('the words', () => {
  test.each([
    [['grok-4.7', 'vercel'], ['vercel-ai-gateway/spacexai/grok-4.7']],
    [['Groq', 'QWEN3.6'], ['groq/qwen/qwen3.6-27b']],
    [['qwen3.6', 'groq'], ['groq/qwen/qwen3.6-27b']],
    [['xai/grok-4.7', 'spacexai'], ['vercel-ai-gateway/spacexai/grok-4.7']],
  ])('%j must all be in the id', async (words, ids) => {
    expect((await documents(words)).map(({ id }) => id)).toEqual(ids);
  });

  test.each([true, false])('that nothing has are said on stderr (json: %s)', async (json) => {
    const { stdout, stderr } = await models(['gpt', 'zz\u001b[31mzz'], { json });
    expect(stdout).toBe(json ? '{"models":[]}\n' : '');
    expect(stderr).toMatch(/^loomkin: no known model has "gpt" and "zzzz" in its name\. .*\n$/);
  });
});

describe('the table', () => {
  test('has a line for each, with its price and whether its key is there', async () => {
    configure(CONFIG);
    const { stdout, stderr } = await models(['5.1'], { env: { OPENAI_API_KEY: KEY } });
    const [head, ...lines] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^MODEL +CONTEXT +INPUT +OUTPUT +KEY$/);
    const line = (id: string) => lines.find((one) => one.startsWith(`${id} `))?.split(/ {2,}/);
    expect(line('openai/gpt-5.1')).toEqual([
      ...['openai/gpt-5.1', '400k', '$1', '$2', 'OPENAI_API_KEY is set'],
    ]);
    expect(line('openrouter/openai/gpt-5.1')?.at(-1)).toBe('OPENROUTER_API_KEY is not set');
    expect(stderr).toBe('');
  });

  test('says what is not known, not needed or not possible, and shows no control bytes', async () => {
    configure(`${CONFIG}[providers.ollama.models.own]\noutput_tokens_max = 9\n`);
    const cells = async (word: string) =>
      (await models([word])).stdout.split('\n')[1]!.split(/ {2,}/);
    expect(await cells('ollama/own')).toEqual(['ollama/own', '?', '?', '?', 'none needed']);
    expect((await cells('amazon-bedrock/amazon.nova-pro')).at(-1)).toBe(
      'provider has no address here',
    );
    expect((await cells('tomorrow'))[0]).toBe('openai/tomorrow');
  });

  test.each([
    [{ OPENAI_API_KEY: KEY }],
    [{ ANTHROPIC_AUTH_TOKEN: KEY, LAB_KEY: KEY, AZURE_OPENAI_API_KEY: KEY }],
  ])('never shows a key (%#)', async (env) => {
    configure(CONFIG);
    for (const json of [true, false]) {
      const { stdout, stderr } = await models([], { json, env });
      expect(stdout + stderr).not.toContain('sk-secret');
      expect(stdout).toContain(Object.keys(env)[0]);
    }
  });

  test('fits a terminal, and is whole in a pipe', async () => {
    const narrow = (await models(['vercel'], { columns: 40 })).stdout.split('\n');
    expect(narrow.filter((line) => line.length > 40)).toEqual([]);
    const whole = (await models(['vercel'])).stdout;
    expect(whole).toContain('AI_GATEWAY_API_KEY is not set');
    expect(whole).not.toContain('…');
  });
});

describe('as a program', () => {
  const run = async (words: readonly string[]) => {
    const env = { PATH: process.env['PATH'], ...environment({ OPENAI_API_KEY: KEY }) };
    const child: ChildProcess = spawn(process.execPath, [programFile('cli'), ...words], { env });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, 'close'),
    ]);
    expect(existsSync(join(folder, 'home'))).toBe(false);
    return { code: code as number, stdout, stderr };
  };

  test('lists all of them into a pipe and starts nothing', async () => {
    const { code, stdout, stderr } = await run(['models', '--json']);
    expect([code, stderr]).toEqual([0, '']);
    expect((JSON.parse(stdout) as { models: unknown[] }).models.length).toBeGreaterThan(1000);
  });

  test('ends with 0 where nothing has the words', async () => {
    const { code, stdout, stderr } = await run(['models', 'no-such-model']);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('no known model has "no-such-model" in its name');
  });

  test.each([
    [['models', '--all'], '--all does not go with loomkin models'],
    [['models', '--jso'], 'unknown flag --jso. Did you mean --json?'],
  ])('refuses %j', async (words, said) => {
    expect(await run(words)).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
  });

  test('refuses a config that it does not understand, with file and line', async () => {
    configure('[providers.lab]\napi = "grpc"\n');
    const { code, stderr } = await run(['models']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/must be "chat" or "responses" or "anthropic", not "grpc".*toml:2\)/);
  });
});
