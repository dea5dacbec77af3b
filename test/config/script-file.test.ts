/**
 * Scripts of the scripted model: found by name, refused with the place of their mistake.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { isScriptError, listScripts, loadScript } from '../../config/script-file.js';

let folder: string;
let own: string;
let bundled: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loomkin-scripts-'));
  own = join(folder, 'own');
  bundled = join(folder, 'bundled');
  mkdirSync(own);
  mkdirSync(bundled);
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (dir: string, name: string, script: unknown): void =>
  writeFileSync(
    join(dir, `${name}.json`),
    typeof script === 'string' ? script : JSON.stringify(script),
  );

const errorOf = async (name: string) => {
  try {
    await loadScript(name, [own, bundled]);
  } catch (error) {
    if (isScriptError(error)) return error;
    throw error;
  }
  throw new Error('the script was loaded');
};

test('the first folder that has a script wins', async () => {
  write(own, 'both', { agents: { lead: [{ text: 'own' }] } });
  write(bundled, 'both', { agents: { lead: [{ text: 'bundled' }] } });
  write(bundled, 'other', { agents: { lead: [{ text: 'bundled' }] } });
  const both = await loadScript('both', [own, bundled]);
  const other = await loadScript('other', [own, bundled]);
  expect(both.agents.get('lead')?.[0]?.text).toBe('own');
  expect(other.agents.get('lead')?.[0]?.text).toBe('bundled');
  expect(await listScripts([own, join(folder, 'absent'), bundled])).toEqual(['both', 'other']);
});

test('everything a script may say is read', async () => {
  write(own, 'full', {
    usage: { input_tokens: 1000, output_tokens: 50 },
    price: { input: 2, output: 8, cache_read: 0.2 },
    context_tokens: 128000,
    agents: {
      '*': [
        {
          text: 'a',
          calls: [{ tool: 'read', input: { path: 'x' } }, { tool: 'git' }],
          delay_ms: 5,
          chunk_ms: 1,
          usage: { input_tokens: 1 },
          expect: '^ok$',
          faults: [{ kind: 429, times: 2, retry_after_s: 1.5 }, { kind: 'cut' }],
        },
      ],
    },
  });
  const script = await loadScript('full', [own]);
  expect(script).toMatchObject({
    price: { inputUsd: 2, outputUsd: 8, cacheReadUsd: 0.2, cacheWriteUsd: 2 },
    contextTokens: 128000,
    usage: { input_tokens: 1000, output_tokens: 50, cache_read_input_tokens: 0 },
  });
  const [reply] = script.agents.get('*') ?? [];
  expect(reply).toMatchObject({
    text: 'a',
    calls: [
      { tool: 'read', input: { path: 'x' } },
      { tool: 'git', input: {} },
    ],
    delayMs: 5,
    chunkMs: 1,
    usage: { input_tokens: 1, output_tokens: 0 },
    faults: [
      { kind: '429', times: 2, retryAfterMs: 1500 },
      { kind: 'cut', times: 1, retryAfterMs: null },
    ],
  });
  expect(reply?.expect?.test('first\nok\nlast')).toBe(true);
});

test('prices are read under the names of the config file as well', async () => {
  write(own, 'priced', { price: { input_usd: 3, output_usd: 4 }, agents: {} });
  const { price } = await loadScript('priced', [own]);
  expect(price).toMatchObject({ inputUsd: 3, outputUsd: 4 });
});

test('a script that is not there is told with the nearest names', async () => {
  write(own, 'refactor-auth', { agents: {} });
  const error = await errorOf('refactor-aut');
  expect(error.kind).toBe('unknown');
  expect(error.message).toBe('there is no script "refactor-aut"');
  expect(error.cure).toBe('There is scripted/refactor-auth');
});

test('a name is never a path', async () => {
  write(folder, 'outside', { agents: {} });
  expect((await errorOf('../outside')).kind).toBe('unknown');
  expect((await errorOf('')).kind).toBe('unknown');
});

test.each<[string, unknown, string]>([
  ['is not JSON', '{"agents":', 'script bad is not JSON'],
  ['is a list', [], 'script bad must be an object'],
  ['has no agents', {}, 'script bad: agents must be an object'],
  ['has an agent without a list', { agents: { lead: {} } }, 'agents.lead must be a list'],
  [
    'has a reply that is a text',
    { agents: { lead: [{ text: 'a' }, 'b'] } },
    'agents.lead[1] must be an object',
  ],
  [
    'has a call without a tool',
    { agents: { lead: [{ calls: [{ input: {} }] }] } },
    'agents.lead[0].calls[0].tool must be a text',
  ],
  [
    'has a fault nobody knows',
    { agents: { lead: [{ faults: [{ kind: 'explode' }] }] } },
    'faults[0].kind must be one of 429,',
  ],
  [
    'has a pattern that is none',
    { agents: { lead: [{ expect: '(' }] } },
    'agents.lead[0].expect must be a regular expression',
  ],
  [
    'waits a negative time',
    { agents: { lead: [{ delay_ms: -1 }] } },
    'agents.lead[0].delay_ms must be a number, 0 or more',
  ],
])('a script that %s is refused with the place', async (_name, script, words) => {
  write(own, 'bad', script);
  const error = await errorOf('bad');
  expect(error.kind).toBe('invalid');
  expect(error.message).toContain(words);
});
