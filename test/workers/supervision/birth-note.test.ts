/**
 * The note a child writes before it becomes its program: found again by pid and start time.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTimeOf } from '../../../config/runtime-file.js';
import {
  NOTE_THEN_EXEC,
  readBirthNote,
  writeOwnNote,
} from '../../../workers/supervision/birth-note.js';

const withNote = async (use: (file: string) => Promise<void> | void): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-note-'));
  try {
    await use(join(folder, 'child.pid'));
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const FACTS = { port: 4711, name: 'it\'s "quoted" \\n %s $HOME', none: null };

const start = (file: string, ...program: string[]) =>
  spawn('/bin/sh', ['-c', NOTE_THEN_EXEC, file, JSON.stringify(FACTS), ...program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });

describe('a birth note', () => {
  it('names the program that the child became, with all facts as they were given', () =>
    withNote(async (file) => {
      const child = start(
        file,
        process.execPath,
        '-e',
        'console.log(process.pid);setInterval(()=>{},9e4)',
      );
      try {
        const [pid] = (await once(child.stdout, 'data')) as [Buffer];
        expect(Number(pid)).toBe(child.pid);
        const mark = { pid: child.pid, start_time: startTimeOf(child.pid!) };
        expect(readBirthNote(file)).toEqual({ mark, facts: FACTS });
      } finally {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      expect(readBirthNote(file)).toBeNull();
    }));

  it('is not believed when the pid belongs to another process by now', () =>
    withNote((file) => {
      writeFileSync(file, `${process.pid} 1 {}\n`);
      expect(readBirthNote(file)).toBeNull();
    }));

  it.each([
    ['is missing', null],
    ['is empty', ''],
    ['was cut', `${process.pid} 12`],
    ['is something else', 'hello\n'],
  ])('is none when it %s', (_how, content) =>
    withNote((file) => {
      if (content !== null) writeFileSync(file, content);
      expect(readBirthNote(file)).toBeNull();
    }),
  );

  it('is a condition: a child that can not write it does not run', () => {
    const script = [NOTE_THEN_EXEC, '/dev/full', '{}', 'echo', 'it ran'] as const;
    const end = spawnSync('/bin/sh', ['-c', ...script]);
    expect([end.status, end.stdout.toString()]).toEqual([74, '']);
  });

  it('can be written by a process about itself', () =>
    withNote((file) => {
      const mark = writeOwnNote(file);
      expect(readBirthNote(file)).toEqual({ mark, facts: {} });
      expect(readFileSync(file, 'utf8')).toBe(`${process.pid} ${startTimeOf(process.pid)} {}\n`);
    }));
});
