import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { gitTool, type GitInput } from '../../../activities/tools/git/git.js';
import { judge } from '../../../workflows/permission.js';
import { withRepository } from './repository.js';

const textOf = async (call: Promise<{ outcome: { text: string } }>): Promise<string> =>
  (await call).outcome.text;

test('status, diff, log, show and the branches are told', () =>
  withRepository(async (r) => {
    r.put('a.txt', 'changed\n');
    r.git('add', 'a.txt');
    r.put('b.txt', 'changed too\n');
    r.put('new.txt', 'n\n');
    expect(await textOf(r.call({ operation: 'status' }))).toBe(
      '## main\nM  a.txt\n M b.txt\n?? new.txt',
    );
    const diff = await textOf(r.call({ operation: 'diff' }, { index: 1 }));
    expect(diff).toContain('+changed\n');
    expect(diff).toContain('+changed too');
    const one = await textOf(r.call({ operation: 'diff', paths: ['b.txt'] }, { index: 2 }));
    expect(one).not.toContain('a.txt');
    expect(await textOf(r.call({ operation: 'log' }, { index: 3 }))).toMatch(/Ada.*\n +first/);
    expect(await textOf(r.call({ operation: 'show', ref: 'HEAD' }, { index: 4 }))).toContain(
      '+++ b/a.txt',
    );
    expect(await textOf(r.call({ operation: 'branch' }, { index: 5 }))).toMatch(/^\* main/);
  }));

test('looking takes no lock and leaves the index as it is', () =>
  withRepository(async (r) => {
    writeFileSync(join(r.project, '.git', 'index.lock'), '');
    r.put('a.txt', 'x\n');
    expect(await textOf(r.call({ operation: 'status' }))).toContain('M a.txt');
  }));

test('no program of the repository’s choice is run', () =>
  withRepository(async (r) => {
    const trap = join(r.home, 'trap');
    writeFileSync(trap, `#!/bin/sh\ntouch ${r.home}/sprung\ncat "$@"\n`, { mode: 0o755 });
    r.put('.gitattributes', '*.txt diff=evil\n');
    for (const [key, value] of [
      ['diff.external', trap],
      ['diff.evil.textconv', trap],
      ['diff.evil.command', trap],
      ['core.fsmonitor', trap],
      ['core.pager', trap],
      ['pager.diff', trap],
    ])
      r.git('config', key!, value!);
    r.put('a.txt', 'x\n');
    for (const [index, operation] of (['status', 'diff', 'log', 'show'] as const).entries())
      await r.call({ operation }, { index });
    expect(existsSync(join(r.home, 'sprung'))).toBe(false);
  }));

test.each<GitInput>([
  { operation: 'diff', ref: '--output=/tmp/x' },
  { operation: 'log', ref: '--exec=touch sprung' },
  { operation: 'show', ref: '-p' },
  { operation: 'diff', paths: ['../../etc/passwd'] },
  { operation: 'show', ref: 'no-such-ref' },
])('%j is an error, not an option', (input) =>
  withRepository(async (r) => {
    expect((await r.call(input)).outcome.isError).toBe(true);
  }),
);

test('a path that begins with a dash is a path', () =>
  withRepository(async (r) => {
    r.put('--stat', 'x\n');
    r.git('add', '-N', '--', '--stat');
    expect(await textOf(r.call({ operation: 'diff', paths: ['--stat'] }))).toContain('+x');
  }));

test('a repository that the caller’s environment points at is not the one looked at', () =>
  withRepository(async (r) => {
    const env = { ...r.env, GIT_DIR: '/nonexistent', GIT_WORK_TREE: '/', GIT_INDEX_FILE: '/x' };
    expect(await textOf(r.call({ operation: 'status' }, { env }))).toBe('## main');
  }));

test('a project without a repository is told so', () =>
  withRepository(
    async (r) => {
      const { outcome } = await r.call({ operation: 'status' });
      expect(outcome).toMatchObject({ isError: true });
      expect(outcome.text).toContain('not a git repository');
    },
    { plain: true },
  ));

test('an empty repository can be looked at', () =>
  withRepository(
    async (r) => {
      r.put('a.txt', 'a');
      expect(await textOf(r.call({ operation: 'status' }))).toContain('?? a.txt');
      expect((await r.call({ operation: 'diff' }, { index: 1 })).outcome.isError).toBe(false);
      expect((await r.call({ operation: 'log' }, { index: 2 })).outcome.text).toContain(
        'commits yet',
      );
    },
    { empty: true },
  ));

describe('a branch', () => {
  test('is made from where HEAD is, or from a ref, and switched to', () =>
    withRepository(async (r) => {
      r.put('a.txt', 'carried\n');
      const { outcome } = await r.call({ operation: 'branch', name: 'feat/x' });
      expect(outcome).toMatchObject({ state: 'applied', isError: false });
      expect(r.git('branch', '--show-current').trim()).toBe('feat/x');
      expect(r.git('status', '--short')).toBe(' M a.txt\n');
      await r.call({ operation: 'branch', name: 'main' }, { index: 1 });
      expect(r.git('branch', '--show-current').trim()).toBe('main');
      const bad = await r.call({ operation: 'branch', name: 'y', ref: 'nope' }, { index: 2 });
      expect(bad.outcome).toMatchObject({ state: 'failed', isError: true });
    }));

  test.each(['-D', 'a b', '..', 'x.lock', '@{-1}'])('named %s is refused', (name) =>
    withRepository(async (r) => {
      expect((await r.call({ operation: 'branch', name })).outcome.isError).toBe(true);
    }),
  );

  test('that an earlier attempt had switched to is found', () =>
    withRepository(async (r) => {
      r.git('switch', '-q', '-c', 'there');
      const made = r.environment(gitTool, { operation: 'branch', name: 'there' }, { env: r.env });
      expect(
        await gitTool.probe!({ operation: 'branch', name: 'there' }, made.context),
      ).toMatchObject({
        state: 'applied',
      });
      expect(await gitTool.probe!({ operation: 'branch', name: 'not' }, made.context)).toBeNull();
    }));
});

describe('a call', () => {
  test.each<[GitInput, string, string]>([
    [{ operation: 'status' }, 'read', 'pure'],
    [{ operation: 'diff', ref: 'HEAD~1', paths: ['a'] }, 'read', 'pure'],
    [{ operation: 'branch' }, 'read', 'pure'],
    [{ operation: 'branch', name: 'x' }, 'execute', 'reconcilable'],
    [{ operation: 'commit', message: 'x' }, 'execute', 'reconcilable'],
  ])('%j is %s and %s', (input, permission, effect) => {
    expect(gitTool.permission(input)).toBe(permission);
    expect(gitTool.effect(input)).toBe(effect);
  });

  test('is judged by words that a rule for its operation covers, whatever the message', () => {
    const input = {
      operation: 'commit',
      message: 'fix(auth): "quotes" & $(x);\n\nbody `y`',
      paths: ['a b.ts', 'c.ts'],
    } as const;
    const subject = gitTool.subject(input);
    expect(subject).toBe('git commit -m "fix auth : quotes x body y" -- a b.ts c.ts');
    const call = {
      index: 0,
      name: 'git',
      permission: 'execute' as const,
      subject,
      argumentsHash: '',
    };
    expect(judge(call, 'default', ['Bash(git commit *)'])).toBe('allow');
    expect(judge(call, 'default', [])).toBe('ask');
    expect(gitTool.subject({ operation: 'branch', name: 'x', ref: 'main' })).toBe(
      'git branch x main',
    );
  });

  test.each([
    [{}, 'operation'],
    [{ operation: 'push' }, 'operation'],
    [{ operation: 'commit' }, 'message'],
    [{ operation: 'commit', message: ' \n' }, 'message'],
    [{ operation: 'commit', message: 'x', paths: 'a' }, 'paths'],
    [{ operation: 'commit', message: 'a\0b' }, 'NUL'],
  ])('%j is refused with words that name what is wrong', (input, word) => {
    expect(gitTool.parse(input)).toMatchObject({ ok: false, error: expect.stringContaining(word) });
  });
});

test('a project in a subfolder takes and shows its own files only', () =>
  withRepository(async (r) => {
    r.put('sub/in.txt', 'in\n');
    r.put('out.txt', 'out\n');
    const project = join(r.project, 'sub');
    mkdirSync(project, { recursive: true });
    const call = async (input: GitInput, index: number) => {
      const made = r.environment(gitTool, input, { env: r.env, index });
      return r.perform({ ...made, context: { ...made.context, project } });
    };
    expect(
      (await call({ operation: 'commit', message: 'x', paths: ['../out.txt'] }, 0)).outcome.isError,
    ).toBe(true);
    const { outcome } = await call({ operation: 'commit', message: 'x', paths: ['in.txt'] }, 1);
    expect(outcome.isError).toBe(false);
    expect(r.git('status', '--short')).toBe('?? out.txt\n');
  }));
