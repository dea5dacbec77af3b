/**
 * Looks and commits in every state a repository can be in: detached, bare, half rebased, sparse, conflicted.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { gitTool, type GitInput } from '../../../activities/tools/git/git.js';
import { filesOf, hook, withRepository, type Repository } from './repository.js';

const heads = (r: Repository): string => r.git('rev-list', '--all', '--count').trim();

/** A change on `side` and one on `main` of the same line. */
const divide = (r: Repository): void => {
  r.git('switch', '-q', '-c', 'side');
  r.put('a.txt', 'side\n');
  r.git('commit', '-qam', 'side');
  r.git('switch', '-q', 'main');
  r.put('a.txt', 'main\n');
  r.git('commit', '-qam', 'main');
};

const inFolder = (r: Repository, project: string, input: GitInput, index = 0) => {
  const made = r.environment(gitTool, input, { env: r.env, index });
  return r.perform({ ...made, context: { ...made.context, project } });
};

describe('without a branch', () => {
  test('all looks say so, and a commit moves HEAD alone', () =>
    withRepository(async (r) => {
      r.git('switch', '-q', '--detach');
      const main = r.git('rev-parse', 'main');
      r.put('a.txt', 'loose\n');
      expect((await r.call({ operation: 'status' })).outcome.text).toBe(
        '## HEAD (no branch)\n M a.txt',
      );
      const { outcome } = await r.commit('loose', ['a.txt'], { index: 1 });
      expect(outcome).toMatchObject({ state: 'applied', isError: false });
      expect(r.git('rev-parse', 'main')).toBe(main);
      expect(r.git('log', '-1', '--format=%s').trim()).toBe('loose');
      const list = await r.call({ operation: 'branch' }, { index: 2 });
      expect(list.outcome.text).toMatch(/^\* \(HEAD detached from/);
    }));

  test('and without a commit nothing can be shown, and all can be committed', () =>
    withRepository(
      async (r) => {
        for (const [index, operation] of (['log', 'show'] as const).entries())
          expect((await r.call({ operation }, { index })).outcome.isError).toBe(true);
        expect((await r.call({ operation: 'branch' }, { index: 2 })).outcome.text).toBe(
          'No branches yet.',
        );
        await r.begin();
        r.put('ü/new.txt', 'x\n');
        const { outcome } = await r.commit('first', undefined, { index: 3 });
        expect(outcome.isError).toBe(false);
        expect(r.git('ls-tree', '-r', '--name-only', '-z', 'HEAD')).toBe('ü/new.txt\0');
      },
      { empty: true },
    ));
});

describe('a bare repository', () => {
  test('shows its history, has no files to look at, and takes no commit', () =>
    withRepository(async (r) => {
      const bare = join(r.home, 'bare.git');
      execFileSync('git', ['clone', '-q', '--bare', r.project, bare], {
        env: r.env,
        stdio: 'pipe',
      });
      expect((await inFolder(r, bare, { operation: 'log' }, 0)).outcome.text).toContain('first');
      for (const [index, operation] of (['status', 'diff'] as const).entries())
        expect((await inFolder(r, bare, { operation }, 1 + index)).outcome).toMatchObject({
          isError: true,
          text: 'the project is not in the work tree of its git repository',
        });
      const commit = { operation: 'commit', message: 'x', paths: ['a.txt'] } as const;
      const { outcome } = await inFolder(r, bare, commit, 3);
      expect(outcome).toMatchObject({ isError: true });
      expect(outcome.text).toContain('not in the work tree');
    }));
});

describe('half done', () => {
  test('a rebase is called a rebase, with a way out that works', () =>
    withRepository(async (r) => {
      divide(r);
      expect(() => r.git('rebase', 'side')).toThrow();
      const { outcome } = await r.commit('x', ['a.txt']);
      expect(outcome).toMatchObject({ isError: true, state: 'failed' });
      const [, way = ''] = /give it up \('git ([^']+)'\)/.exec(outcome.text) ?? [];
      expect(outcome.text).toContain('A rebase is in progress');
      r.git(...way.split(' '));
      expect(r.git('status', '--short', '--branch')).toBe('## main\n');
    }));

  test('a rebase that stopped without a conflict takes commits', () =>
    withRepository(async (r) => {
      divide(r);
      const env = { ...r.env, GIT_SEQUENCE_EDITOR: 'sed -i s/^pick/edit/' };
      execFileSync('git', ['rebase', '-q', '-i', 'HEAD~1'], { cwd: r.project, env, stdio: 'pipe' });
      r.put('b.txt', 'between\n');
      expect((await r.commit('between', ['b.txt'])).outcome.isError).toBe(false);
      r.git('rebase', '--continue');
      expect(r.git('log', '-2', '--format=%s')).toBe('between\nmain\n');
    }));

  test.each([
    ['cherry-pick', ['cherry-pick', 'side']],
    ['revert', ['revert', '--no-edit', 'HEAD~1']],
  ])('a %s is refused by its name', (name, command) =>
    withRepository(async (r) => {
      divide(r);
      r.put('a.txt', 'later\n');
      r.git('commit', '-qam', 'later');
      expect(() => r.git(...command)).toThrow();
      const before = r.git('ls-files', '--stage');
      const { outcome } = await r.commit('x', ['a.txt']);
      expect(outcome.text).toContain(`A ${name} is in progress`);
      expect(outcome.isError).toBe(true);
      expect(r.git('ls-files', '--stage')).toBe(before);
    }),
  );

  test('a conflict of a stash stays one while another file is committed', () =>
    withRepository(async (r) => {
      r.put('a.txt', 'stashed\n');
      r.git('stash', '-q');
      r.put('a.txt', 'committed\n');
      r.git('commit', '-qam', 'two');
      expect(() => r.git('stash', 'pop')).toThrow();
      const unmerged = r.git('ls-files', '--unmerged');
      expect(unmerged).not.toBe('');
      r.put('b.txt', 'mine\n');
      const { outcome } = await r.commit('mine', ['b.txt']);
      expect(outcome).toMatchObject({ isError: false, state: 'applied' });
      expect(filesOf(r)).toEqual(['M b.txt']);
      expect(r.git('ls-files', '--unmerged')).toBe(unmerged);
      expect(r.git('stash', 'list')).not.toBe('');
    }));
});

describe('a commit', () => {
  test('of a moved file is a move, and the folder it left is gone', () =>
    withRepository(async (r) => {
      r.put('src/deep/x.ts', 'text that is long enough to be known again\n'.repeat(5));
      r.git('add', '-A');
      r.git('commit', '-qm', 'x');
      mkdirSync(join(r.project, 'lib'));
      renameSync(join(r.project, 'src/deep/x.ts'), join(r.project, 'lib/x.ts'));
      rmSync(join(r.project, 'src'), { recursive: true });
      const { outcome } = await r.commit('move', ['src', 'lib']);
      expect(outcome.isError).toBe(false);
      expect(r.git('show', '--format=', '--name-status', '-M')).toBe(
        'R100\tsrc/deep/x.ts\tlib/x.ts\n',
      );
      expect(r.git('status', '--short')).toBe('');
    }));

  test('of a change of mode or of kind alone is one', () =>
    withRepository(async (r) => {
      chmodSync(join(r.project, 'a.txt'), 0o755);
      rmSync(join(r.project, 'b.txt'));
      r.put('b.txt/inner', 'x\n');
      const { outcome } = await r.commit('kinds', ['a.txt', 'b.txt']);
      expect(outcome.isError).toBe(false);
      expect(filesOf(r)).toEqual(['M a.txt', 'D b.txt', 'A b.txt/inner']);
    }));

  test('in a sparse checkout deletes nothing that is not checked out', () =>
    withRepository(async (r) => {
      r.put('in/x.txt', 'x\n');
      r.put('out/y.txt', 'y\n');
      r.git('add', '-A');
      r.git('commit', '-qm', 'two folders');
      r.git('sparse-checkout', 'set', 'in');
      expect(existsSync(join(r.project, 'out'))).toBe(false);
      await r.begin();
      r.put('in/x.txt', 'changed\n');
      const { outcome } = await r.commit('sparse', undefined);
      expect(outcome.isError).toBe(false);
      expect(filesOf(r)).toEqual(['M in/x.txt']);
      expect(r.git('ls-tree', '-r', '--name-only', 'HEAD')).toContain('out/y.txt');
      expect(r.git('status', '--short')).toBe('');
      expect(existsSync(join(r.project, 'out'))).toBe(false);
    }));

  test.each([
    ['a split index', ['core.splitIndex', 'true']],
    ['an index of version 4', ['index.version', '4']],
    ['a cache of untracked files', ['core.untrackedCache', 'true']],
  ])('with %s is one like any other', (_name, [key, value]) =>
    withRepository(async (r) => {
      r.git('config', key!, value!);
      r.git('update-index', '--force-write-index');
      r.put('a.txt', 'x\n');
      r.put('staged.txt', 's\n');
      r.git('add', 'staged.txt');
      await r.begin();
      expect((await r.commit('x', ['a.txt'])).outcome.isError).toBe(false);
      expect(filesOf(r)).toEqual(['M a.txt']);
      expect(r.git('status', '--short')).toBe('A  staged.txt\n');
    }),
  );

  test('that must be signed and can not be is not made, and says why', () =>
    withRepository(async (r) => {
      r.git('config', 'commit.gpgSign', 'true');
      r.git('config', 'gpg.program', '/nonexistent/gpg');
      r.put('a.txt', 'x\n');
      r.git('add', 'b.txt');
      const before = heads(r);
      const { outcome } = await r.commit('x', ['a.txt']);
      expect(outcome).toMatchObject({ isError: true, state: 'failed' });
      expect(outcome.text).toMatch(/gpg[^]*No commit was made in project/);
      expect([heads(r), r.git('status', '--short')]).toEqual([before, ' M a.txt\n']);
    }));

  test('of a file inside a submodule is refused, of the submodule itself takes its new commit', () =>
    withRepository(async (r) => {
      const inner = join(r.project, 'sub');
      const commitInside = (text: string): void => {
        writeFileSync(join(inner, 'x'), text);
        const who = ['-c', 'user.name=A', '-c', 'user.email=a@b'];
        for (const args of [
          ['add', '-A'],
          [...who, 'commit', '-q', '-m', text],
        ])
          execFileSync('git', args, { cwd: inner, env: r.env, stdio: 'pipe' });
      };
      mkdirSync(inner);
      execFileSync('git', ['init', '-q'], { cwd: inner, env: r.env, stdio: 'pipe' });
      commitInside('one');
      r.git('add', 'sub');
      r.git('commit', '-qm', 'sub');
      await r.begin();
      commitInside('two');
      const inside = await r.commit('x', ['sub/x']);
      expect(inside.outcome).toMatchObject({ isError: true, state: 'failed' });
      expect(inside.outcome.text).toContain("in submodule 'sub'");
      expect((await r.commit('x', ['sub'], { index: 1 })).outcome.isError).toBe(false);
      expect(r.git('show', '--format=', '--raw')).toMatch(/^:160000 160000 .* M\tsub$/m);
    }));

  test('of hundreds of files with odd names, all that was changed, is one', () =>
    withRepository(async (r) => {
      await r.begin();
      const names = Array.from({ length: 400 }, (_, n) => `d/${n} '"$(x)\`\n é😀`);
      for (const name of names) r.put(name, 'x\n');
      const { outcome } = await r.commit('many', undefined);
      expect(outcome).toMatchObject({ isError: false, state: 'applied' });
      const made = r.git('show', '--format=', '--name-only', '-z').split('\0').filter(Boolean);
      expect(made.sort()).toEqual(names.sort());
      expect(r.git('status', '--short')).toBe('');
    }));

  test.each([
    ['a title alone that looks like a trailer', 'Fix: it'],
    ['what looks like an option', '--amend --no-verify'],
    ['a comment alone', '# not empty'],
    ['scissors', 'x\n\n# ------------------------ >8 ------------------------\nkept'],
    ['all that a shell knows', `'; touch sprung; echo "$(touch sprung)" \`touch sprung\` \\`],
    ['64 KB', `long\n\n${'é'.repeat(32_000)}`],
  ])('may say %s, word for word', (_name, message) =>
    withRepository(async (r) => {
      r.put('a.txt', 'x\n');
      const { outcome } = await r.commit(message, ['a.txt']);
      expect(outcome).toMatchObject({ isError: false, state: 'applied' });
      const told = r.git('log', '-1', '--format=%B');
      expect(told.startsWith(`${message}\n\nLoomkin-Session: `)).toBe(true);
      expect(existsSync(join(r.project, 'sprung'))).toBe(false);
    }),
  );

  test('whose hook stages more, moves on or talks of commits is told by its own hash', () =>
    withRepository(async (r) => {
      hook(
        r,
        'pre-commit',
        'echo more >b.txt; git add b.txt; echo "commit 0123456789012345678901234567890123456789"',
      );
      hook(r, 'post-commit', 'echo "commit 9876543210987654321098765432109876543210"');
      r.put('a.txt', 'x\n');
      const { outcome } = await r.commit('x', ['a.txt']);
      expect(outcome).toMatchObject({ isError: false, state: 'applied' });
      expect(outcome.note.commit).toBe(r.git('rev-parse', 'HEAD').trim());
      expect(filesOf(r)).toEqual(['M a.txt', 'M b.txt']);
      expect(r.git('status', '--short')).toBe('');
    }));

  test('whose hook throws our trailers away is still known to be made', () =>
    withRepository(async (r) => {
      hook(r, 'commit-msg', 'echo "JIRA-1 nothing else" >"$1"');
      r.put('a.txt', 'x\n');
      const { outcome } = await r.commit('x', ['a.txt']);
      expect(outcome).toMatchObject({ isError: false, state: 'applied' });
      expect(outcome.note.commit).toBe(r.git('rev-parse', 'HEAD').trim());
    }));

  test('keeps what the user stages while its hook runs', () =>
    withRepository(async (r) => {
      // The user's git waits for nobody: it is told that the index is locked, and tries again.
      hook(r, 'pre-commit', 'touch ../hooked; while [ ! -e ../staged ]; do sleep 0.01; done');
      r.put('a.txt', 'mine\n');
      const made = r.commit('mine', ['a.txt']);
      while (!existsSync(join(r.home, 'hooked'))) await new Promise((done) => setTimeout(done, 5));
      r.put('theirs.txt', 't\n');
      expect(() => r.git('add', 'theirs.txt')).toThrow('index.lock');
      writeFileSync(join(r.home, 'staged'), '');
      expect((await made).outcome.isError).toBe(false);
      r.git('add', 'theirs.txt');
      expect(r.git('status', '--short')).toBe('A  theirs.txt\n');
      expect(readFileSync(join(r.project, 'a.txt'), 'utf8')).toBe('mine\n');
    }));
});

test('a diff of more than can be shown is cut, and says how to see less', () =>
  withRepository(async (r) => {
    r.put('big.txt', `${'x'.repeat(99)}\n`.repeat(50_000));
    r.git('add', '-N', 'big.txt');
    const { outcome } = await r.call({ operation: 'diff' });
    expect(outcome.isError).toBe(false);
    expect(outcome.text).toMatch(/\[… cut at 4 MB; narrow it down with paths or ref …\]$/);
    expect(outcome.text.length).toBeLessThan(4.2 * 1024 * 1024);
  }));

test('a diff of what is no text is named, and the terminal is not written to', () =>
  withRepository(async (r) => {
    writeFileSync(join(r.project, 'a.txt'), Buffer.from([0, 1, 2, 27, 255]));
    const { outcome } = await r.call({ operation: 'diff' });
    expect(outcome).toMatchObject({ isError: false });
    expect(outcome.text).toContain('Binary files a/a.txt and b/a.txt differ');
  }));
