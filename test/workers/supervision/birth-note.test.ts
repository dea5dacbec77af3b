/**
 * The note a child writes before it becomes its program: found again by pid and start time.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { eventually } from '../../support/installation.js';
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

const until = (what: () => boolean): Promise<boolean> => eventually('it', what);

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
    ['has a line too many', `${process.pid} 12 {}\n${process.pid} 12 {}\n`],
    ['has no facts', `${process.pid} ${startTimeOf(process.pid)} \n`],
    ['has half of its facts', `${process.pid} ${startTimeOf(process.pid)} {"port":47}}\n`],
    ['names nobody', '0 0 {}\n'],
    ['names more than there are', `${'9'.repeat(400)} 1 {}\n`],
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

  it('is its owner’s alone, and lies wherever the home does', () =>
    withNote(async (file) => {
      const odd = join(dirname(file), "it's a “home” $HOME `x`\n%s;*");
      mkdirSync(odd);
      const note = join(odd, 'child.pid');
      const words = ['-c', `umask 077; exec sh -c "$@"`, 'sh', NOTE_THEN_EXEC, note];
      const child = spawn('/bin/sh', [...words, JSON.stringify(FACTS), 'cat'], {
        stdio: ['pipe', 'ignore', 'inherit'],
      });
      const exit = once(child, 'exit');
      await until(() => readBirthNote(note) !== null);
      expect(readBirthNote(note)).toMatchObject({ mark: { pid: child.pid }, facts: FACTS });
      expect(statSync(note).mode & 0o777).toBe(0o600);
      child.stdin!.end();
      await exit;
    }));

  it('is not believed of one that is dead and not yet collected', () =>
    withNote(async (file) => {
      // Its parent is a program that never collects it by the time it ends.
      const script = 'exec 3<&0; { read -r _ <&3; } & echo $!; exec sleep 60';
      const parent = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
      try {
        const [pid] = (await once(parent.stdout, 'data')) as [Buffer];
        const name = (): string => readFileSync(`/proc/${parent.pid}/comm`, 'utf8');
        await until(() => name() === 'sleep\n');
        parent.stdin.end('\n');
        const stat = (): string => readFileSync(`/proc/${Number(pid)}/stat`, 'utf8');
        await until(() => stat().includes(') Z '));
        const start = stat().split(') ')[1]!.split(' ')[19]!;
        writeFileSync(file, `${Number(pid)} ${start} {}\n`);
        expect(readBirthNote(file)).toBeNull();
      } finally {
        parent.kill('SIGKILL');
        await once(parent, 'exit');
      }
    }));

  it('is left by a program that can not be run, which ends as a shell tells it', () =>
    withNote((file) => {
      for (const [program, code] of [
        ['/nowhere/program', 127],
        [dirname(file), 126],
      ] as const)
        expect(spawnSync('/bin/sh', ['-c', NOTE_THEN_EXEC, file, '{}', program]).status).toBe(code);
      expect(readBirthNote(file)).toBeNull();
    }));

  it('is none when a folder has its name', () =>
    withNote((file) => {
      mkdirSync(file);
      expect(readBirthNote(file)).toBeNull();
      expect(() => writeOwnNote(file)).toThrow(/EISDIR/);
    }));

  it('can be written by a process about itself', () =>
    withNote((file) => {
      const mark = writeOwnNote(file);
      expect(readBirthNote(file)).toEqual({ mark, facts: {} });
      expect(readFileSync(file, 'utf8')).toBe(`${process.pid} ${startTimeOf(process.pid)} {}\n`);
    }));
});
