/**
 * What the supervisor is for: whichever process is killed or stopped, the same home goes on, and
 * there are never two daemons.
 */
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findEngine } from '../../client/cli/daemon/find-engine.js';
import { startSupervisor } from '../../client/cli/daemon/programs.js';
import {
  isAlive,
  startTimeOf,
  type ProcessMark,
  type RuntimeFile,
} from '../../config/runtime-file.js';
import {
  eventually,
  PLAIN_DAEMON,
  processesOf,
  withInstallation,
  type Installation,
} from '../support/installation.js';

const kill = (mark: ProcessMark | null, signal: NodeJS.Signals = 'SIGKILL'): void => {
  if (mark) process.kill(mark.pid, signal);
};

/** It may have ended between the look and the kill. */
const killIfAlive = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    expect(startTimeOf(pid)).toBeNull();
  }
};

const marksOf = ({ supervisor, daemon, temporal }: RuntimeFile): ProcessMark[] =>
  [supervisor, daemon, temporal].filter((mark) => mark !== null);

const killAll = (runtime: RuntimeFile): void => marksOf(runtime).forEach((mark) => kill(mark));

/** A dying process of many threads may keep its port a moment longer than its name. */
const listening = async (port: number | undefined): Promise<Server> => {
  for (;;)
    try {
      const server = createServer().listen(port, '127.0.0.1');
      await once(server, 'listening');
      return server;
    } catch {
      await sleep(20);
    }
};

const daemonsOf = (home: string): number[] =>
  processesOf(home)
    .filter(({ command }) => command.includes('daemon.js'))
    .map(({ pid }) => pid);

/** Waits for a daemon other than `before` that answers; how long that took. */
const nextDaemonMs = async (
  { paths }: Installation,
  before: RuntimeFile,
  waitMs = 45_000,
): Promise<number> => {
  const startedMs = performance.now();
  while (performance.now() - startedMs < waitMs) {
    const engine = await findEngine(paths);
    if (engine && engine.runtime.daemon?.pid !== before.daemon?.pid)
      return performance.now() - startedMs;
    await sleep(5);
  }
  throw new Error(`no new daemon within ${waitMs} ms`);
};

/** What happens around the daemon is the same whatever it does itself. */
const withPlainDaemon = (
  use: (installation: Installation) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
  daemon = PLAIN_DAEMON,
): Promise<void> => withInstallation(use, { daemon, env });

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

describe('a supervised home', () => {
  it('has the real daemon back when it is killed', () =>
    withInstallation(async (i) => {
      const { runtime } = await i.engine();
      kill(runtime.daemon);
      await nextDaemonMs(i, runtime);
      expect(daemonsOf(i.home)).toEqual([i.runtime().daemon?.pid]);
    }));

  it('has its daemon back at once each time it is killed, with the same token and port', () =>
    withPlainDaemon(async (i) => {
      const first = await i.engine();
      const tookMs: number[] = [];
      for (let death = 1; death <= 5; death += 1) {
        const before = i.runtime();
        kill(before.daemon);
        tookMs.push(await nextDaemonMs(i, before));
        expect(i.runtime()).toMatchObject({
          token: first.token,
          supervisor: first.runtime.supervisor,
          temporal: first.runtime.temporal,
          daemon: { port: first.port, restarts: death, last_exit: 'signal SIGKILL' },
        });
      }
      expect(daemonsOf(i.home)).toHaveLength(1);
      expect(median(tookMs)).toBeLessThan(2000);
    }));

  it('has its server back on the same port and database when it is killed', () =>
    withPlainDaemon(async (i) => {
      const { runtime } = await i.engine();
      const database = statSync(i.paths.temporalDb).ino;
      kill(runtime.temporal);
      const server = await eventually('a new server', () => {
        const now = i.runtime().temporal;
        return now && now.pid !== runtime.temporal?.pid && isAlive(now) ? now : null;
      });
      expect(server).toMatchObject({ port: runtime.temporal?.port, version: '1.9.1' });
      expect(statSync(i.paths.temporalDb).ino).toBe(database);
      expect(i.runtime().daemon).toEqual(runtime.daemon);
    }));

  it('goes on with the same daemon and server after its supervisor was killed', () =>
    withPlainDaemon(async (i) => {
      const { runtime } = await i.engine();
      kill(runtime.supervisor);
      await eventually('its death', () => !isAlive(runtime.supervisor));
      const engines = await Promise.all([i.engine(), i.engine(), i.engine()]);
      for (const engine of engines) {
        expect(engine.runtime.daemon).toEqual(runtime.daemon);
        expect(engine.runtime.temporal).toEqual(runtime.temporal);
        expect(engine.token).toBe(runtime.token);
      }
      expect(i.runtime().supervisor.pid).not.toBe(runtime.supervisor.pid);
      kill(i.runtime().daemon);
      await nextDaemonMs(i, i.runtime());
    }));

  it('starts anew with the next command after everything was killed', () =>
    withPlainDaemon(async (i) => {
      const { runtime } = await i.engine();
      killAll(runtime);
      const again = await i.engine();
      expect(again.runtime.daemon).toMatchObject({ port: runtime.daemon?.port, restarts: 1 });
      expect(again.token).toBe(runtime.token);
      expect(daemonsOf(i.home)).toEqual([again.runtime.daemon?.pid]);
    }));

  it('replaces a daemon that no longer answers', () =>
    withPlainDaemon(async (i) => {
      await i.engine();
      await sleep(500);
      const before = i.runtime();
      kill(before.daemon, 'SIGSTOP');
      expect(await nextDaemonMs(i, before)).toBeLessThan(9000);
      expect(daemonsOf(i.home)).toHaveLength(1);
    }));

  it('has one daemon however many commands come at the same instant', async () => {
    for (let round = 0; round < 3; round += 1)
      await withPlainDaemon(async (i) => {
        const engines = await Promise.all(Array.from({ length: 4 }, () => i.engine()));
        expect(new Set(engines.map(({ port }) => port)).size).toBe(1);
        expect(daemonsOf(i.home)).toHaveLength(1);
      });
  });

  it('never has two daemons, though supervisors are killed while they start', () =>
    withPlainDaemon(async (i) => {
      for (let round = 0; round < 20; round += 1) {
        const children = processesOf(i.home).map(({ pid }) => pid);
        startSupervisor(i.paths, i.env);
        await sleep(40 + round * 8);
        for (const { pid, command } of processesOf(i.home))
          if (command.includes('supervisor.js') && !children.includes(pid)) killIfAlive(pid);
        expect(daemonsOf(i.home).length).toBeLessThan(2);
      }
      const { runtime } = await i.engine();
      expect(daemonsOf(i.home)).toEqual([runtime.daemon?.pid]);
    }));

  it('takes another port where the last one was taken meanwhile', () =>
    withPlainDaemon(async (i) => {
      const { runtime } = await i.engine();
      killAll(runtime);
      await eventually('their end', () => !marksOf(runtime).some(isAlive));
      const taken = await listening(runtime.daemon?.port);
      const takenToo = await listening(runtime.temporal?.port);
      try {
        const again = await i.engine();
        expect(again.port).not.toBe(runtime.daemon?.port);
        expect(again.runtime.temporal?.port).not.toBe(runtime.temporal?.port);
      } finally {
        taken.close();
        takenToo.close();
      }
    }));

  it('keeps everything to its owner, and keys out of every process', () =>
    withPlainDaemon(
      async (i) => {
        const { runtime } = await i.engine();
        const modes = [i.home, i.paths.logs, i.paths.processes].map(
          (path) => statSync(path).mode & 0o777,
        );
        expect(new Set(modes)).toEqual(new Set([0o700]));
        for (const name of readdirSync(i.home).filter((file) =>
          statSync(join(i.home, file)).isFile(),
        ))
          expect([name, statSync(join(i.home, name)).mode & 0o777]).toEqual([name, 0o600]);
        for (const mark of [runtime.supervisor, runtime.daemon, runtime.temporal])
          expect(readFileSync(`/proc/${mark?.pid}/environ`, 'utf8')).not.toContain('hush');
        expect(readFileSync(`/proc/${runtime.temporal?.pid}/comm`, 'utf8')).toMatch(/^temporal/);
      },
      { OPENAI_API_KEY: 'hush', ANTHROPIC_API_KEY: 'hush' },
    ));

  it('names a damaged server database, keeps its bytes, and leaves nothing running', () =>
    withPlainDaemon(async (i) => {
      mkdirSync(i.home);
      writeFileSync(i.paths.temporalDb, 'this is no database');
      for (let attempt = 0; attempt < 2; attempt += 1)
        await expect(i.engine()).rejects.toMatchObject({
          name: 'CommandFailure',
          kind: 'database_damaged',
          message: `the database ${i.paths.temporalDb} is damaged`,
          cure: expect.stringContaining(i.paths.backups),
          exitCode: 1,
        });
      await eventually('the end', () => processesOf(i.home).length === 0);
      const kept = readdirSync(i.paths.backups);
      expect(kept).toHaveLength(1);
      expect(readFileSync(join(i.paths.backups, kept[0]!), 'utf8')).toBe('this is no database');
      expect(readFileSync(i.paths.temporalDb, 'utf8')).toBe('this is no database');
    }));

  it('refuses to start with a binary that is not there, and says which', () =>
    withPlainDaemon(
      async (i) => {
        await expect(i.engine()).rejects.toMatchObject({
          kind: 'temporal_missing',
          message: expect.stringContaining('/nowhere/temporal'),
        });
        await eventually('the end', () => processesOf(i.home).length === 0);
      },
      { LOOMKIN_TEMPORAL_BIN: '/nowhere/temporal' },
    ));

  it('stops on request: nothing is left, and the runtime file is gone', () =>
    withPlainDaemon(async (i) => {
      const { runtime } = await i.engine();
      process.kill(runtime.supervisor.pid, 'SIGHUP');
      process.kill(runtime.supervisor.pid, 'SIGTERM');
      await eventually('the end', () => processesOf(i.home).length === 0);
      expect(existsSync(i.paths.runtime)).toBe(false);
    }));

  it('replaces the daemon when the server comes back at another address', () =>
    withPlainDaemon(async (i) => {
      const { runtime } = await i.engine();
      process.kill(runtime.supervisor.pid, 'SIGSTOP');
      kill(runtime.temporal);
      await eventually('its death', () => !isAlive(runtime.temporal!));
      const taken = await listening(runtime.temporal?.port);
      process.kill(runtime.supervisor.pid, 'SIGCONT');
      await nextDaemonMs(i, runtime);
      taken.close();
      const now = i.runtime();
      expect(now.temporal?.port).not.toBe(runtime.temporal?.port);
      const { pid } = now.daemon!;
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain(now.temporal!.address);
    }));

  it('does not adopt a daemon whose token is lost: it gets a new one with a new token', () =>
    withPlainDaemon(async (i) => {
      const { runtime, token } = await i.engine();
      kill(runtime.supervisor);
      await eventually('its death', () => !isAlive(runtime.supervisor));
      rmSync(i.paths.runtime);
      const again = await i.engine();
      expect(again.token).not.toBe(token);
      expect(again.runtime.daemon?.pid).not.toBe(runtime.daemon?.pid);
      expect(again.runtime.temporal?.pid).toBe(runtime.temporal?.pid);
      expect(daemonsOf(i.home)).toEqual([again.runtime.daemon?.pid]);
    }));

  it('ends with the reason that the daemon wrote down when it says that a restart is no cure', () =>
    withPlainDaemon(
      async (i) => {
        await expect(i.engine()).rejects.toMatchObject({
          kind: 'newer',
          message: 'the database was made by a newer loomkin',
          cure: 'Run that one.',
        });
        await eventually('the end', () => processesOf(i.home).length === 0);
        expect(existsSync(i.paths.runtime)).toBe(false);
      },
      {},
      `import { writeFileSync } from 'node:fs';
       const report = { kind: 'newer', message: 'the database was made by a newer loomkin',
         cure: 'Run that one.', at: new Date().toISOString() };
       writeFileSync(process.env.LOOMKIN_HOME + '/startup-error.json', JSON.stringify(report));
       process.exit(78);`,
    ));

  it('gives up on a daemon that fails at once, five times, and quotes its last words', () =>
    withPlainDaemon(
      async (i) => {
        await expect(i.engine()).rejects.toMatchObject({
          kind: 'daemon_failed',
          message: "the daemon can't start (code 3: Error: no such thing)",
          cure: `Read ${i.paths.logs}/daemon.log.`,
        });
        await eventually('the end', () => processesOf(i.home).length === 0);
        const said = readFileSync(join(i.paths.logs, 'daemon.log'), 'utf8');
        expect(said.match(/no such thing/g)).toHaveLength(5);
      },
      {},
      'console.error("Error: no such thing"); process.exit(3);',
    ));

  it('ends everything when its folder is removed', () =>
    withPlainDaemon(async (i) => {
      await i.engine();
      rmSync(i.home, { recursive: true, force: true, maxRetries: 5 });
      await eventually('the end', () => processesOf(i.home).length === 0);
    }));
});
