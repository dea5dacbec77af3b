/** Keys: whose they are, where they rest, and what a prompt for an old session changes. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DEFAULT_LIMITS } from '../../config/defaults.js';
import { requireModel } from '../../config/model-choice.js';
import { buildSecrets, readSecrets, writeSecrets } from '../../config/secrets.js';
import type { ProviderSettings, SessionSecrets, Settings } from '../../config/settings.js';
import { toolEnvironment } from '../../activities/tools/environment.js';

const provider = (name: string, keyEnv: string | null): ProviderSettings => ({
  api: 'chat',
  baseUrl: `http://${name}/v1`,
  keyEnv,
  headers: {},
  models: {},
});
const settingsWith = (providers: Settings['providers']): Settings => ({
  model: null,
  permissionMode: 'default',
  maxTurns: 0,
  limits: DEFAULT_LIMITS,
  providers,
  git: { coAuthor: '' },
  shell: { envPass: ['NPM_TOKEN'] },
});
const OPENAI = { openai: provider('openai', 'OPENAI_API_KEY') };
const build = (
  env: Record<string, string>,
  providers: Settings['providers'] = OPENAI,
  previous: SessionSecrets | null = null,
): SessionSecrets =>
  buildSecrets({ settings: settingsWith(providers), env, umask: 0o27, toolEnvironment, previous });

const withFolder = async (body: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-secrets-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('what a session may use', () => {
  test('keys go to their provider, and not to tool processes', () => {
    const secrets = build({
      PATH: '/bin',
      OPENAI_API_KEY: ' sk-1\n',
      NPM_TOKEN: 't',
      MY_TOKEN: 'u',
    });
    expect(secrets.providers['openai']?.key).toBe('sk-1');
    expect(secrets.toolEnv).toEqual({ PATH: '/bin', NPM_TOKEN: 't' });
    expect(secrets.umask).toBe(0o27);
  });

  test('a key of the new environment replaces the old one, with its address', () => {
    const old = build({ OPENAI_API_KEY: 'sk-old' }, { openai: provider('old', 'OPENAI_API_KEY') });
    const next = build({ OPENAI_API_KEY: 'sk-new' }, OPENAI, old);
    expect(next.providers['openai']).toMatchObject({ key: 'sk-new', baseUrl: 'http://openai/v1' });
  });

  test('an absent key keeps the old one, which is never sent to a new address', () => {
    const old = build({ OPENAI_API_KEY: 'sk-old' }, { openai: provider('old', 'OPENAI_API_KEY') });
    const next = build({}, OPENAI, old);
    expect(next.providers['openai']).toMatchObject({ key: 'sk-old', baseUrl: 'http://old/v1' });
  });

  test('a provider that the new config does not know stays with the session', () => {
    const old = build({ LAB: 'k' }, { lab: provider('lab', 'LAB') });
    const next = build({ LAB: 'leaks' }, OPENAI, old);
    expect(next.providers['lab']?.key).toBe('k');
    expect(next.toolEnv).toEqual({});
  });
});

describe('the chosen model', () => {
  const secrets = build({}, { ...OPENAI, lab: provider('lab', null) });
  const refusal = (model: string | null): unknown => {
    try {
      return requireModel(model, secrets.providers);
    } catch (error) {
      return error;
    }
  };

  test('without key names the variable, without provider the nearest names', () => {
    expect(refusal('openai/x')).toMatchObject({
      kind: 'no_key',
      exitCode: 2,
      message: 'no key for provider "openai" (OPENAI_API_KEY is not set)',
    });
    expect(refusal('opnai/x')).toMatchObject({
      kind: 'unknown_provider',
      message: 'unknown provider "opnai" (model opnai/x)',
      cure: 'Did you mean "openai"?',
    });
    expect(refusal('zzzzzzzz/x')).toMatchObject({ cure: expect.stringContaining('"lab"') });
    expect(refusal('constructor/x')).toMatchObject({ kind: 'unknown_provider' });
    expect(refusal('gpt')).toMatchObject({ kind: 'unknown_model' });
    expect(refusal(null)).toMatchObject({ kind: 'no_model' });
  });

  test('a provider without key_env and the scripted one need none', () => {
    expect(refusal('lab/m')).toEqual({ model: 'lab/m', apiKeySource: 'none' });
    expect(refusal('scripted/edit')).toEqual({ model: 'scripted/edit', apiKeySource: 'none' });
  });
});

describe('the secrets file', () => {
  test('only its owner can read it, whatever the umask', () =>
    withFolder(async (folder) => {
      const before = process.umask(0);
      try {
        await writeSecrets(join(folder, 'secrets'), 's1', build({ OPENAI_API_KEY: 'sk-1' }));
      } finally {
        process.umask(before);
      }
      expect(statSync(join(folder, 'secrets')).mode & 0o777).toBe(0o700);
      expect(statSync(join(folder, 'secrets/s1.json')).mode & 0o777).toBe(0o600);
      expect((await readSecrets(join(folder, 'secrets'), 's1'))?.providers['openai']?.key).toBe(
        'sk-1',
      );
    }));

  test('writers at the same time leave one whole file and nothing beside it', () =>
    withFolder(async (folder) => {
      const writes = Array.from({ length: 20 }, (_, n) =>
        writeSecrets(folder, 's1', build({ OPENAI_API_KEY: `sk-${n}` })),
      );
      await Promise.all(writes);
      expect(readdirSync(folder)).toEqual(['s1.json']);
      expect((await readSecrets(folder, 's1'))?.providers['openai']?.key).toMatch(/^sk-\d+$/);
    }));

  test('a missing or damaged file is no secrets; a failed write leaves the old ones', () =>
    withFolder(async (folder) => {
      expect(await readSecrets(folder, 's1')).toBeNull();
      writeFileSync(join(folder, 's1.json'), '{"version":1');
      expect(await readSecrets(folder, 's1')).toBeNull();
      const cyclic = build({}) as unknown as Record<string, unknown>;
      cyclic['self'] = cyclic;
      await expect(
        writeSecrets(folder, 's1', cyclic as unknown as SessionSecrets),
      ).rejects.toThrow();
      expect(readFileSync(join(folder, 's1.json'), 'utf8')).toBe('{"version":1');
      expect(readdirSync(folder)).toEqual(['s1.json']);
      expect(existsSync(join(folder, 's1.json'))).toBe(true);
    }));
});
