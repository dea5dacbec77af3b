/**
 * The lock that decides who lives: held until death, by whoever inherited it, and no longer.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { takeLock } from '../../../workers/supervision/lock.js';

const withLockFile = async (use: (file: string) => Promise<void> | void): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-lock-'));
  try {
    await use(join(folder, 'some.lock'));
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const withPath = <Value>(path: string, use: () => Value): Value => {
  const { PATH } = process.env;
  process.env['PATH'] = path;
  try {
    return use();
  } finally {
    process.env['PATH'] = PATH;
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
    withLockFile((file) =>
      withPath('/nowhere', () => {
        expect(() => takeLock(file)).toThrow(/neither flock nor perl/);
      }),
    ));

  it('is taken with perl where flock is missing, and means the same', () =>
    withLockFile((file) => {
      const perl = execFileSync('/bin/sh', ['-c', 'command -v perl'], { encoding: 'utf8' });
      symlinkSync(perl.trim(), join(dirname(file), 'perl'));
      const lock = withPath(dirname(file), () => takeLock(file));
      expect(lock).not.toBeNull();
      expect(takeLock(file)).toBeNull();
      expect(withPath(dirname(file), () => takeLock(file))).toBeNull();
      closeSync(lock!);
    }));

  it('that can not be had on this file system is no lock that somebody else has', () =>
    withLockFile((file) => {
      writeFileSync(join(dirname(file), 'flock'), '#!/bin/sh\nexit 71\n', { mode: 0o755 });
      expect(() => withPath(dirname(file), () => takeLock(file))).toThrow(
        `can't lock ${file}: its file system or flock refuses (71)`,
      );
    }));

  it('leaves no descriptor behind when it is refused', () =>
    withLockFile((file) => {
      const lock = takeLock(file);
      const open = (): number => readdirSync('/proc/self/fd').length;
      const before = open();
      for (let attempt = 0; attempt < 5; attempt += 1) expect(takeLock(file)).toBeNull();
      expect(open()).toBe(before);
      closeSync(lock!);
    }));

  it('is of the file, whatever name leads to it, and made for its owner alone', () =>
    withLockFile((file) => {
      const lock = takeLock(file)!;
      symlinkSync(file, `${file}.link`);
      expect(takeLock(`${file}.link`)).toBeNull();
      expect(statSync(file).mode & 0o077).toBe(0);
      closeSync(lock);
    }));

  it('can not be had of a folder, and that is said', () =>
    withLockFile((file) => {
      mkdirSync(file);
      expect(() => takeLock(file)).toThrow(/EISDIR/);
    }));
});
