/** The commit of HEAD is what git says, in every shape a repository has. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readGitHead } from '../../workers/git-head.js';

const git = (folder: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.org', ...args], {
    cwd: folder,
    encoding: 'utf8',
  }).trim();

const withRepository = async (body: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-head-'));
  try {
    git(folder, 'init', '-q', '-b', 'main');
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Runs the command with the path behind its own words, once nothing has that name. */
const replaceBy = (path: string, command: string, ...words: string[]): void => {
  rmSync(path);
  execFileSync(command, [...words, path]);
};

const commit = (folder: string): string => {
  writeFileSync(join(folder, 'a.txt'), `${Math.random()}`);
  git(folder, 'add', '-A');
  git(folder, 'commit', '-q', '-m', 'a');
  return git(folder, 'rev-parse', 'HEAD');
};

describe('the commit that HEAD names', () => {
  test('on a branch, also after the branch moved', () =>
    withRepository(async (folder) => {
      const first = commit(folder);
      expect(await readGitHead(folder)).toBe(first);
      const second = commit(folder);
      expect(second).not.toBe(first);
      expect(await readGitHead(folder)).toBe(second);
    }));

  test('detached', () =>
    withRepository(async (folder) => {
      const first = commit(folder);
      commit(folder);
      git(folder, 'checkout', '-q', first);
      expect(await readGitHead(folder)).toBe(first);
    }));

  test('with packed refs', () =>
    withRepository(async (folder) => {
      const head = commit(folder);
      git(folder, 'pack-refs', '--all');
      expect(await readGitHead(folder)).toBe(head);
    }));

  test('in a subfolder and in a worktree', () =>
    withRepository(async (folder) => {
      const head = commit(folder);
      mkdirSync(join(folder, 'sub'));
      expect(await readGitHead(join(folder, 'sub'))).toBe(head);
      const tree = `${folder}-tree`;
      git(folder, 'worktree', 'add', '-q', tree, '-b', 'other');
      try {
        const other = commit(tree);
        expect(await readGitHead(tree)).toBe(other);
        expect(await readGitHead(folder)).toBe(head);
      } finally {
        rmSync(tree, { recursive: true });
      }
    }));

  const headOf = (folder: string): string => join(folder, '.git', 'HEAD');
  const NEVER_ENDING: readonly (readonly [string, (folder: string) => void])[] = [
    ['HEAD is a pipe', (folder) => replaceBy(headOf(folder), 'mkfifo')],
    ['its branch is a pipe', (folder) => replaceBy(join(folder, '.git/refs/heads/main'), 'mkfifo')],
    [
      'its branch is a device without end',
      (folder) => replaceBy(join(folder, '.git/refs/heads/main'), 'ln', '-s', '/dev/zero'),
    ],
    ['HEAD is larger than memory', (folder) => truncateSync(headOf(folder), 20 * 2 ** 30)],
  ];

  test.each(NEVER_ENDING)('is not waited for where %s', (_what, harm) =>
    withRepository(async (folder) => {
      commit(folder);
      harm(folder);
      const startedMs = performance.now();
      expect(await readGitHead(folder)).toBeNull();
      // Git, asked about it, would wait or read until it is killed after five seconds.
      expect(performance.now() - startedMs).toBeLessThan(2000);
    }),
  );

  test.each([
    ['with Windows line ends', (text: string) => text.replace('\n', '\r\n')],
    ['without a line end', (text: string) => text.trimEnd()],
  ])('is the same when the files of git are %s', (_how, change) =>
    withRepository(async (folder) => {
      const head = commit(folder);
      const branch = join(folder, '.git/refs/heads/main');
      for (const file of [headOf(folder), branch])
        writeFileSync(file, change(readFileSync(file, 'utf8')));
      expect([head, null]).toContain(await readGitHead(folder));
    }),
  );

  test('of a branch with an odd name, and of a symbolic link, is what git says', () =>
    withRepository(async (folder) => {
      commit(folder);
      git(folder, 'checkout', '-q', '-b', 'ünïcode/f+x#1');
      const odd = commit(folder);
      expect(await readGitHead(folder)).toBe(odd);
      git(folder, 'checkout', '-q', 'main');
      // As git of long ago did it.
      replaceBy(headOf(folder), 'ln', '-s', 'refs/heads/ünïcode/f+x#1');
      expect(await readGitHead(folder)).toBe(odd);
    }));

  test('is null where the branch names something that is no commit', () =>
    withRepository(async (folder) => {
      commit(folder);
      writeFileSync(join(folder, '.git/refs/heads/main'), `${'z'.repeat(40)}\n`);
      expect(await readGitHead(folder)).toBeNull();
    }));

  test('is null before the first commit and outside git', () =>
    withRepository(async (folder) => {
      expect(await readGitHead(folder)).toBeNull();
      const plain = mkdtempSync(join(tmpdir(), 'loomkin-plain-'));
      try {
        expect(await readGitHead(plain)).toBeNull();
      } finally {
        rmSync(plain, { recursive: true });
      }
    }));
});
