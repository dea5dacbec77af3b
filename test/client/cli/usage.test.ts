/**
 * What the command line refuses, with which words, and that it starts nothing on the way.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { COMMANDS, parseArguments } from '../../../client/cli/arguments.js';
import type { Invocation } from '../../../client/cli/arguments.js';
import { helpText } from '../../../client/cli/help.js';
import { nearestOf } from '../../../client/cli/nearest.js';
import { buildCli, startCli } from '../../support/cli.js';
import type { BuiltCli } from '../../support/cli.js';

const refusalOf = (words: readonly string[]) => {
  try {
    return parseArguments(words);
  } catch (error) {
    const { kind, message, cure, exitCode } = error as Record<string, unknown>;
    return { kind, said: `${String(message)}. ${String(cure)}`, exitCode };
  }
};

describe('a usage error', () => {
  test.each<[readonly string[], string]>([
    [['--modle', 'x/y', 'hi'], 'unknown flag --modle. Did you mean --model?'],
    [['--frobnicate'], 'unknown flag --frobnicate. Known: --project, --print'],
    [['-x', 'go on'], 'unknown flag -x. See loomkin --help; put -- before a prompt that starts'],
    [['- a list'], 'unknown flag - . See loomkin --help; put -- before a prompt'],
    [['--verbose', '-p', 'go on'], 'unknown flag --verbose. Known:'],
    [['--model'], '--model needs a value. See loomkin --help.'],
    [['--model', '-p', 'go on'], '--model needs a value'],
    [['--model', '', '-p', 'go on'], '--model needs a value'],
    [['-r'], '--resume needs a value'],
    [['--print=yes', 'go on'], '--print takes no value. Write --print alone.'],
    [['-p', 'go on', '--output-format', 'jsn'], 'unknown output format "jsn". Did you mean json?'],
    [['-p', 'go on', '--output-format', 'xml'], 'unknown output format "xml". Known: text, json,'],
    [['-p', 'x', '--permission-mode', 'pass'], 'unknown permission mode "pass".'],
    [['-p', 'x', '--permission-mode', 'plan'], 'unknown permission mode "plan". Known: default,'],
    [['-p', 'x', '--permission-mode', 'toString'], 'unknown permission mode "toString".'],
    [['-p', 'x', '--max-turns', 'few'], '--max-turns few is not a number of turns'],
    [['-p', 'x', '--max-turns=-1'], '--max-turns -1 is not a number of turns'],
    [['-p', 'x', '--max-turns', '1.5'], '--max-turns 1.5 is not a number of turns'],
    [['-c', '-r', 'abcd'], '-c and -r name two different sessions'],
    [['-r', 'abc', 'go on'], '"abc" is not a session id. Give at least its first 4 characters'],
    [['-r', 'xyz1', 'go on'], '"xyz1" is not a session id'],
    [['stauts'], 'unknown command "stauts". Did you mean loomkin status?'],
    [['doctor'], 'unknown command "doctor". Known: loomkin up,'],
    [['dwon'], 'unknown command "dwon". Did you mean loomkin down?'],
    [['go', 'on'], 'unknown command "go".'],
    [['go on', 'further'], 'unexpected "further" after the prompt. Put the prompt in quotes.'],
    [['help', 'psx'], 'loomkin help takes no "psx". See loomkin help.'],
    [['help', 'ps', 'up'], 'loomkin help takes no "up". See loomkin help.'],
    [['ps', 'all'], 'loomkin ps takes no "all". See loomkin ps --help.'],
    [['ps', '--install'], '--install does not go with loomkin ps. It belongs to loomkin up.'],
    [['up', '-m', 'x/y'], '--model does not go with loomkin up. It belongs to a prompt.'],
    [['--json', '-p', 'go on'], '--json does not go with a prompt. It belongs to loomkin up,'],
    [['--all', 'go on'], '--all does not go with a prompt. It belongs to loomkin ps.'],
    [['--toString'], 'unknown flag --toString.'],
  ])('%j says: %s', (words, said) => {
    const refused = refusalOf(words);
    expect(refused).toMatchObject({ kind: 'usage', exitCode: 2 });
    expect('said' in refused ? refused.said : '').toContain(said);
  });
});

describe('the words of a command line', () => {
  const promptOf = (words: readonly string[]): Record<string, unknown> => {
    const invocation: Invocation = parseArguments(words);
    return { ...(invocation.kind === 'prompt' ? invocation.options : invocation) };
  };

  test.each<[readonly string[], Record<string, unknown>]>([
    [[], { prompt: null, print: false, session: { kind: 'new' } }],
    [['fix the tests'], { prompt: 'fix the tests', print: false }],
    [['-p', 'hello'], { prompt: 'hello', print: true }],
    [['hello', '-p'], { prompt: 'hello', print: true }],
    [['--model', 'a/b', 'hello'], { prompt: 'hello', model: 'a/b' }],
    [['-pm', 'a/b', 'hello'], { print: true, model: 'a/b' }],
    [['-m=a/b', 'go on'], { model: '=a/b' }],
    [['--model=a/b', 'go on'], { model: 'a/b' }],
    [['-m', 'a/b', '-m', 'c/d', 'go on'], { model: 'c/d' }],
    [['-c'], { prompt: null, session: { kind: 'newest' } }],
    [['-c', 'up'], { prompt: 'up', session: { kind: 'newest' } }],
    [['-r', 'ABCD', 'go on'], { session: { kind: 'named', prefix: 'abcd' } }],
    [['--output-format', 'json', 'go on'], { format: 'json', print: true }],
    [['--permission-mode', 'bypass', 'go on'], { permissionMode: 'bypass' }],
    [['--permission-mode', 'bypassPermissions', 'go on'], { permissionMode: 'bypass' }],
    [['--max-turns', '0', 'go on'], { maxTurns: 0 }],
    [['-p', '--', '-c'], { prompt: '-c', session: { kind: 'new' } }],
    [
      ['ps', '--all', '--json'],
      { kind: 'command', command: 'ps', flags: { all: true, json: true } },
    ],
    [['up', '--install'], { kind: 'command', command: 'up', flags: { install: true } }],
    [['--version'], { kind: 'version' }],
    [['down', '--version'], { kind: 'version' }],
    [['--help'], { kind: 'help', command: null }],
    [['ps', '-h'], { kind: 'help', command: 'ps' }],
    [['help'], { kind: 'help', command: null }],
    [['help', 'ps'], { kind: 'help', command: 'ps' }],
    [['help', '--help'], { kind: 'help', command: null }],
    [['-p', 'help'], { prompt: 'help' }],
    [['--', 'help'], { prompt: 'help' }],
  ])('%j mean %j', (words, meaning) => {
    expect(promptOf(words)).toMatchObject(meaning);
  });
});

describe('help', () => {
  const texts = [null, ...COMMANDS].map((command) => helpText(command));

  test('fits into 80 columns', () => {
    const lines = texts.join('\n').split('\n');
    expect(lines.filter((line) => line.length > 79)).toEqual([]);
  });

  test('names no flag that does not parse, and leaves none out', () => {
    for (const [index, command] of [null, ...COMMANDS].entries()) {
      const named = new Set([...texts[index]!.matchAll(/(?<![\w-])--[a-z-]+/g)].map(String));
      const words = command === null ? [] : [command];
      for (const flag of named) {
        const refused = refusalOf([...words, flag]);
        const said = 'said' in refused ? String(refused.said) : '';
        expect(said).not.toMatch(/unknown flag|does not go with/);
      }
      expect(named).toContain('--help');
      expect(named).toContain('--version');
    }
    const known = refusalOf(['--zzzzzzzzzzzzzzzz']) as { said: string };
    const flags = [...known.said.matchAll(/--[a-z-]+/g)].map(String).slice(1);
    for (const flag of flags) expect(texts.join('\n')).toContain(flag);
  });
});

describe('the nearest name', () => {
  const known = ['up', 'down', 'status', 'ps'];
  test.each([
    ['statsu', 'status'],
    ['Status', 'status'],
    ['stat', 'status'],
    ['don', 'down'],
    ['sp', 'ps'],
    ['refactor', null],
  ])('to %s is %s', (word, nearest) => {
    expect(nearestOf(word, known)).toBe(nearest);
  });
});

describe('as a process', () => {
  let cli: BuiltCli;
  let folder: string;
  beforeAll(async () => {
    cli = await buildCli();
    folder = mkdtempSync(join(tmpdir(), 'loomkin-usage-'));
  });
  afterAll(() => {
    cli.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = async (args: readonly string[], cwd = folder) => {
    const home = join(folder, 'home');
    const started = startCli(cli.file, args, { cwd, env: { LOOMKIN_HOME: home } });
    const { code } = await started.ended;
    expect(readdirSync(folder)).not.toContain('home');
    return { code, stdout: started.stdout(), stderr: started.stderr() };
  };

  test('--version prints version and build and starts nothing', async () => {
    const printed = { code: 0, stdout: 'loomkin 9.9.9 (build test)\n', stderr: '' };
    expect(await run(['--version'])).toEqual(printed);
    expect(await run(['ps', '--version'])).toEqual(printed);
  });

  test('--help of each command goes to stdout and starts nothing', async () => {
    for (const command of [null, ...COMMANDS]) {
      const args = command === null ? ['--help'] : [command, '--help'];
      expect(await run(args)).toEqual({ code: 0, stdout: helpText(command), stderr: '' });
    }
  });

  test('help alone is --help', async () => {
    expect(await run(['help'])).toEqual(await run(['--help']));
  });

  test('a usage error is one line on stderr and exit code 2', async () => {
    const { code, stdout, stderr } = await run(['--modle', 'x/y', 'go on']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe('loomkin: unknown flag --modle. Did you mean --model?\n');
  });

  test('with --json an error is a document on stdout as well', async () => {
    const { code, stdout, stderr } = await run(['ps', '--json', '--al']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^loomkin: unknown flag --al\. Did you mean --all\?\n$/);
    expect(JSON.parse(stdout)).toEqual({
      error: { kind: 'usage', message: 'unknown flag --al', cure: 'Did you mean --all?' },
    });
  });

  test.each([
    ['missing', (): string => join(folder, 'missing'), 'it does not exist'],
    ['a file', (): string => file('a-file'), 'it is not a folder'],
    ['a path through a file', (): string => join(file('other'), 'x'), 'it is not a folder'],
  ])('a project that is %s is refused', async (_, project, why) => {
    const path = project();
    const { code, stderr } = await run(['-p', 'go on', '--project', path]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `loomkin: can't use the project folder (${path}: ${why}). Check --project.\n`,
    );
  });

  test('a config file that is missing or a folder is refused', async () => {
    for (const [path, why] of [
      [join(folder, 'none.toml'), 'ENOENT'],
      [folder, 'EISDIR'],
    ] as const) {
      const { code, stderr } = await run(['-p', 'go on', '--config', path]);
      expect(code).toBe(2);
      expect(stderr).toContain(`can't read the config file (${path}: ${why})`);
    }
  });

  test('a current folder that is gone is one clear line', async () => {
    const gone = join(folder, 'gone');
    mkdirSync(gone);
    const shell = join(folder, 'gone.mjs');
    const words = JSON.stringify([cli.file, '-p', 'go on']);
    writeFileSync(
      shell,
      `import { rmdirSync } from 'node:fs'; import { spawnSync } from 'node:child_process';
       process.chdir(${JSON.stringify(gone)}); rmdirSync(${JSON.stringify(gone)});
       process.exit(spawnSync(process.execPath, ${words}, { stdio: 'inherit' }).status);`,
    );
    const { code, stderr } = await startAndWait(shell);
    expect(code).toBe(2);
    expect(stderr).toBe('loomkin: the current folder is gone. Change to one that exists.\n');
  });

  const startAndWait = async (file: string) => {
    const started = startCli(file, [], { cwd: folder });
    const { code } = await started.ended;
    return { code, stderr: started.stderr() };
  };
  const file = (name: string): string => {
    writeFileSync(join(folder, name), '');
    return join(folder, name);
  };
});
