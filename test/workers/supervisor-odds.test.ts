/**
 * A supervisor among programs that misbehave and files that others left: it comes up with what works,
 * touches no stranger, and says of the rest what it is.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { programFile } from '../../config/dist.js';
import { isAlive, startTimeOf } from '../../config/runtime-file.js';
import { NOTE_THEN_EXEC } from '../../workers/supervision/birth-note.js';
import { takeLock } from '../../workers/supervision/lock.js';
import { eventually, PLAIN_DAEMON, processesOf, runToEnd } from '../support/installation.js';
import { withStandIns, type Odd } from './stand-in-server.js';

/** The program itself, without a command around it. */
const superviseOnce = ({ env }: Odd, ...words: string[]) =>
  runToEnd(process.execPath, [programFile('supervisor'), ...words], { env });

const withStranger = async (use: (stranger: ChildProcess) => Promise<void>): Promise<void> => {
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    await use(stranger);
  } finally {
    stranger.kill('SIGKILL');
    await once(stranger, 'exit');
  }
};

const nothingRuns = ({ home }: Odd): Promise<unknown> =>
  eventually('the end', () => processesOf(home).length === 0);

const startupErrorOf = ({ paths }: Odd): Record<string, string> =>
  JSON.parse(readFileSync(paths.startupError, 'utf8')) as Record<string, string>;

/** The first life of a program leaves somebody on its port and ends; the later ones are as they should be. */
const robbed = (port: string): string => `
  if (!existsSync(process.env.LOOMKIN_HOME + '/robbed')) {
    writeFileSync(process.env.LOOMKIN_HOME + '/robbed', '');
    const thief = "require('node:net').createServer().listen(" + ${port} + ", '127.0.0.1', () => console.log(1))";
    const child = spawn(process.execPath, ['-e', thief], { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env: {} });
    await once(child.stdout, 'data');
    writeFileSync(process.env.LOOMKIN_HOME + '/../thief', child.pid + ' ' + ${port});
    console.error('Error: listen EADDRINUSE');
    process.exit(1);
  }`;

const endThief = ({ folder }: Odd): number => {
  const [pid, port] = readFileSync(join(folder, 'thief'), 'utf8').split(' ').map(Number);
  process.kill(pid!, 'SIGKILL');
  return port!;
};

describe('a port that somebody takes between the choice and the use', () => {
  it('is left to him: the daemon gets another one and is found there', () =>
    withStandIns(
      async (i) => {
        const { runtime } = await i.engine();
        const taken = endThief(i);
        expect(runtime.daemon).toMatchObject({ restarts: 1, last_exit: 'code 1' });
        expect(runtime.daemon?.port).not.toBe(taken);
      },
      {
        daemon: `
          import { spawn } from 'node:child_process';
          import { once } from 'node:events';
          import { existsSync, writeFileSync } from 'node:fs';
          const own = process.argv[process.argv.indexOf('--port') + 1];
          ${robbed('own')}
          ${PLAIN_DAEMON}`,
      },
    ));
});

test('a home that was taken down comes up again on the ports it had, and with another token', () =>
  withStandIns(async (i) => {
    const before = await i.engine();
    expect((await superviseOnce(i, '--down')).code).toBe(0);
    const after = await i.engine();
    for (const [name, port] of [
      ['daemon', 'port'],
      ['temporal', 'port'],
      ['temporal', 'ui_port'],
    ] as const)
      expect([name, port, Reflect.get(after.runtime[name] ?? {}, port)]).toEqual([
        ...[name, port],
        Reflect.get(before.runtime[name] ?? {}, port),
      ]);
    expect(after.token).not.toBe(before.token);
  }));

describe('files that others left', () => {
  it.each([
    ['ports that are none', { daemon: { port: 70_000 }, temporal: { port: -1, ui_port: 'http' } }],
    ['ports that are all the same', { daemon: { port: 15_001 }, temporal: { port: 15_001 } }],
    ['parts that are null', { daemon: null, temporal: null, token: 7 }],
  ])('are a runtime file with %s: it comes up and is rewritten whole', (_what, content) =>
    withStandIns(async (i) => {
      mkdirSync(i.home);
      const gone = { pid: 4_194_303, start_time: 1 };
      writeFileSync(i.paths.runtime, JSON.stringify({ supervisor: gone, ...content }));
      const { runtime, token } = await i.engine();
      const ports = [runtime.daemon?.port, runtime.temporal?.port, runtime.temporal?.ui_port];
      expect(new Set(ports).size).toBe(3);
      for (const port of ports) expect(port).toBeGreaterThan(1023);
      expect(token).toMatch(/^[0-9a-f]{64}$/);
      expect(statSync(i.paths.runtime).mode & 0o777).toBe(0o600);
    }),
  );

  it('name strangers, who are left alone when everything starts and when it is taken down', () =>
    withStranger((stranger) =>
      withStandIns(async (i) => {
        mkdirSync(i.paths.processes, { recursive: true });
        const mark = { pid: stranger.pid!, start_time: startTimeOf(stranger.pid!)! };
        const facts = { port: 1, temporal_port: 1, ui_port: 1, restarts: 0, last_exit: null };
        for (const name of ['supervisor', 'daemon', 'temporal'])
          writeFileSync(
            join(i.paths.processes, `${name}.pid`),
            `${mark.pid} ${mark.start_time} ${JSON.stringify(facts)}\n`,
          );
        // Nobody holds a lock, so nobody is there, whatever the notes say.
        expect((await superviseOnce(i, '--down')).code).toBe(0);
        const { runtime } = await i.engine();
        expect([runtime.daemon?.pid, runtime.temporal?.pid]).not.toContain(mark.pid);
        expect((await superviseOnce(i, '--down')).code).toBe(0);
        expect(isAlive(mark)).toBe(true);
      }),
    ));

  it('are a server’s note of another build: that server is replaced, not asked without a port', () =>
    withStandIns(async (i) => {
      mkdirSync(i.paths.processes, { recursive: true });
      const file = (ending: string): string => join(i.paths.processes, `temporal.${ending}`);
      const lock = takeLock(file('lock'))!;
      const words = ['-c', NOTE_THEN_EXEC, file('pid'), '{"address":"127.0.0.1:7233"}'];
      const old = spawn('/bin/sh', [...words, 'sleep', '60'], {
        stdio: ['ignore', 'ignore', 'ignore', lock],
      });
      closeSync(lock);
      await eventually('its note', () => existsSync(file('pid')));
      const ended = once(old, 'exit');
      const { runtime } = await i.engine();
      expect((await ended)[1]).toBe('SIGKILL');
      expect(runtime.temporal?.pid).not.toBe(old.pid);
    }));

  it('are a folder in the place of the runtime file: named, and gone after a taking down', () =>
    withStandIns(async (i) => {
      mkdirSync(join(i.paths.runtime, 'in it'), { recursive: true });
      await expect(i.engine()).rejects.toMatchObject({
        kind: 'supervisor_failed',
        message: expect.stringMatching(/runtime\.json/),
      });
      await nothingRuns(i);
      expect(await superviseOnce(i, '--down')).toEqual({ code: 0, stdout: '', stderr: '' });
      await i.engine();
    }));

  it('are no place for locks: said in a line without a stack, also by a taking down', () =>
    withStandIns(async (i) => {
      mkdirSync(i.home);
      // What an earlier start said is no reason of this one.
      const earlier = { kind: 'database_damaged', message: 'x', cure: 'y', at: '2026-01-01' };
      writeFileSync(i.paths.startupError, JSON.stringify(earlier));
      writeFileSync(i.paths.processes, 'a file where the folder should be');
      const started = await superviseOnce(i);
      expect(started.code).toBe(78);
      expect(startupErrorOf(i)).toMatchObject({
        kind: 'supervisor_failed',
        message: expect.stringContaining(i.paths.processes),
      });
      const down = await superviseOnce(i, '--down');
      expect(down.code).toBe(1);
      expect(down.stderr).toMatch(/^loomkin: ENOTDIR[^\n]*\n$/);
      rmSync(i.paths.processes);
    }));

  it('are a home of its owner’s own making: only an empty one is closed to others', () =>
    withStandIns(async (i) => {
      const modeOf = (path: string): number => statSync(path).mode & 0o777;
      mkdirSync(i.home, { mode: 0o755 });
      chmodSync(i.home, 0o755);
      await i.engine();
      expect(modeOf(i.home)).toBe(0o700);
      await superviseOnce(i, '--down');
      chmodSync(i.home, 0o750);
      await i.engine();
      expect(modeOf(i.home)).toBe(0o750);
      expect(modeOf(i.paths.processes)).toBe(0o700);
    }));
});

describe('a server that is none', () => {
  const nameOf = ({ env }: Odd): string => env['LOOMKIN_TEMPORAL_BIN'] ?? '';

  it.each([
    ['not executable', ({ env }: Odd) => chmodSync(env['LOOMKIN_TEMPORAL_BIN']!, 0o644)],
    ['a folder', (i: Odd) => void (i.env['LOOMKIN_TEMPORAL_BIN'] = i.folder)],
    ['a device', (i: Odd) => void (i.env['LOOMKIN_TEMPORAL_BIN'] = '/dev/null')],
  ])('because it is %s is refused by its name', (_how, make) =>
    withStandIns(async (i) => {
      make(i);
      await expect(i.engine()).rejects.toMatchObject({
        kind: 'temporal_missing',
        message: `LOOMKIN_TEMPORAL_BIN names no executable file (${nameOf(i)})`,
      });
      await nothingRuns(i);
    }),
  );

  it('because it fails at once is quoted by what it said now, not by what the log held before', () =>
    withStandIns(
      async (i) => {
        mkdirSync(i.paths.logs, { recursive: true });
        writeFileSync(i.paths.temporalDb, 'sound');
        const log = join(i.paths.logs, 'temporal.log');
        appendFileSync(log, 'Error: database disk image is malformed (11)\n');
        await expect(i.engine()).rejects.toMatchObject({
          kind: 'temporal_failed',
          message: "the Temporal server can't start (signal SIGSEGV)",
        });
        await nothingRuns(i);
        expect(existsSync(i.paths.backups)).toBe(false);
      },
      { server: 'kill -SEGV $$' },
    ));

  it('because it is of another age is quoted with the flag that it does not know', () =>
    withStandIns(
      async (i) => {
        await expect(i.engine()).rejects.toMatchObject({
          message: "the Temporal server can't start (Error: unknown flag: --ui-port)",
        });
      },
      { server: 'echo "Usage: temporal"; echo "Error: unknown flag: --ui-port" >&2; exit 1' },
    ));
});

const startSupervisors = (i: Odd, count: number): readonly ChildProcess[] =>
  Array.from({ length: count }, () =>
    spawn(process.execPath, [programFile('supervisor')], { env: i.env, stdio: 'ignore' }),
  );

const supervisorsOf = ({ home }: Odd): readonly number[] =>
  processesOf(home).flatMap(({ pid, command }) => (/supervisor\.js/.test(command) ? [pid] : []));

describe('supervisors that start at the same instant', () => {
  it('are one in the end, with one daemon, and all others leave without an error', () =>
    withStandIns(async (i) => {
      const started = startSupervisors(i, 5);
      const ends = started.map(async (child) => (await once(child, 'exit'))[0] as number | null);
      const { runtime } = await i.engine();
      await eventually('one', () => supervisorsOf(i).length === 1);
      expect(supervisorsOf(i)).toEqual([runtime.supervisor.pid]);
      expect(processesOf(i.home)).toHaveLength(3);
      await superviseOnce(i, '--down');
      expect(await Promise.all(ends)).toEqual([0, 0, 0, 0, 0]);
    }));

  it('after the death of theirs are one that adopts, and an adopted daemon that dies is replaced', () =>
    withStandIns(async (i) => {
      const { runtime, token } = await i.engine();
      process.kill(runtime.supervisor.pid, 'SIGKILL');
      await eventually('its death', () => !isAlive(runtime.supervisor));
      startSupervisors(i, 4);
      const again = await i.engine();
      expect(again.runtime).toMatchObject({ daemon: runtime.daemon, temporal: runtime.temporal });
      expect(again.token).toBe(token);
      await eventually('one', () => supervisorsOf(i).length === 1);
      process.kill(runtime.daemon!.pid, 'SIGKILL');
      await eventually('another daemon', () => i.runtime().daemon?.pid !== runtime.daemon?.pid);
      // Nobody but its parent hears how a process ended.
      expect(i.runtime().daemon).toMatchObject({ restarts: 1, last_exit: 'unknown' });
      expect(i.runtime().temporal).toEqual(runtime.temporal);
    }));
});

describe('a home in use', () => {
  it('is left by a second supervisor at once, unchanged', () =>
    withStandIns(async (i) => {
      await i.engine();
      const before = readFileSync(i.paths.runtime, 'utf8');
      const note = readFileSync(join(i.paths.processes, 'supervisor.pid'), 'utf8');
      const ends = await Promise.all([1, 2, 3].map(() => superviseOnce(i)));
      expect(ends).toEqual(Array(3).fill({ code: 0, stdout: '', stderr: '' }));
      expect(readFileSync(i.paths.runtime, 'utf8')).toBe(before);
      expect(readFileSync(join(i.paths.processes, 'supervisor.pid'), 'utf8')).toBe(note);
    }));

  it('has its runtime file back when somebody removed it, and the same token opens it', () =>
    withStandIns(async (i) => {
      const first = await i.engine();
      rmSync(i.paths.runtime);
      const again = await i.engine();
      expect(again).toEqual(first);
      expect(processesOf(i.home)).toHaveLength(3);
    }));

  it('is up in the end when it is asked for while it is taken down', () =>
    withStandIns(async (i) => {
      const { runtime } = await i.engine();
      const [down] = await Promise.all([superviseOnce(i, '--down'), i.engine()]);
      expect(down.code).toBe(0);
      const again = await i.engine();
      expect(again.runtime.supervisor.pid).not.toBe(runtime.supervisor.pid);
      expect(processesOf(i.home)).toHaveLength(3);
    }));

  it('has its daemon back although somebody removed the logs', () =>
    withStandIns(async (i) => {
      const { runtime } = await i.engine();
      rmSync(i.paths.logs, { recursive: true });
      process.kill(runtime.daemon!.pid, 'SIGKILL');
      await eventually('another daemon', () => i.runtime().daemon?.pid !== runtime.daemon?.pid);
      await i.engine();
      expect(readdirSync(i.paths.logs)).toEqual(['daemon.log']);
    }));

  it('ends whole when its supervisor is told so at whatever moment of its start', () =>
    withStandIns(async (i) => {
      for (const afterMs of [0, 60, 90, 130, 200]) {
        const child = spawn(process.execPath, [programFile('supervisor')], {
          env: i.env,
          stdio: 'ignore',
        });
        const exit = once(child, 'exit');
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        child.kill('SIGTERM');
        await exit;
        // What it had just asked for a lock needs a moment to end by itself.
        await eventually('an end of all', () => processesOf(i.home).length === 0);
      }
    }));

  it.each([
    ['like a flag and a script', () => ['--db-filename', 'it\'s `x` $HOME ; & %s "家"']],
    ['as deep as the system allows', () => Array<string>(12).fill('deep'.repeat(50))],
  ])('can lie in a folder that is named %s', (_what, names) =>
    withStandIns(async (i) => {
      const home = join(i.folder, ...names());
      const { runtime } = await i.engineIn(home);
      for (const mark of [runtime.daemon, runtime.temporal])
        expect(readlinkSync(`/proc/${mark!.pid}/cwd`)).toBe(home);
      const env = { ...i.env, LOOMKIN_HOME: home };
      expect((await superviseOnce({ ...i, env }, '--down')).code).toBe(0);
      expect(processesOf(home)).toEqual([]);
    }),
  );
});
