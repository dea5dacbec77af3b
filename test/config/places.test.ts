/** Where settings are looked for, what is found there instead, and what is never repeated of it. */
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { loadSettings } from '../../config/load.js';
import { cacheFolder, loomkinHome, userConfigFile } from '../../config/paths.js';
import { readRuntimeFile } from '../../config/runtime-file.js';
import { loadScript } from '../../config/script-file.js';
import { isVersionSufficient, noteOf, readBinaryNotes } from '../../config/temporal-binary.js';
import { asNobody } from '../support/as-nobody.js';
import { failure, withPlace } from './place.js';

describe('folders', () => {
  const HOME = '/home/u';
  const LOOKUPS: readonly (readonly [string, Record<string, string>, string, string, string])[] = [
    ['HOME alone', {}, '.local/share', '.config', '.cache'],
    [
      'empty XDG folders',
      { XDG_DATA_HOME: '', XDG_CONFIG_HOME: '', XDG_CACHE_HOME: '' },
      '.local/share',
      '.config',
      '.cache',
    ],
    [
      'relative XDG folders, which the specification ignores',
      { XDG_DATA_HOME: 'd', XDG_CONFIG_HOME: './c', XDG_CACHE_HOME: '../k' },
      '.local/share',
      '.config',
      '.cache',
    ],
    [
      'XDG folders',
      { XDG_DATA_HOME: `${HOME}/d`, XDG_CONFIG_HOME: `${HOME}/c`, XDG_CACHE_HOME: `${HOME}/k` },
      'd',
      'c',
      'k',
    ],
  ];
  test.each(LOOKUPS)('by %s', (_what, env, data, config, cache) => {
    const all = { HOME, ...env };
    expect(loomkinHome(all)).toBe(join(HOME, data, 'loomkin'));
    expect(userConfigFile(all)).toBe(join(HOME, config, 'loomkin/config.toml'));
    expect(cacheFolder(all)).toBe(join(HOME, cache, 'loomkin'));
  });

  test('LOOMKIN_HOME beats them, is made absolute, and is nothing when empty', () => {
    expect(loomkinHome({ HOME, LOOMKIN_HOME: '/x/../y/' })).toBe('/y');
    expect(loomkinHome({ HOME, LOOMKIN_HOME: 'rel' })).toBe(join(process.cwd(), 'rel'));
    expect(loomkinHome({ HOME, LOOMKIN_HOME: '' })).toBe(join(HOME, '.local/share/loomkin'));
  });
});

describe('a config file', () => {
  test.each([
    ['itself', (file: string) => chmodSync(file, 0)],
    ['its folder', (file: string) => chmodSync(dirname(file), 0)],
  ])('that may not be read, because of %s, is named', (_what, forbid) =>
    withPlace(async ({ home, user, stranger, request }) => {
      const requests = [user('max_turns = 3'), stranger('max_turns = 3')];
      for (const folder of [join(home, '..'), home, join(home, '.config')])
        chmodSync(folder, 0o755);
      for (const file of requests) {
        forbid(file);
        const { message } = await asNobody(() => failure(loadSettings(request())));
        expect(message).toMatch(/^can't read .*config\.toml: no permission to read it$/);
        chmodSync(dirname(file), 0o755);
        chmodSync(file, 0o644);
        writeFileSync(file, 'max_turns = 3');
      }
      expect((await loadSettings(request())).settings.maxTurns).toBe(3);
    }),
  );

  test('is read through links, and one that leads nowhere is no file', () =>
    withPlace(async ({ home, user, request }) => {
      const file = user('max_turns = 1');
      const real = join(home, 'dotfiles.toml');
      writeFileSync(real, 'max_turns = 5\nnope = 1');
      const link = join(home, 'link.toml');
      symlinkSync('dotfiles.toml', link);
      const { message } = await failure(loadSettings(request({ configFile: link })));
      expect(message).toBe('unknown key "nope" (~/link.toml:2)');
      symlinkSync('nowhere.toml', join(home, 'dangling.toml'));
      const dangling = { configFile: join(home, 'dangling.toml') };
      expect((await failure(loadSettings(request(dangling)))).message).toContain(
        'no such config file',
      );
      expect(existsSync(file)).toBe(true);
    }));

  test.each([
    ['a folder', (path: string) => mkdirSync(path)],
    ['a link to a device', (path: string) => symlinkSync('/dev/zero', path)],
    ['a link to a terminal', (path: string) => symlinkSync('/dev/tty', path)],
  ])('given as --config that is %s is refused at once', (_what, make) =>
    withPlace(async ({ home, user, request }) => {
      user('');
      const configFile = join(home, 'odd.toml');
      make(configFile);
      const { message, exitCode } = await failure(loadSettings(request({ configFile })));
      expect(message).toContain("can't read ~/odd.toml");
      expect(exitCode).toBe(2);
    }),
  );

  test('of a project that is given as --config is the user’s own word', () =>
    withPlace(async ({ stranger, request }) => {
      const configFile = stranger(
        'permission_mode = "bypass"\n[providers.lab]\nbase_url = "http://h/v1"',
      );
      const { settings, notices } = await loadSettings(request({ configFile }));
      expect(settings.permissionMode).toBe('bypass');
      expect(settings.providers['lab']?.baseUrl).toBe('http://h/v1');
      expect(notices).toEqual([]);
    }));

  test('of exactly the size that is allowed is read', () =>
    withPlace(async ({ user, request }) => {
      const head = 'max_turns = 8\n#';
      user(head + 'x'.repeat(256 * 1024 - head.length));
      expect((await loadSettings(request())).settings.maxTurns).toBe(8);
    }));

  test.each([
    ['bytes that are no UTF-8', Buffer.from([0x6d, 0xff, 0xfe, 0x3d, 0x31])],
    ['UTF-16', Buffer.from('\ufeffmax_turns = 1', 'utf16le')],
    ['NUL', Buffer.from('max_turns = 1\u0000')],
    ['lines of CR alone', Buffer.from('max_turns = 1\rmodel = "a/b"')],
  ])('of %s is refused, not guessed at', (_what, bytes) =>
    withPlace(async ({ user, request }) => {
      writeFileSync(user(''), bytes);
      expect((await failure(loadSettings(request()))).kind).toBe('config');
    }),
  );
});

describe('what may be a key is not repeated', () => {
  const KEY = 'sk-live-0123456789abcdefghij';
  test.each([
    ['as the name of a variable', `[providers.lab]\nbase_url = "http://h/v1"\nkey_env = "${KEY}"`],
    ['as a key of our own invention', `[providers.lab]\napi_key = "${KEY}"`],
    ['in the place of a provider', `[providers]\nopenai = "${KEY}"`],
    ['in the place of headers', `[providers.lab]\nheaders = "Bearer ${KEY}"`],
    ['in a list of providers', `[[providers]]\nkey = "${KEY}"`],
    ['in an address', `[providers.lab]\nbase_url = "https://me:${KEY}@h/v1"`],
    ['in the query of an address', `[providers.lab]\nbase_url = "https://h/v1?key=${KEY}"`],
    ['in a header with a line break', `[providers.lab.headers]\nX-Key = "${KEY}\\n"`],
    ['in env_pass', `[shell]\nenv_pass = ["NPM_TOKEN=${KEY}"]`],
    ['in a line of a shell', `OPENAI_API_KEY=${KEY}`],
    ['in a line that was never closed', `[providers.lab.headers]\nAuthorization = "Bearer ${KEY}`],
    ['alone on a line', KEY],
  ])('%s', (_where, text) =>
    withPlace(async ({ user, request }) => {
      user(text);
      const { message, cure, stack } = await failure(loadSettings(request()));
      expect(`${message} ${cure} ${stack ?? ''}`).not.toContain(KEY.slice(0, 12));
      expect(message).toContain('~/.config/loomkin/config.toml:');
    }),
  );

  test('of a variable with a password in it', () =>
    withPlace(async ({ home, request }) => {
      const env = { HOME: home, OPENAI_BASE_URL: `https://me:${KEY}@h/v1` };
      const { message, cure } = await failure(loadSettings(request({ env })));
      expect(message).toContain('OPENAI_BASE_URL is not an http or https address');
      expect(message + cure).not.toContain(KEY);
    }));
});

describe('files of ours that are damaged', () => {
  const REMAINS = [
    '',
    'null',
    '7',
    '"x"',
    '[]',
    '{}',
    '{"supervisor":null}',
    '{"supervisor":{"pid":"1"}}',
    '{"sup',
    '\u0000\u0000',
  ];
  test.each(REMAINS)('runtime.json of %j is none', (text) =>
    withPlace(async ({ project }) => {
      const file = join(project, 'runtime.json');
      writeFileSync(file, text);
      expect(readRuntimeFile(file)).toBeNull();
      await Promise.resolve();
    }),
  );

  test.each(REMAINS)('notes on binaries of %j know nothing', (text) =>
    withPlace(async ({ home }) => {
      const env = { HOME: home };
      mkdirSync(cacheFolder(env), { recursive: true });
      writeFileSync(join(cacheFolder(env), 'temporal-versions.json'), text);
      expect(noteOf(env, '/bin/sh')).toBeNull();
      expect(typeof readBinaryNotes(env)).toBe('object');
      await Promise.resolve();
    }),
  );

  test.each([
    ['1.9.1', true],
    ['1.9.2', true],
    ['1.10.0', true],
    ['2', true],
    ['1.9.0', false],
    ['1.9', false],
    ['1.9.1-rc.1', false],
    ['v1.9.1', false],
    ['', false],
    ['99999999999999999999', true],
  ])('version %j is sufficient: %j', (version, expected) => {
    expect(isVersionSufficient(version)).toBe(expected);
  });

  test.each([1.5, 1e300, -1])('a script that bills %d tokens is refused by its place', (tokens) =>
    withPlace(async ({ project }) => {
      const script = { agents: { lead: [{ text: 'a', usage: { input_tokens: tokens } }] } };
      writeFileSync(join(project, 'bill.json'), JSON.stringify(script));
      await expect(loadScript('bill', [project])).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringContaining('agents.lead[0].usage.input_tokens'),
      });
    }),
  );
});
