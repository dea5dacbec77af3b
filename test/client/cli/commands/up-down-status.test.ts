/**
 * `up`, `status`, `down` on a real installation: what they print, and that down leaves nothing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runDown } from '../../../../client/cli/commands/down.js';
import { runStatus } from '../../../../client/cli/commands/status.js';
import { runUp } from '../../../../client/cli/commands/up.js';
import { isAlive, startTimeOf } from '../../../../config/runtime-file.js';
import {
  PLAIN_DAEMON,
  processesOf,
  recordedIo,
  withInstallation,
  type Installation,
} from '../../../support/installation.js';

const statusOf = async ({ env }: Installation): Promise<[number, Record<string, unknown>]> => {
  const { io, stdout } = recordedIo(env);
  const code = await runStatus({ json: true }, io);
  return [code, JSON.parse(stdout()) as Record<string, unknown>];
};

const withPlainDaemon = (use: (installation: Installation) => Promise<void>): Promise<void> =>
  withInstallation(use, { daemon: PLAIN_DAEMON });

describe('up, status and down', () => {
  it('tell the whole story of an installation', () =>
    withInstallation(async (i) => {
      const [code, before] = await statusOf(i);
      expect(code).toBe(1);
      expect(before).toMatchObject({
        running: false,
        home: i.home,
        http_url: null,
        supervisor: null,
        daemon: null,
        temporal: null,
        memory_bytes: { supervisor: null, daemon: null, temporal: null },
        sessions: null,
        store: null,
        starts_at_boot: false,
      });
      expect(existsSync(i.home)).toBe(false);

      const up = recordedIo(i.env);
      expect(await runUp({}, up.io)).toBe(0);
      const { runtime } = await i.engine();
      const ui = `http://127.0.0.1:${runtime.temporal?.ui_port}`;
      expect(up.stdout()).toBe(`loomkin is up in ${i.home}\nTemporal Web UI: ${ui}\n`);

      const [codeUp, status] = await statusOf(i);
      expect(codeUp).toBe(0);
      expect(status).toMatchObject({
        running: true,
        http_url: `http://127.0.0.1:${runtime.daemon?.port}`,
        supervisor: { pid: runtime.supervisor.pid, uptime_ms: expect.any(Number) },
        daemon: { pid: runtime.daemon?.pid, restarts: 0, last_exit: null },
        temporal: { managed: true, version: '1.9.1', namespace: 'default', ui_url: ui },
      });
      for (const bytes of Object.values(status['memory_bytes'] as Record<string, number>))
        expect(bytes).toBeGreaterThan(10_000_000);
      const text = recordedIo(i.env);
      expect(await runStatus({}, text.io)).toBe(0);
      expect(text.stdout()).toMatch(
        /^loomkin .*: running\nhome .*\nsupervisor .*\ndaemon .*\ntemporal /,
      );

      const down = recordedIo(i.env);
      expect(await runDown({}, down.io)).toBe(0);
      expect(processesOf(i.home)).toEqual([]);
      expect(down.stdout()).toMatch(/^loomkin is down/);
      const again = recordedIo(i.env);
      expect(await runDown({}, again.io)).toBe(0);
      expect(again.stdout()).toBe('nothing was running\n');
    }));

  it('down says that nothing ran where there never was a home', () =>
    withPlainDaemon(async (i) => {
      const { io } = recordedIo(i.env);
      expect(await runDown({}, io)).toBe(0);
      expect(existsSync(i.home)).toBe(false);
    }));

  it.each([
    ['the supervisor is dead', ['SIGKILL', null, null]],
    ['the supervisor is stopped', ['SIGSTOP', null, null]],
    ['everything is stopped', ['SIGSTOP', 'SIGSTOP', 'SIGSTOP']],
    ['everything is dead', ['SIGKILL', 'SIGKILL', 'SIGKILL']],
  ] as const)('down leaves nothing although %s', (_how, signals) =>
    withPlainDaemon(async (i) => {
      const { runtime } = await i.engine();
      const marks = [runtime.supervisor, runtime.daemon, runtime.temporal];
      marks.forEach((mark, index) => {
        const signal = signals[index];
        if (mark && signal) process.kill(mark.pid, signal);
      });
      const { io } = recordedIo(i.env);
      expect(await runDown({}, io)).toBe(0);
      expect(processesOf(i.home)).toEqual([]);
      expect(marks.some((mark) => mark && isAlive(mark))).toBe(false);
      expect(existsSync(i.paths.runtime)).toBe(false);
    }),
  );

  it('down leaves shells of running effects alone', () =>
    withInstallation(
      async (i) => {
        await i.engine();
        const shell = Number(readFileSync(join(i.folder, 'shell'), 'utf8'));
        await runDown({}, recordedIo(i.env).io);
        expect(processesOf(i.home)).toEqual([]);
        expect(startTimeOf(shell)).not.toBeNull();
        process.kill(shell, 'SIGKILL');
      },
      {
        daemon: `${PLAIN_DAEMON}
          import { spawn } from 'node:child_process';
          import { writeFileSync } from 'node:fs';
          const env = { PATH: process.env.PATH, LOOMKIN_EFFECT: 's/lead.1.0' };
          const shell = spawn('sleep', ['60'], { env, detached: true, stdio: 'ignore' });
          writeFileSync(process.env.LOOMKIN_HOME + '/../shell', String(shell.pid));`,
      },
    ));

  it('down while a command is starting everything ends in one state or the other', () =>
    withPlainDaemon(async (i) => {
      const starting = i.engine().catch((error: unknown) => error);
      const { io } = recordedIo(i.env);
      for (let round = 0; round < 3; round += 1) expect(await runDown({}, io)).toBe(0);
      await starting;
      expect(
        processesOf(i.home).filter((p) => p.command.includes('daemon.js')).length,
      ).toBeLessThan(2);
    }));
});
