/**
 * Making sure that a daemon answers: quick when it does, and clear about why it never will.
 */
import { chmodSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ensureEngine } from '../../../../client/cli/daemon/ensure-engine.js';
import { findEngine } from '../../../../client/cli/daemon/find-engine.js';
import { checkHome } from '../../../../client/cli/daemon/home-check.js';
import { programFile } from '../../../../config/dist.js';
import { isAlive, startTimeOf } from '../../../../config/runtime-file.js';
import {
  eventually,
  PLAIN_DAEMON,
  processesOf,
  runToEnd,
  withInstallation,
  type Installation,
} from '../../../support/installation.js';

const asRoot = process.getuid?.() === 0;

const withEngine = (use: (installation: Installation) => Promise<void>): Promise<void> =>
  withInstallation(use, { daemon: PLAIN_DAEMON });

describe('the engine', () => {
  it('is found in a few milliseconds when it runs, and nothing is started', () =>
    withEngine(async (i) => {
      const first = await i.engine();
      const tookMs: number[] = [];
      for (let call = 0; call < 20; call += 1) {
        const startedMs = performance.now();
        expect(await i.engine()).toEqual(first);
        tookMs.push(performance.now() - startedMs);
      }
      // A few milliseconds on an idle machine; the bar allows for a busy one.
      expect(tookMs.toSorted((a, b) => a - b)[10]).toBeLessThan(100);
      expect(processesOf(i.home)).toHaveLength(3);
    }));

  it('is started anew when the runtime file names processes that are no more', () =>
    withEngine(async (i) => {
      mkdirSync(i.home, { recursive: true });
      const stranger = { pid: process.pid, start_time: (startTimeOf(process.pid) ?? 0) - 1 };
      const stale = {
        token: 'old',
        supervisor: stranger,
        daemon: { ...stranger, port: 1 },
        temporal: null,
      };
      writeFileSync(i.paths.runtime, JSON.stringify(stale));
      const engine = await i.engine();
      expect(engine.runtime.daemon?.pid).not.toBe(process.pid);
      expect(engine.token).toBe('old');
    }));

  it('is started anew when the runtime file is damaged, with a token of its own', () =>
    withEngine(async (i) => {
      mkdirSync(i.home, { recursive: true });
      writeFileSync(i.paths.runtime, '{"token":"ol');
      expect((await i.engine()).token).toMatch(/^[0-9a-f]{64}$/);
    }));

  it('is not what answers on its port in the name of another process', () =>
    withEngine(async (i) => {
      const impostor = createServer((_request, response) => response.end('{"ok":true,"pid":1}'));
      impostor.listen(0, '127.0.0.1');
      await once(impostor, 'listening');
      const { port } = impostor.address() as AddressInfo;
      const mark = { pid: process.pid, start_time: startTimeOf(process.pid) };
      mkdirSync(i.home, { recursive: true });
      const runtime = { token: 't', supervisor: mark, daemon: { ...mark, port }, temporal: null };
      writeFileSync(i.paths.runtime, JSON.stringify(runtime));
      expect(await findEngine(i.paths)).toBeNull();
      impostor.close();
      writeFileSync(i.paths.runtime, '{}');
    }));

  it('wakes a supervisor that somebody stopped, where the daemon is dead', () =>
    withEngine(async (i) => {
      const { runtime } = await i.engine();
      process.kill(runtime.supervisor.pid, 'SIGSTOP');
      process.kill(runtime.daemon!.pid, 'SIGKILL');
      await eventually('its death', () => !isAlive(runtime.daemon!));
      const again = await i.engine();
      expect(again.runtime.supervisor).toEqual(runtime.supervisor);
      expect(again.runtime.daemon?.pid).not.toBe(runtime.daemon?.pid);
    }));

  it('can not live in a home that is a file, and exit code 2 says that it is the setting', () =>
    withEngine(async (i) => {
      const home = join(i.folder, 'file');
      writeFileSync(home, '');
      const ask = ensureEngine({ env: { ...i.env, LOOMKIN_HOME: home }, stderr: process.stderr });
      await expect(ask).rejects.toMatchObject({
        kind: 'home_unwritable',
        exitCode: 2,
        message: expect.stringContaining(home),
        cure: expect.stringContaining('LOOMKIN_HOME'),
      });
    }));

  // Root writes everywhere but below /proc.
  it.each([['/proc/loomkin'], ...(asRoot ? [] : [['/loomkin-home']])])(
    'can not live in %s',
    (home) => {
      expect(() => checkHome(home)).toThrow(expect.objectContaining({ exitCode: 2 }));
    },
  );

  it('can not live on a full disk, and that is what it says', async () => {
    // A small disk of one's own needs a mount, which a user namespace grants.
    const script = 'mount -t tmpfs -o size=64k none "$1" && shift && exec "$@"';
    await withEngine(async (i) => {
      const disk = join(i.folder, 'disk');
      mkdirSync(disk);
      const probe = await runToEnd('unshare', ['-rm', 'sh', '-c', script, 'sh', disk, 'true']);
      if (probe.code !== 0) return;
      const env = { ...i.env, LOOMKIN_HOME: join(disk, 'home') };
      const end = await runToEnd(
        'unshare',
        ['-rm', 'sh', '-c', script, 'sh', disk, process.execPath, programFile('cli'), 'up'],
        { env },
      );
      expect(end.code).toBe(1);
      expect(end.stderr).toMatch(/^loomkin: the disk that holds .* is full\. Free some space/);
    });
  });

  it('says where the logs are when the supervisor ends without a word', () =>
    withEngine(async (i) => {
      mkdirSync(i.paths.processes, { recursive: true });
      mkdirSync(join(i.paths.processes, 'supervisor.lock'));
      chmodSync(i.home, 0o700);
      await expect(i.engine()).rejects.toMatchObject({
        kind: 'supervisor_failed',
        message: expect.stringContaining('supervisor'),
      });
      rmdirSync(join(i.paths.processes, 'supervisor.lock'));
    }));
});
