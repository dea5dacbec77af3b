/** What "always in this session" must never come to cover: the gate against a model that tries. */
import {
  grantOf,
  judge,
  refusalByPerson,
  refusalWithoutAnybody,
} from '../../workflows/permission.js';
import type { PermissionClass, PermissionMode } from '../../workflows/protocol/agent.js';
import type { ToolCallSummary } from '../../workflows/protocol/turn.js';

const callOf = (subject: string, permission: PermissionClass = 'execute'): ToolCallSummary => ({
  index: 0,
  name: 'shell',
  permission,
  subject,
  argumentsHash: 'h',
});
const grant = (subject: string): string => grantOf(callOf(subject));
/** Judged in default mode, by what was allowed for always before. */
const verdict = (granted: string, asked: string): string =>
  judge(callOf(asked), 'default', [grant(granted)]);

describe('mode by class', () => {
  const CLASSES: readonly PermissionClass[] = ['read', 'edit', 'execute', 'network', 'coordinate'];
  const passes = (mode: PermissionMode, grants: readonly string[]) =>
    CLASSES.filter((permission) => judge(callOf('make', permission), mode, grants) === 'allow');

  test('default lets reads and edits pass and nothing else', () => {
    expect(passes('default', [])).toEqual(['read', 'edit']);
  });

  test('bypass lets all pass', () => {
    expect(passes('bypass', [])).toEqual(CLASSES);
  });

  test('a mode that is to come is no bypass', () => {
    expect(passes('plan' as PermissionMode, [])).toEqual(['read', 'edit']);
    expect(passes('bypass ' as PermissionMode, [])).toEqual(['read', 'edit']);
  });

  test.each([
    ['an empty text', ''],
    ['brackets around nothing', 'Bash()'],
    ['a star alone', 'Bash(*)'],
    ['a star after a blank', 'Bash( *)'],
    ['a rule of another tool', 'Edit(make)'],
  ])('%s among the grants allows no command', (_, rule) => {
    expect(judge(callOf('rm -rf /'), 'default', [rule])).toBe('ask');
  });
});

describe('a command that ends in a star', () => {
  test.each([
    ['rm *', 'rm -rf /'],
    ['rm -rf *', 'rm -rf /home'],
    ['rm -f build/*', 'rm -f build/../../x'],
    ['cat *', 'cat /etc/shadow'],
    ['chmod 777 *', 'chmod 777 /etc/passwd'],
    ['/bin/rm -r *', '/bin/rm -r /'],
    ['*', 'anything at all'],
  ])('"%s", allowed for always, does not allow "%s"', (granted, asked) => {
    expect(verdict(granted, asked)).toBe('ask');
    expect(verdict(granted, granted)).toBe('allow');
  });
});

describe('a permission for exactly one command', () => {
  test.each([
    ['rm -rf build', 'rm -rf\nbuild'],
    ['docker run --rm alpine rm -rf /x', 'docker run --rm alpine\nrm -rf /x'],
    ['./x -n production', './x -n\r\nproduction'],
    ['make', 'make\n'.repeat(2)],
    ['rm -rf "my  folder"', 'rm -rf "my folder"'],
    ['rm -rf my_folder', 'rm -rf my_folder /'],
    ['a && b', 'a &&  b; c'],
    ['echo "a" > x', 'echo "a" > y'],
  ])('"%s" does not allow %j', (granted, asked) => {
    expect(verdict(granted, asked)).toBe('ask');
  });

  test.each([
    ['make'],
    ['a && b'],
    ['a\nb'],
    ['rm -rf "my  folder"'],
    ['(cd x; y)'],
    ['x "界 | 👍"'],
  ])('%j allows itself, with blanks around it or not', (command) => {
    expect(verdict(command, command)).toBe('allow');
    expect(verdict(command, ` ${command}\n`)).toBe('allow');
  });

  test('covers no long command that begins alike: its hash is part of it', () => {
    const head = `x${'y'.repeat(900)}`;
    const one = `${head} … (2000 bytes, sha256 0123456789abcdef)`;
    const other = `${head} … (2000 bytes, sha256 0123456789abcdee)`;
    expect(verdict(one, one)).toBe('allow');
    expect(verdict(one, other)).toBe('ask');
  });
});

describe('a permission for a program and its subcommand', () => {
  test.each([
    ['npm test', 'Bash(npm test *)'],
    ['  npm \t test --x', 'Bash(npm test *)'],
    ['./node_modules/.bin/tsc build', 'Bash(./node_modules/.bin/tsc build *)'],
    ['g++ main', 'Bash(g++ main *)'],
    ['npm', 'Bash(npm)'],
    ['npm -v', 'Bash(npm -v)'],
    ['cat a.txt', 'Bash(cat a.txt)'],
    ['cat ../x', 'Bash(cat ../x)'],
    ['FOO=1 npm test', 'Bash(FOO=1 npm test)'],
    ['PATH=/e.vil npm test', 'Bash(PATH=/e.vil npm test)'],
    ['"npm" test', 'Bash("npm" test)'],
    ['~/x test', 'Bash(~/x test)'],
    ['npm test; x', 'Bash(npm test; x)'],
    ['npm test # x\ny', 'Bash(npm test # x\ny)'],
  ])('comes from "%s" as %j', (subject, rule) => {
    expect(grant(subject)).toBe(rule);
  });

  test.each([
    ['another subcommand', 'npm install'],
    ['a longer word', 'npm tests'],
    ['no subcommand', 'npm'],
    ['capitals', 'NPM test'],
    ['a second command', 'npm test & x'],
    ['a pipe', 'npm test | sh'],
    ['a substitution', 'npm test `x`'],
    ['a variable', 'npm test $IFS'],
    ['a redirection', 'npm test < /etc/shadow'],
    ['braces', 'npm test {a,b}'],
    ['a line more', 'npm test\nx'],
    ['a line before', 'x\nnpm test'],
    ['an escape', 'npm test \\'],
    ['a setting before it', 'LD_PRELOAD=/x npm test'],
    ['a blank that is none to a shell', 'npm\u00a0test'],
    ['a path to it', '/tmp/npm test'],
  ])('of "npm test" does not cover it with %s', (_, asked) => {
    expect(verdict('npm test', asked)).toBe('ask');
  });

  test('covers a commit with any message, and no other verb of git', () => {
    const granted = 'git commit -m "first"';
    expect(verdict(granted, 'git commit -m "second, with ümlauts"')).toBe('allow');
    expect(verdict(granted, 'git branch x')).toBe('ask');
    expect(verdict(granted, 'git commit-tree x')).toBe('ask');
  });
});

describe('what the model is told', () => {
  test('names the call on one line and the way out where nobody is there', () => {
    const told = refusalWithoutAnybody(callOf('rm\n-rf   x'));
    expect(told).toContain('shell (rm -rf x)');
    expect(told).toContain('--permission-mode bypass');
  });

  test.each([
    [null, 'The user refused this call. Do not'],
    ['', 'The user refused this call. Do not'],
    ['use make', 'The user refused this call: use make Do not'],
  ])('carries the reason %j', (reason, text) => {
    expect(refusalByPerson(reason)).toContain(text);
  });
});
