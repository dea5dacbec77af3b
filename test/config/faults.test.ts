/** Config files that are wrong: what is said, and with which file and line. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { loadSettings } from '../../config/load.js';
import { failure, withPlace } from './place.js';

describe('what is wrong is said with file and line', () => {
  const CASES: readonly (readonly [string, string, string, string])[] = [
    [
      'an unknown key',
      'model = "a/b"\n\nmodle = 1',
      'unknown key "modle" (~/.config/loomkin/config.toml:3)',
      'Did you mean "model"?',
    ],
    [
      'a key of a table',
      '[limits]\nshell_timeout = 3',
      'unknown key "limits.shell_timeout" (~/.config/loomkin/config.toml:2)',
      'Did you mean "shell_timeout_s"?',
    ],
    [
      'a table that has no effect yet',
      'model = "a/b"\n[permissions]\nallow = []',
      'unknown key "permissions" (~/.config/loomkin/config.toml:2)',
      'Did you mean "permission_mode"?',
    ],
    [
      'sandbox',
      '[sandbox]\nmode = "on"',
      'unknown key "sandbox" (~/.config/loomkin/config.toml:1)',
      'Remove it',
    ],
    [
      'a budget',
      'max_budget_usd = 3',
      'unknown key "max_budget_usd" (~/.config/loomkin/config.toml:1)',
      'Remove it',
    ],
    [
      'a key after a long string',
      'model = """\\\n a/b"""\n# x = 1\nfoo.bar = 1',
      'unknown key "foo" (~/.config/loomkin/config.toml:4)',
      'Remove it',
    ],
    [
      'a key of a provider',
      '[providers.x]\nbase_url = "http://h/v1"\nbase_ulr = ""',
      'unknown key "providers.x.base_ulr" (~/.config/loomkin/config.toml:3)',
      'Did you mean "base_url"?',
    ],
    [
      'a key in a line',
      'providers = { x = { base_url = "http://h", nope = 1 } }',
      'unknown key "providers.x.nope" (~/.config/loomkin/config.toml:1)',
      'Remove it',
    ],
    [
      'a model price',
      '[providers.openai.models."org/m.1"]\ninput_usd = 1\ninput = 2',
      'unknown key "providers.openai.models."org/m.1".input" (~/.config/loomkin/config.toml:3)',
      'Did you mean "input_usd"?',
    ],
    [
      'a number as text',
      'max_turns = "ten"',
      'max_turns must be a whole number from 0 to 1000000, not "ten" (~/.config/loomkin/config.toml:1)',
      'Example: max_turns = 50',
    ],
    [
      'a fraction of a turn',
      '\nmax_turns = 1.5',
      'max_turns must be a whole number from 0 to 1000000, not 1.5 (~/.config/loomkin/config.toml:2)',
      'Example: max_turns = 50',
    ],
    [
      'a mode of later',
      'permission_mode = "plan"',
      'permission_mode must be "default" or "bypass" or "bypassPermissions", not "plan" (~/.config/loomkin/config.toml:1)',
      'Example: permission_mode = "default"',
    ],
    [
      'a model without provider',
      'model = "gpt-5"',
      'model must be "provider/model", not "gpt-5" (~/.config/loomkin/config.toml:1)',
      'Example: model = "openai/gpt-5.1"',
    ],
    [
      'an api of later',
      '[providers.x]\napi = "grpc"',
      'providers.x.api must be "chat" or "responses" or "anthropic", not "grpc" (~/.config/loomkin/config.toml:2)',
      'Example: api = "chat"',
    ],
    [
      'a table that is a number',
      'limits = 3',
      'limits must be a table, not 3 (~/.config/loomkin/config.toml:1)',
      'Write [limits] and its keys on the lines below',
    ],
    [
      'a list of tables',
      '[[limits]]\nmodel_attempts = 1',
      'limits must be a table, not [{"model_attempts":1}] (~/.config/loomkin/config.toml:1)',
      'Write [limits] and its keys on the lines below',
    ],
    [
      'a date',
      'max_turns = 2026-01-01',
      'max_turns must be a whole number from 0 to 1000000, not "2026-01-01" (~/.config/loomkin/config.toml:1)',
      'Example: max_turns = 50',
    ],
    [
      'a provider without address',
      '[providers.x]',
      'provider "x" has no base_url (~/.config/loomkin/config.toml:1)',
      'Example: base_url = "https://llm.example.com/v1"',
    ],
    [
      'half a price',
      '[providers.openai.models.m]\ninput_usd = 1',
      'a price needs both input_usd and output_usd (~/.config/loomkin/config.toml:2)',
      'Add the missing one',
    ],
    [
      'a provider that is built in',
      '[providers.scripted]\nbase_url = "http://h"',
      '"scripted" is built in and can\'t be configured (~/.config/loomkin/config.toml:1)',
      'Choose another name',
    ],
    [
      'a provider name with a slash',
      '[providers."a/b"]\nbase_url = "http://h"',
      'not a provider name: "a/b" (~/.config/loomkin/config.toml:1)',
      'Use letters, digits, dots, dashes and underscores',
    ],
    [
      'a header with a line break',
      '[providers.x]\nbase_url = "http://h"\nheaders = { "X-A" = "1\\r\\nX-B: 2" }',
      'providers.x.headers.X-A must be a string of printable ASCII characters (~/.config/loomkin/config.toml:3)',
      'Example: headers = { "X-Team" = "compilers" }',
    ],
    [
      'a header name with a blank',
      '[providers.x]\nbase_url = "http://h"\nheaders = { "X A" = "1" }',
      'not a header name: "X A" (~/.config/loomkin/config.toml:3)',
      'Correct the name',
    ],
    [
      'an address with a password',
      '[providers.x]\nbase_url = "ftp://me:secret@h"',
      'providers.x.base_url must be an http or https address without password or query (~/.config/loomkin/config.toml:2)',
      'Example: base_url = "https://llm.example.com/v1"',
    ],
    [
      'a co-author of two lines',
      '[git]\nco_author = "a <b>\\nSigned-off-by: c <d>"',
      'git.co_author must be "Name <address>", or "" for none, not "a <b>\\nSigned-off-by: c <d>" (~/.config/loomkin/config.toml:2)',
      'Example: co_author = "Loomkin <noreply@loomkin.dev>"',
    ],
    [
      'env_pass that is no list',
      '[shell]\nenv_pass = "A"',
      'shell.env_pass must be a list of names of environment variables (~/.config/loomkin/config.toml:2)',
      'Example: env_pass = ["NPM_TOKEN"]',
    ],
    [
      'a broken string',
      'model = "a/b"\nmax_turns = "x',
      'not valid TOML: unfinished string (~/.config/loomkin/config.toml:2:13)',
      'Line 2 reads: max_turns = "x',
    ],
    [
      'a key twice',
      'max_turns = 1\nmax_turns = 2',
      'not valid TOML: trying to redefine an already defined table or value (~/.config/loomkin/config.toml:2:1)',
      'Line 2 reads: max_turns = 2',
    ],
    [
      'no value',
      '[limits]\n\n  model_attempts',
      'not valid TOML: incomplete key-value: cannot find end of key (~/.config/loomkin/config.toml:3:3)',
      'Line 3 reads: model_attempts',
    ],
  ];
  test.each(CASES)('%s', (_what, text, message, cure) =>
    withPlace(async ({ user, request }) => {
      user(text);
      const error = await failure(loadSettings(request()));
      expect({ message: error.message, cure: error.cure }).toEqual({ message, cure });
      expect(error).toMatchObject({ name: 'ConfigError', kind: 'config', exitCode: 2 });
    }),
  );

  test('the project file is named in full', () =>
    withPlace(async ({ stranger, request }) => {
      const file = stranger('x = 1');
      const error = await failure(loadSettings(request()));
      expect(error.message).toBe(`unknown key "x" (${file}:1)`);
    }));
});

describe('a file that is no file', () => {
  test('a fifo in a repository does not hang the start', () =>
    withPlace(async ({ project, request }) => {
      mkdirSync(join(project, '.loomkin'));
      execFileSync('mkfifo', [join(project, '.loomkin/config.toml')]);
      expect((await failure(loadSettings(request()))).message).toMatch(/it is not a regular file/);
    }));

  test('a folder, a circle of links and a huge file are refused by name', () =>
    withPlace(async ({ project, request, stranger }) => {
      const file = join(project, '.loomkin/config.toml');
      mkdirSync(file, { recursive: true });
      expect((await failure(loadSettings(request()))).message).toMatch(
        /not a regular file|a folder/,
      );
      rmSync(file, { recursive: true });
      symlinkSync('config.toml', file);
      expect((await failure(loadSettings(request()))).message).toMatch(/go round in a circle/);
      rmSync(file);
      stranger(`# ${'x'.repeat(300_000)}`);
      expect((await failure(loadSettings(request()))).message).toMatch(/larger than 262144 bytes/);
    }));

  test('brackets without end neither hang nor overflow', () =>
    withPlace(async ({ stranger, request }) => {
      stranger(`a = ${'['.repeat(100_000)}`);
      expect((await failure(loadSettings(request()))).kind).toBe('config');
    }));

  test('a --config file that is missing is an error, a missing user file is not', () =>
    withPlace(async ({ home, request }) => {
      expect((await loadSettings(request())).settings.maxTurns).toBe(0);
      const error = await failure(loadSettings(request({ configFile: join(home, 'no.toml') })));
      expect(error.message).toBe('no such config file (~/no.toml)');
    }));
});
