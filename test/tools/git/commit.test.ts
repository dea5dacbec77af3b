import {
  chmodSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { gitTool } from '../../../activities/tools/git/git.js';
import { filesOf, hook, withRepository } from './repository.js';

describe('a commit of given paths', () => {
  test('takes exactly them: changed, new and deleted ones, and whole folders', () =>
    withRepository(async (r) => {
      r.put('a.txt', 'changed\n');
      r.put('new/deep/x.txt', 'x\n');
      r.put('other.txt', 'not mine\n');
      rmSync(join(r.project, 'b.txt'));
      const { outcome } = await r.commit('feat: exactly these', ['a.txt', 'b.txt', 'new']);
      expect(outcome).toMatchObject({ state: 'applied', isError: false });
      expect(filesOf(r)).toEqual(['M a.txt', 'D b.txt', 'A new/deep/x.txt']);
      expect(r.git('status', '--short')).toBe('?? other.txt\n');
      expect(outcome.note.commit).toBe(r.git('rev-parse', 'HEAD').trim());
    }));

  test('leaves what the user has staged as it is, half-staged files too', () =>
    withRepository(async (r) => {
      r.put('b.txt', 'half\n');
      r.put('staged.txt', 'staged\n');
      r.git('add', 'b.txt', 'staged.txt');
      r.git('rm', '-q', '--cached', '.gitignore');
      r.put('b.txt', 'half\nand more\n');
      r.put('intended.txt', 'i\n');
      r.git('add', '-N', 'intended.txt');
      r.put('a.txt', 'mine\n');
      const staged = (): string => r.git('diff', '--cached', '--raw', '--', ':!a.txt');
      const before = staged();
      await r.commit('mine', ['a.txt']);
      expect(filesOf(r)).toEqual(['M a.txt']);
      expect(staged()).toBe(before);
      expect(r.git('diff', '--stat', '--', 'a.txt')).toBe('');
      expect(r.git('diff', '--cached', '--stat', '--', 'a.txt')).toBe('');
      expect(r.git('ls-files', '--stage', 'intended.txt')).not.toBe('');
    }));

  test('carries the trailers in one paragraph, and the user as author', () =>
    withRepository(async (r) => {
      r.put('a.txt', '1\n');
      await r.commit('fix: it\n\nBecause #3.\n# not a comment\n\nRefs: #12', ['a.txt'], {
        turn: 7,
      });
      expect(r.git('log', '-1', '--format=%an <%ae>%n%B').trimEnd()).toBe(
        [
          'Ada <ada@example.org>',
          'fix: it',
          '',
          'Because #3.',
          '# not a comment',
          '',
          'Refs: #12',
          `Loomkin-Session: ${r.session}`,
          'Loomkin-Call: lead.7.0',
          'Co-Authored-By: Loomkin <noreply@loomkin.dev>',
        ].join('\n'),
      );
    }));

  test('is made on a machine without an identity, under ours', () =>
    withRepository(
      async (r) => {
        r.put('a.txt', '1\n');
        const { outcome } = await r.commit('x', ['a.txt']);
        expect(outcome.text).toContain('[main ');
        expect(r.git('log', '-1', '--format=%an <%ae>/%cn').trim()).toBe(
          'Loomkin <noreply@loomkin.dev>/Loomkin',
        );
      },
      { identity: false },
    ));

  test('is the first one of an empty repository', () =>
    withRepository(
      async (r) => {
        r.put('a.txt', '1\n');
        r.put('staged.txt', 's\n');
        r.git('add', 'staged.txt');
        const { outcome } = await r.commit('first', ['a.txt']);
        expect(outcome).toMatchObject({ state: 'applied', isError: false });
        expect(filesOf(r)).toEqual(['A a.txt']);
        expect(r.git('status', '--short')).toBe('A  staged.txt\n');
      },
      { empty: true },
    ));

  test('takes odd names literally, and a link as a link', () =>
    withRepository(async (r) => {
      const names = ['*.txt', '-n', "it's $(x).txt", ':(top)x', 'ü\n2.txt'];
      for (const name of names) r.put(name, 'x\n');
      r.put('not.txt', 'x\n');
      symlinkSync('/etc/passwd', join(r.project, 'link'));
      const { outcome } = await r.commit('odd', [...names, 'link']);
      expect(outcome.isError).toBe(false);
      expect(
        r.git('show', '--format=', '--name-only', '-z').split('\0').filter(Boolean).sort(),
      ).toEqual([...names, 'link'].sort());
      expect(r.git('ls-tree', 'HEAD', 'link')).toMatch(/^120000/);
    }));

  test.each([
    ['../x', 'outside'],
    ['/etc/passwd', 'outside'],
    ['out/x', 'outside'],
    ['.git/config', 'git'],
    ['missing.txt', 'did not match'],
    ['ignored/x', 'ignored'],
  ])('of %s is refused', (path, word) =>
    withRepository(async (r) => {
      symlinkSync('/tmp', join(r.project, 'out'));
      r.put('ignored/x', 'x');
      const before = r.git('rev-parse', 'HEAD');
      const { outcome } = await r.commit('x', [path]);
      expect(outcome.isError).toBe(true);
      expect(outcome.text).toContain(word);
      expect(r.git('rev-parse', 'HEAD')).toBe(before);
      expect(r.git('diff', '--cached', '--stat')).toBe('');
    }),
  );

  test('with nothing to take says so and commits nothing', () =>
    withRepository(async (r) => {
      const { outcome } = await r.commit('x', ['a.txt']);
      expect(outcome).toMatchObject({ isError: true, state: 'failed' });
      expect(outcome.text).toContain('Nothing to commit');
      expect(r.git('rev-list', '--count', 'HEAD').trim()).toBe('1');
    }));
});

describe('hooks', () => {
  test('run as the user has them, see the files and may change them', () =>
    withRepository(async (r) => {
      hook(
        r,
        'pre-commit',
        'git diff --cached --name-only > ../seen; echo more >> a.txt; git add a.txt',
      );
      hook(r, 'commit-msg', 'echo "Signed: hook" >> "$1"');
      hook(r, 'post-commit', 'touch ../posted');
      r.put('a.txt', '1\n');
      r.put('b.txt', '2\n');
      const { outcome } = await r.commit('x', ['a.txt']);
      expect(outcome).toMatchObject({ isError: false, state: 'applied' });
      expect(readFileSync(join(r.home, 'seen'), 'utf8')).toBe('a.txt\n');
      expect(r.git('show', 'HEAD:a.txt')).toBe('1\nmore\n');
      expect(r.git('log', '-1', '--format=%B')).toContain('Signed: hook');
      expect(existsSync(join(r.home, 'posted'))).toBe(true);
      expect(r.git('status', '--short')).toBe(' M b.txt\n');
    }));

  test('that refuse make an error with their words, and leave the index byte by byte', () =>
    withRepository(async (r) => {
      hook(r, 'pre-commit', 'echo "lint: no good" >&2; exit 1');
      r.put('a.txt', '1\n');
      r.put('new.txt', '1\n');
      r.git('status');
      const index = readFileSync(join(r.project, '.git', 'index'));
      const { outcome } = await r.commit('x', ['a.txt', 'new.txt']);
      expect(outcome).toMatchObject({ isError: true, state: 'failed' });
      expect(outcome.text).toContain('lint: no good');
      expect(readFileSync(join(r.project, '.git', 'index')).equals(index)).toBe(true);
    }));

  test('that hang are ended by an interrupt, and nothing is left locked', () =>
    withRepository(async (r) => {
      hook(r, 'pre-commit', 'touch ../hangs; sleep 1000');
      r.put('a.txt', '1\n');
      const stop = new AbortController();
      const made = r.commit('x', ['a.txt'], { signal: stop.signal });
      while (!existsSync(join(r.home, 'hangs'))) await new Promise((done) => setTimeout(done, 10));
      stop.abort(new Error('user'));
      const { outcome } = await made;
      expect(outcome).toMatchObject({ isError: true, state: 'failed' });
      expect(outcome.text).toContain('[interrupted]');
      expect(existsSync(join(r.project, '.git', 'index.lock'))).toBe(false);
      rmSync(join(r.project, '.git', 'hooks', 'pre-commit'));
      expect((await r.commit('x', ['a.txt'], { index: 1 })).outcome.isError).toBe(false);
    }));
});

describe('a commit without paths', () => {
  test('takes what differs from the session’s start, however it was changed, and nothing else', () =>
    withRepository(async (r) => {
      r.put('a.txt', 'by the user, before\n');
      r.put('users.txt', 'untracked before\n');
      r.put('touched.txt', 'untracked before\n');
      await r.begin();
      await r.shell(
        'echo shell > b.txt; mkdir -p d; echo n > d/new; echo more >> touched.txt; echo l > x.log',
        {
          env: r.env,
        },
      );
      const { outcome } = await r.commit('mine', undefined, { index: 1 });
      expect(outcome).toMatchObject({ isError: false, state: 'applied' });
      expect(filesOf(r)).toEqual(['M b.txt', 'A d/new', 'A touched.txt']);
      expect(r.git('status', '--short')).toBe(' M a.txt\n?? users.txt\n');
    }));

  test('takes deletions and changes of mode, and what was committed already is not taken twice', () =>
    withRepository(async (r) => {
      r.put('gone-before.txt', 'untracked\n');
      await r.begin();
      rmSync(join(r.project, 'gone-before.txt'));
      rmSync(join(r.project, 'b.txt'));
      chmodSync(join(r.project, 'a.txt'), 0o755);
      await r.commit('one');
      expect(filesOf(r)).toEqual(['M a.txt', 'D b.txt']);
      const { outcome } = await r.commit('two', undefined, { index: 1 });
      expect(outcome.isError).toBe(true);
      expect(outcome.text).toContain('Nothing to commit');
    }));

  test('never takes a repository inside the repository', () =>
    withRepository(async (r) => {
      await r.begin();
      execFileSync('git', ['init', '-q', join(r.project, 'nested')]);
      r.put('nested/x', 'x');
      r.put('a.txt', '1\n');
      await r.commit('x');
      expect(filesOf(r)).toEqual(['M a.txt']);
    }));

  test('with nothing changed says so', () =>
    withRepository(async (r) => {
      await r.begin();
      const { outcome } = await r.commit('x');
      expect(outcome.isError).toBe(true);
      expect(outcome.text).toContain('Nothing to commit');
    }));
});

describe('a commit is refused with the reason', () => {
  test('while a merge is in progress', () =>
    withRepository(async (r) => {
      r.git('switch', '-q', '-c', 'side');
      r.put('a.txt', 'side\n');
      r.git('commit', '-qam', 'side');
      r.git('switch', '-q', 'main');
      r.put('a.txt', 'main\n');
      r.git('commit', '-qam', 'main');
      expect(() => r.git('merge', 'side')).toThrow();
      const { outcome } = await r.commit('x', ['a.txt']);
      expect(outcome.isError).toBe(true);
      expect(outcome.text).toContain('A merge is in progress');
    }));

  test('outside a repository', () =>
    withRepository(
      async (r) => {
        const { outcome } = await r.commit('x', ['a.txt']);
        expect(outcome.isError).toBe(true);
        expect(outcome.text).toContain('not a git repository');
      },
      { plain: true },
    ));
});

test('a commit works in a worktree, whose index lies elsewhere', () =>
  withRepository(async (r) => {
    r.git('worktree', 'add', '-q', '../tree');
    const tree = join(r.home, 'tree');
    writeFileSync(join(tree, 'a.txt'), 'in the tree\n');
    const made = r.environment(
      gitTool,
      {
        operation: 'commit',
        message: 'x',
        paths: ['a.txt'],
      },
      { env: r.env },
    );
    const { outcome } = await r.perform({ ...made, context: { ...made.context, project: tree } });
    expect(outcome.isError).toBe(false);
    const status = execFileSync('git', ['status', '--short'], { cwd: tree, encoding: 'utf8' });
    expect(status).toBe('');
    expect(r.git('status', '--short')).toBe('');
    expect(readdirSync(join(r.project, '.git')).filter((name) => name.includes('loomkin'))).toEqual(
      [],
    );
  }));
