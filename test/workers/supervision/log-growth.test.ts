/**
 * Logs that grow as no log should, on disks and in folders that are against them: nobody dies of it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { lastLogLine, rotateLogs } from '../../../workers/supervision/logs.js';
import { bundleProgram } from '../../support/bundle.js';
import { onSmallDisk } from '../../support/small-disk.js';

const withFolder = async (use: (folder: string) => Promise<void> | void): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-growth-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, maxRetries: 3 });
  }
};

describe('a log that grows without end', () => {
  it('is kept by its last bytes, however far beyond the limit it was when somebody looked', () =>
    withFolder((folder) => {
      const log = join(folder, 'daemon.log');
      const lines = Array.from({ length: 40_000 }, (_, line) => `line ${line}\n`).join('');
      writeFileSync(log, lines);
      rotateLogs(folder, 100_000);
      expect(statSync(log).size).toBe(0);
      expect(readFileSync(`${log}.1`, 'utf8')).toBe(lines.slice(-100_000));
    }));

  it('takes the place of what was kept before, so that two limits are the most there is', () =>
    withFolder((folder) => {
      const log = join(folder, 'daemon.log');
      for (const letter of ['a', 'b', 'c']) {
        appendFileSync(log, letter.repeat(150));
        rotateLogs(folder, 100);
      }
      expect(readdirSync(folder).toSorted()).toEqual(['daemon.log', 'daemon.log.1']);
      expect(readFileSync(`${log}.1`, 'utf8')).toBe('c'.repeat(100));
    }));

  it('is cut again and again under a writer that prints as fast as it can', () =>
    withFolder(async (folder) => {
      const log = join(folder, 'temporal.log');
      const writer = spawn('/bin/sh', ['-c', `exec yes 'endless words' >>"$0"`, log]);
      try {
        const sizes: number[] = [];
        for (let cuts = 0; cuts < 5;) {
          const before = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
          rotateLogs(folder, 1 << 20);
          if (before > 1 << 20) cuts = sizes.push(statSync(`${log}.1`).size);
          await new Promise(setImmediate);
        }
        expect(sizes).toEqual(Array(5).fill(1 << 20));
      } finally {
        writer.kill('SIGKILL');
        await once(writer, 'exit');
      }
      // Whole words from its beginning: the writer appends, it leaves no hole behind.
      expect(readFileSync(log).subarray(0, 200).includes(0)).toBe(false);
    }));

  it('is quoted by its last words at once, though it is larger than memory', () =>
    withFolder((folder) => {
      const log = join(folder, 'daemon.log');
      writeFileSync(log, 'Error: of long ago\n');
      truncateSync(log, 50 * 2 ** 30);
      appendFileSync(log, '\nError: of today\r\nbye\r\n');
      expect(lastLogLine(log)).toBe('Error: of today');
    }));

  it('is quoted in at most 300 characters, whatever bytes it has', () =>
    withFolder((folder) => {
      const log = join(folder, 'daemon.log');
      writeFileSync(log, Buffer.alloc(100_000, 0xc3));
      expect(lastLogLine(log)).toHaveLength(300);
    }));
});

describe('a folder of logs', () => {
  it('that is gone, or no folder, is not looked into', () =>
    withFolder((folder) => {
      writeFileSync(join(folder, 'file'), '');
      for (const place of ['nowhere', 'file']) rotateLogs(join(folder, place), 1);
      expect(readdirSync(folder)).toEqual(['file']);
    }));

  it.each([
    ['a folder of that name', (path: string) => mkdirSync(path)],
    ['a link to nowhere', (path: string) => symlinkSync('/nowhere/a.log', path)],
    ['a pipe-like device', (path: string) => symlinkSync('/dev/zero', path)],
  ])('has its other logs cut although there is %s in it', (_what, make) =>
    withFolder((folder) => {
      make(join(folder, 'a.log'));
      writeFileSync(join(folder, 'b.log'), 'x'.repeat(50));
      rotateLogs(folder, 10);
      expect(statSync(join(folder, 'b.log')).size).toBe(0);
      expect(readFileSync(join(folder, 'b.log.1'), 'utf8')).toBe('x'.repeat(10));
    }),
  );

  it('has its other logs cut although one can not be kept', () =>
    withFolder((folder) => {
      writeFileSync(join(folder, 'a.log'), 'x'.repeat(50));
      mkdirSync(join(folder, 'a.log.1'));
      writeFileSync(join(folder, 'b.log'), 'x'.repeat(50));
      rotateLogs(folder, 10);
      expect([statSync(join(folder, 'a.log')).size, statSync(join(folder, 'b.log')).size]).toEqual([
        50, 0,
      ]);
    }));

  it('on a full disk loses nothing of a log that can not be kept, and is tidied once there is room', () =>
    withFolder(async (folder) => {
      const disk = join(folder, 'disk');
      mkdirSync(disk);
      const program = await bundleProgram('workers/supervision/full-log-program.ts', folder);
      const seen = JSON.parse(await onSmallDisk(disk, 1, [process.execPath, program, disk])) as {
        readonly full: readonly number[];
        readonly roomy: readonly number[];
      };
      expect(seen).toEqual({ full: [510_000], roomy: [0, 500_000] });
    }));
});
