/** The commit of HEAD is what git says, in every shape a repository has. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
