/**
 * The table of models as it is committed, how it is read, and how it is made from its package.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { catalogueFile, parseCatalogue, readCatalogue } from '../../config/catalogue.js';
import { knownModels } from '../../config/catalogue-models.js';
import { BUILT_IN_PROVIDERS } from '../../config/catalogue-providers.js';
import type { ModelSettings, ProviderSettings } from '../../config/settings.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const text = readFileSync(catalogueFile(), 'utf8');
const catalogue = parseCatalogue(text);
const all = catalogue.providers.flatMap((provider) =>
  catalogue.modelsOf(provider).map((model) => ({ provider, model })),
);
const facts = all.map(({ provider, model }) => ({
  id: `${provider}/${model}`,
  model,
  ...catalogue.find(provider, model)!,
}));

const isSortedOnce = (names: readonly string[]): boolean =>
  names.every((name, at) => at === 0 || names[at - 1]! < name);

describe('the committed table', () => {
  test('has a line for each model, sorted, none twice', () => {
    const blocks = text.split(/^"[^"\n]+":\{$/m).slice(2);
    const lines = blocks.map((block) =>
      [...block.matchAll(/^("(?:[^"\\]|\\.)*"):\[/gm)].map(([, id]) => JSON.parse(id!) as string),
    );
    expect(lines.flat()).toHaveLength(all.length);
    expect(lines.filter((ids) => !isSortedOnce(ids))).toEqual([]);
    expect(isSortedOnce(catalogue.providers)).toBe(true);
    expect(text.split('\n').filter((line) => line.length > 400)).toEqual([]);
  });

  test('prices at least 665 models by different names', () => {
    const priced = new Set(facts.filter(({ price }) => price).map(({ model }) => model));
    expect(priced.size).toBeGreaterThanOrEqual(665);
    expect(catalogue.providers.length).toBeGreaterThanOrEqual(16);
  });

  test('knows a window of every model, and no answer as large as it', () => {
    const odd = facts.filter(
      ({ contextTokens: window, outputTokensMax: most }) =>
        !(Number.isInteger(window) && window > 0) ||
        (most !== null && !(Number.isInteger(most) && most > 0 && most < window)),
    );
    expect(odd).toEqual([]);
  });

  test('has prices of 0 only where the name says free', () => {
    const rates = facts.flatMap(({ id, price }) =>
      [price, ...(price?.tiers ?? [])]
        .flatMap((one) =>
          one ? [one.inputUsd, one.outputUsd, one.cacheReadUsd, one.cacheWriteUsd] : [],
        )
        .map((usd) => ({ id, usd })),
    );
    expect(rates.filter(({ usd }) => !(Number.isFinite(usd) && usd >= 0))).toEqual([]);
    const free = facts.filter(({ price }) => price?.inputUsd === 0 && price.outputUsd === 0);
    expect(free.filter(({ id }) => !id.endsWith(':free'))).toEqual([]);
    expect(free.length).toBeGreaterThan(0);
  });

  test('has the tiers of a price in ascending order', () => {
    const tiers = facts.map(({ price }) =>
      (price?.tiers ?? []).map(({ inputTokensAbove }) => inputTokensAbove),
    );
    expect(tiers.filter((list) => list.some((above, at) => above <= (list[at - 1] ?? 0)))).toEqual(
      [],
    );
    expect(tiers.filter((list) => list.length > 0).length).toBeGreaterThan(0);
  });

  test('names its source, with the licence beside it', () => {
    const head = JSON.parse(text) as { source: string; licence: string };
    expect(head.source).toMatch(/^@earendil-works\/pi-ai \d+\.\d+\.\d+$/);
    const note = readFileSync(join(dirname(catalogueFile()), 'catalogue-licence.txt'), 'utf8');
    expect(note.replaceAll('\n', ' ')).toContain(head.source);
    expect(note).toContain('MIT License');
    expect(note).toContain('Permission is hereby granted, free of charge');
  });
});

describe('a question to the table', () => {
  test('is answered by what stands there', async () => {
    const read = await readCatalogue();
    expect(read).toBe(await readCatalogue());
    expect(read.find('openai', 'gpt-5.1')).toEqual({
      api: 'responses',
      contextTokens: 400_000,
      outputTokensMax: 128_000,
      price: { inputUsd: 1.25, outputUsd: 10, cacheReadUsd: 0.125, cacheWriteUsd: 1.25 },
      reasoning: true,
      images: true,
    });
  });

  test.each([
    ['nobody', 'gpt-5.1'],
    ['openai', 'gpt-0'],
    ['openai', 'constructor'],
    ['__proto__', 'toString'],
    ['constructor', 'name'],
    ['', ''],
  ])('about %j/%j has no answer', (provider, model) => {
    expect(catalogue.find(provider, model)).toBeNull();
    expect(catalogue.modelsOf('constructor')).toEqual([]);
  });
});

describe('a default model', () => {
  const defaults = Object.entries(BUILT_IN_PROVIDERS).flatMap(
    ([provider, { defaultModel }]): [string, string][] =>
      defaultModel === null ? [] : [[provider, defaultModel]],
  );

  test.each(defaults)('of %s, %s, is in the table, with a price', (provider, model) => {
    const found = catalogue.find(provider, model);
    expect(found?.price).not.toBeNull();
    expect(found?.contextTokens).toBeGreaterThanOrEqual(100_000);
  });

  test.each(['anthropic', 'openai', 'google'])('is there for %s', (provider) => {
    expect(defaults.map(([name]) => name)).toContain(provider);
  });
});

test('a provider that is built in is in the table, unless it is a server of your own', () => {
  const own = ['lmstudio', 'ollama', 'vllm'];
  const names = Object.keys(BUILT_IN_PROVIDERS).filter((name) => !own.includes(name));
  expect(names.filter((name) => catalogue.modelsOf(name).length === 0)).toEqual([]);
  expect(names.length).toBeGreaterThanOrEqual(16);
});

describe('the list of all models', () => {
  const small = parseCatalogue(
    '{"providers":{"lab":{"big":["responses",1000,100,[1,2,null,null],"ri"],"dear":["other",9,null,null,""]},"far":{"x":["anthropic",5,null,null,"i"]}}}',
  );
  const lab = (models: Record<string, ModelSettings>): Record<string, ProviderSettings> => ({
    lab: { api: 'chat', baseUrl: 'http://lab/v1', keyEnv: 'LAB_KEY', headers: {}, models },
  });
  const unknown: ModelSettings = { contextTokens: null, outputTokensMax: null, price: null };
  const price = { inputUsd: 9, outputUsd: 9, cacheReadUsd: 9, cacheWriteUsd: 9 };

  test('has those of the config once, each fact from there where it is said', () => {
    const own = { big: { ...unknown, contextTokens: 7 }, new: { ...unknown, price } };
    const list = knownModels(small, lab(own));
    expect(list.map(({ provider, model, source }) => [provider, model, source])).toEqual([
      ['far', 'x', 'catalogue'],
      ['lab', 'big', 'config'],
      ['lab', 'dear', 'catalogue'],
      ['lab', 'new', 'config'],
    ]);
    expect(list[1]).toMatchObject({
      contextTokens: 7,
      outputTokensMax: 100,
      price: { inputUsd: 1, cacheReadUsd: 1 },
      reasoning: true,
    });
    expect(list[3]).toMatchObject({ contextTokens: null, price, reasoning: null, images: null });
  });

  test('tells by which API we would ask, and whom we can’t', () => {
    const ways = knownModels(small, lab({})).map(({ api, callable, keyEnv }) => [
      api,
      callable,
      keyEnv,
    ]);
    const known = ['chat', true, 'LAB_KEY'];
    expect(ways).toEqual([['anthropic', false, null], known, known]);
  });
});

describe('making the table', () => {
  const cost = (input: number, output: number, more = {}) => ({
    ...{ input, output, cacheRead: 0, cacheWrite: 0 },
    ...more,
  });
  const model = (id: string, change: Record<string, unknown> = {}) => ({
    ...{ type: 'chat', id, api: 'openai-completions', contextWindow: 1000, maxTokens: 100 },
    ...{ reasoning: false, input: ['text'], cost: cost(1, 2), ...change },
  });
  type Model = ReturnType<typeof model>;
  const many = (count: number): Model[] =>
    Array.from({ length: count }, (_, n) => model(`m${String(n).padStart(4, '0')}`));

  const make = (
    providers: Record<string, readonly Model[]>,
    licence = 'MIT',
  ): { code: number | null; said: string; made: string } => {
    const folder = mkdtempSync(join(tmpdir(), 'loomkin-catalogue-'));
    try {
      const data = join(folder, 'package/dist/providers/data');
      mkdirSync(data, { recursive: true });
      const about = { name: '@earendil-works/pi-ai', version: '9.9.9', license: licence };
      writeFileSync(join(folder, 'package/package.json'), JSON.stringify(about));
      writeFileSync(join(data, '.manifest.json'), '{"not": "models"}');
      for (const [name, models] of Object.entries(providers)) {
        const keyed = models.map((one, at): [string, Model] => [`${one.type}:${at}`, one]);
        writeFileSync(
          join(data, `${name}.json`),
          JSON.stringify({ all: Object.fromEntries(keyed) }),
        );
      }
      const output = join(folder, 'made.json');
      writeFileSync(output, 'as before');
      const args = ['scripts/make-catalogue.mjs', join(folder, 'package'), output];
      const { status, stderr } = spawnSync(process.execPath, args, { cwd: root });
      return { code: status, said: stderr.toString(), made: readFileSync(output, 'utf8') };
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test('sorts, maps the APIs, and leaves out what can’t be talked to', () => {
    const { code, said, made } = make({
      zoo: [
        model('z', { api: 'bedrock-converse-stream', reasoning: true, input: ['text', 'image'] }),
        model('a', { api: 'anthropic-messages', maxTokens: 1000 }),
        model('drawing', { type: 'image' }),
        model('free', { cost: cost(0, 0) }),
        model('gift:free', { cost: cost(0, 0) }),
        model('cached', { cost: cost(0.1 + 0.2, 2, { cacheRead: 0.03 }) }),
        model('tiers', {
          cost: cost(1, 2, {
            tiers: [
              { inputTokensAbove: 900, ...cost(5, 6) },
              { inputTokensAbove: 200, ...cost(3, 4) },
            ],
          }),
        }),
      ],
      base: many(700),
      pictures: [model('only', { type: 'image' })],
    });
    expect([code, said]).toEqual([0, '']);
    const { source, providers } = JSON.parse(made) as {
      source: string;
      providers: Record<string, Record<string, unknown>>;
    };
    expect(source).toBe('@earendil-works/pi-ai 9.9.9');
    expect(Object.keys(providers)).toEqual(['base', 'zoo']);
    expect(Object.entries(providers['zoo']!)).toEqual([
      ['a', ['anthropic', 1000, null, [1, 2, null, null], '']],
      ['cached', ['chat', 1000, 100, [0.3, 2, 0.03, null], '']],
      ['free', ['chat', 1000, 100, null, '']],
      ['gift:free', ['chat', 1000, 100, [0, 0, null, null], '']],
      [
        'tiers',
        [
          ...['chat', 1000, 100],
          [1, 2, null, null, [200, 3, 4, null, null], [900, 5, 6, null, null]],
          '',
        ],
      ],
      ['z', ['other', 1000, 100, [1, 2, null, null], 'ri']],
    ]);
  });

  test.each<[string, Parameters<typeof make>, string]>([
    ['too few prices', [{ base: many(664) }], 'only 664 priced ids, 665 are wanted'],
    ['another licence', [{ base: many(700) }, 'UNLICENSED'], '(UNLICENSED) is not'],
    ['a model twice', [{ base: [...many(700), model('m0001')] }], 'has a model twice'],
    ['no window', [{ base: [...many(700), model('w', { contextWindow: 0 })] }], 'w has no window'],
    ['an odd price', [{ base: [...many(700), model('p', { cost: cost(-1, 2) })] }], 'p has an odd'],
    ['text as price', [{ base: [model('p', { cost: { input: '1', output: 1 } })] }], 'p has an od'],
  ])('refuses %s and leaves the old one', (_what, args, words) => {
    const { code, said, made } = make(...args);
    expect([code, made]).toEqual([1, 'as before']);
    expect(said).toContain(words);
  });
});
