import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';

import { baseRefOf, changedSince, snapshotTree } from '../../../activities/tools/git/snapshot.js';
import { withRepository } from './repository.js';

test('holds the working tree as it is, and touches neither index nor log', () =>
  withRepository(async (r) => {
    r.put('a.txt', 'dirty\n');
    r.put('untracked.txt', 'u\n');
    r.put('ignored/x', 'x');
    rmSync(join(r.project, 'b.txt'));
    r.git('status');
    const index = readFileSync(join(r.project, '.git', 'index'));
    const tree = await r.begin();
    expect(r.git('ls-tree', '-r', '--name-only', tree!).split('\n').filter(Boolean)).toEqual([
      '.gitignore',
      'a.txt',
      'untracked.txt',
    ]);
    expect(r.git('show', `${tree}:a.txt`)).toBe('dirty\n');
    expect(readFileSync(join(r.project, '.git', 'index')).equals(index)).toBe(true);
    expect(r.git('log', '--all', '--oneline').trim().split('\n')).toHaveLength(1);
    expect(r.git('fsck', '--strict')).toBe('');
  }));

test('is taken once a session, and survives git’s own tidying', () =>
  withRepository(async (r) => {
    r.put('a.txt', 'at the start\n');
    const [one, two] = await Promise.all([r.begin(), r.begin()]);
    expect(one).toBe(two);
    r.put('a.txt', 'later\n');
    r.git('gc', '-q', '--prune=now');
    expect(await r.begin()).toBe(one);
    expect(r.git('show', `${baseRefOf(r.session)}:a.txt`)).toBe('at the start\n');
  }));

test('sees a change of the same size in the same second', () =>
  withRepository(async (r) => {
    for (let round = 0; round < 5; round += 1) {
      r.put('a.txt', `${round}\n`);
      r.git('add', 'a.txt');
      const base = await snapshotTree(r.project, `round-${round}`, r.env);
      r.put('a.txt', `${round + 1}\n`);
      expect(await changedSince(r.project, base!, r.env)).toEqual(['a.txt']);
    }
  }));

test('leaves out what is huge, sparse or special, without being slowed by it', () =>
  withRepository(async (r) => {
    execFileSync('mkfifo', [join(r.project, 'fifo')]);
    writeFileSync(join(r.project, 'sparse'), '');
    truncateSync(join(r.project, 'sparse'), 1024 ** 4);
    writeFileSync(join(r.project, 'huge.bin'), Buffer.alloc(11 * 1024 * 1024));
    const socket = createServer().listen(join(r.project, 'socket'));
    await once(socket, 'listening');
    const begunAt = Date.now();
    const tree = await r.begin();
    expect(Date.now() - begunAt).toBeLessThan(3000);
    expect(r.git('ls-tree', '--name-only', tree!).trim().split('\n')).toEqual([
      '.gitignore',
      'a.txt',
      'b.txt',
    ]);
    rmSync(join(r.project, 'fifo'));
    r.put('a.txt', 'x\n');
    expect(await changedSince(r.project, tree!, r.env)).toEqual(['a.txt']);
    socket.close();
    await once(socket, 'close');
  }));

test('sees a tracked file become a folder or a link, and leaves one alone that became a fifo', () =>
  withRepository(async (r) => {
    r.put('c.txt', 'c\n');
    r.git('add', 'c.txt');
    const tree = await r.begin();
    for (const name of ['a.txt', 'b.txt', 'c.txt']) rmSync(join(r.project, name));
    r.put('a.txt/inside', 'x\n');
    symlinkSync('a.txt', join(r.project, 'b.txt'));
    execFileSync('mkfifo', [join(r.project, 'c.txt')]);
    expect(await changedSince(r.project, tree!, r.env)).toEqual(['a.txt', 'a.txt/inside', 'b.txt']);
    await r.commit('x');
    expect(r.git('ls-tree', '-r', '--name-only', 'HEAD').trim().split('\n')).toEqual([
      '.gitignore',
      'a.txt/inside',
      'b.txt',
    ]);
  }));

test('a file that outgrows the bound is not taken for a deleted one', () =>
  withRepository(async (r) => {
    r.put('grows', 'small');
    const tree = await r.begin();
    writeFileSync(join(r.project, 'grows'), Buffer.alloc(11 * 1024 * 1024));
    expect(await changedSince(r.project, tree!, r.env)).toEqual([]);
  }));

test('is given up when there are too many untracked files', () =>
  withRepository(async (r) => {
    execFileSync('bash', ['-c', 'mkdir many; cd many; seq 1 10050 | xargs touch'], {
      cwd: r.project,
    });
    expect(await r.begin()).toBeNull();
  }));

test('sees a folder become a file', () =>
  withRepository(async (r) => {
    r.put('d/x', 'x');
    r.git('add', 'd/x');
    const tree = await r.begin();
    rmSync(join(r.project, 'd'), { recursive: true });
    r.put('d', 'a file now');
    expect(await changedSince(r.project, tree!, r.env)).toEqual(['d', 'd/x']);
    await r.commit('x');
    expect(r.git('ls-tree', '-r', '--name-only', 'HEAD')).toContain('b.txt\nd\n');
  }));

test('works on an empty repository and is null where there is none', async () => {
  await withRepository(
    async (r) => {
      r.put('a.txt', 'a');
      const tree = await r.begin();
      expect(r.git('ls-tree', '--name-only', tree!)).toBe('a.txt\n');
    },
    { empty: true },
  );
  await withRepository(async (r) => expect(await r.begin()).toBeNull(), { plain: true });
});
