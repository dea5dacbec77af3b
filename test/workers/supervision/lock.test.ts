/**
 * The lock that decides who lives: held until death, by whoever inherited it, and no longer.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeLock } from '../../../workers/supervision/lock.js';

const withLockFile = async (use: (file: string) => Promise<void> | void): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-lock-'));
  try {
    await use(join(folder, 'some.lock'));
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** A program that starts a child of its own, tells its pid, and stays. */
const PARENT = `
  const { spawn } = require('node:child_process');
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  process.stdout.write(String(child.pid));
  setInterval(() => {}, 1000);
`;

describe('a lock', () => {
  it('has one owner, and another one after that has let go', () =>
    withLockFile((file) => {
      const lock = takeLock(file);
      expect(lock).not.toBeNull();
      expect(takeLock(file)).toBeNull();
      closeSync(lock!);
      const next = takeLock(file);
      expect(next).not.toBeNull();
      closeSync(next!);
    }));

  it('is held by the child that inherited it until that is killed, not by its own children', () =>
    withLockFile(async (file) => {
      const lock = takeLock(file)!;
      const holder = spawn(process.execPath, ['-e', PARENT], {
        stdio: ['ignore', 'pipe', 'inherit', lock],
      });
      closeSync(lock);
      const [grandchild] = (await once(holder.stdout!, 'data')) as [Buffer];
      try {
        expect(takeLock(file)).toBeNull();
        holder.kill('SIGKILL');
        await once(holder, 'exit');
        const next = takeLock(file);
        expect(next).not.toBeNull();
        closeSync(next!);
      } finally {
        process.kill(Number(grandchild), 'SIGKILL');
      }
    }));

  it('has one owner when twenty ask at once', () =>
    withLockFile((file) => {
      const owners = Array.from({ length: 20 }, () => takeLock(file)).filter((fd) => fd !== null);
      expect(owners).toHaveLength(1);
      closeSync(owners[0]!);
    }));

  it('says what is missing where nothing can lock', () =>
    withLockFile((file) => {
      const { PATH } = process.env;
      process.env['PATH'] = '/nowhere';
      try {
        expect(() => takeLock(file)).toThrow(/neither flock nor perl/);
      } finally {
        process.env['PATH'] = PATH;
      }
    }));
});
