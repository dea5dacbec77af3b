import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  folderNameOf,
  prepareFolder,
  recordFile,
  takeStart,
} from '../../activities/effects/process/folder.js';
import { probe } from '../../activities/effects/process/probe.js';
import { readBootId } from '../../activities/effects/process/proc.js';
import { launchWrapper } from '../../activities/effects/process/launch.js';
import { TEST_ENV } from './process-call.js';
import { markedProcesses, SCRIPTS_DIR, withScene, type Scene } from './process-scene.js';

const NONCE = '0123456789abcdef0123456789abcdef';

/** An effect that was claimed by a daemon that is dead, with its folder ready and nothing run. */
const claimShell = async (scene: Scene, script: string, index = 0, bootId?: string) => {
  const key = `${scene.session}/lead.1.${index}`;
  const folder = { path: join(scene.shellsDir, folderNameOf(key)), nonce: NONCE, key };
  const record = {
    kind: 'process',
    script,
    cwd: scene.project,
    env: TEST_ENV,
    timeoutMs: 10_000,
    background: false,
    umask: 0o022,
  } as const;
  await prepareFolder(folder, record);
  const { row } = await scene.store.call('claimEffect', {
    key,
    sessionId: scene.session,
    tool: 'shell',
    effect: 'opaque',
    claim: {
      kind: 'process',
      dir: folder.path,
      bootId: bootId ?? (await readBootId()),
      nonce: NONCE,
    },
    at: new Date().toISOString(),
    preImage: null,
    postImage: null,
  });
  return { folder, record, row };
};

describe('after a crash', () => {
  test('what never began is begun, once', () =>
    withScene(async (scene) => {
      await claimShell(scene, 'echo ran | tee -a log');
      const { outcome, recovered } = await scene.shell('ignored');
      expect(outcome).toMatchObject({ text: 'ran\n', state: 'applied' });
      expect(recovered).toBe(true);
      expect(readFileSync(join(scene.project, 'log'), 'utf8')).toBe('ran\n');
    }));

  test('what runs is waited for, within the time limit it had from its start', () =>
    withScene(async (scene) => {
      const { folder, record } = await claimShell(scene, 'echo a; sleep 0.3; echo b');
      await launchWrapper(folder, record, SCRIPTS_DIR);
      const { outcome } = await scene.shell('ignored');
      expect(outcome.text).toBe('a\nb\n');
    }));

  test('what ended meanwhile is collected, even when its time limit is long over', () =>
    withScene(async (scene) => {
      const { folder, record } = await claimShell(scene, 'echo whole; exit 9');
      const child = await launchWrapper(folder, { ...record, timeoutMs: 1 }, SCRIPTS_DIR);
      await once(child, 'exit');
      const { outcome } = await scene.shell('ignored');
      expect(outcome.text).toBe('whole\n[exit code 9]');
    }));

  test('an exit code that was written is believed across boots', () =>
    withScene(async (scene) => {
      const { folder, record } = await claimShell(scene, 'echo whole', 0, 'an-earlier-boot');
      const child = await launchWrapper(folder, record, SCRIPTS_DIR);
      await once(child, 'exit');
      expect((await scene.shell('ignored')).outcome.text).toBe('whole\n');
    }));

  test('an exit code cut in the middle is not believed', () =>
    withScene(async (scene) => {
      const { folder } = await claimShell(scene, 'echo x');
      writeFileSync(join(folder.path, 'started'), '1 1 an-earlier-boot\n');
      writeFileSync(join(folder.path, 'exit'), '12');
      expect((await scene.shell('ignored')).outcome.state).toBe('unknown');
    }));

  test('a boot that ended under it makes it unknown, with evidence, and it is not run again', () =>
    withScene(async (scene) => {
      const { folder } = await claimShell(scene, 'touch ran', 0, 'an-earlier-boot');
      writeFileSync(join(folder.path, 'started'), '17 4711 an-earlier-boot\n');
      writeFileSync(join(folder.path, 'out.aa'), 'building…\nhalf way\n');
      writeFileSync(join(scene.project, 'half.o'), '');
      const { outcome } = await scene.shell('ignored');
      expect(outcome).toMatchObject({ state: 'unknown', isError: true });
      expect(outcome.text).toContain('outcome unknown');
      expect(outcome.text).toContain('half way');
      expect(outcome.text).toMatch(/asked for at .*Z/);
      expect(outcome.text).toContain('half.o');
      expect(existsSync(join(scene.project, 'ran'))).toBe(false);
    }));

  test('a boot that ended before it left any sign makes it unknown, too', () =>
    withScene(async (scene) => {
      await claimShell(scene, 'touch ran', 0, 'an-earlier-boot');
      const { outcome } = await scene.shell('ignored');
      expect(outcome.state).toBe('unknown');
      expect(outcome.text).toContain('no sign that it began');
      expect(existsSync(join(scene.project, 'ran'))).toBe(false);
    }));

  test('a start file that is empty with nobody to fill it means that nothing ran', () =>
    withScene(async (scene) => {
      const { folder } = await claimShell(scene, 'echo ran');
      writeFileSync(join(folder.path, 'started'), '');
      expect((await scene.shell('ignored')).outcome.text).toBe('ran\n');
    }));

  test('a command that lost its wrapper is called unknown once it has ended', () =>
    withScene(async (scene) => {
      const { folder, record } = await claimShell(scene, 'echo begun; touch begun; sleep 1');
      await launchWrapper(folder, record, SCRIPTS_DIR);
      while (!existsSync(join(scene.project, 'begun')))
        await new Promise((resolve) => setTimeout(resolve, 5));
      const [pid] = readFileSync(join(folder.path, 'started'), 'utf8').split(' ');
      // The wrapper is two shells: the one that claimed, and the one that waits for the command.
      const state = readFileSync(join(folder.path, 'state'), 'utf8').split(' ')[0];
      const waiter = /^\d+ \(.*\) \S (\d+)/.exec(readFileSync(`/proc/${state}/stat`, 'utf8'))![1];
      for (const one of [pid, waiter]) process.kill(Number(one), 'SIGKILL');
      const { outcome } = await scene.shell('ignored');
      expect(outcome.state).toBe('unknown');
      expect(outcome.text).toContain('begun\n[outcome unknown');
      expect(markedProcesses(scene.session)).toEqual([]);
    }));

  test('an ending that was begun is finished, and called what it was', () =>
    withScene(async (scene) => {
      const { folder, record } = await claimShell(scene, 'trap "" TERM; sleep 100');
      await launchWrapper(folder, record, SCRIPTS_DIR);
      while (!existsSync(join(folder.path, 'state')))
        await new Promise((resolve) => setTimeout(resolve, 5));
      writeFileSync(join(folder.path, 'ending'), 'timed_out\n');
      const { outcome } = await scene.shell('ignored');
      expect(outcome.text).toContain('[timed out after');
      expect(markedProcesses(scene.session)).toEqual([]);
    }));

  test('what it was to run being lost, it is not guessed', () =>
    withScene(async (scene) => {
      const { folder } = await claimShell(scene, 'echo x');
      rmSync(recordFile(folder));
      const { outcome } = await scene.shell('touch guessed');
      expect(outcome).toMatchObject({ state: 'failed', isError: true });
      expect(existsSync(join(scene.project, 'guessed'))).toBe(false);
    }));

  test('its folder being gone, nobody can say that it never began', () =>
    withScene(async (scene) => {
      const { folder } = await claimShell(scene, 'echo x');
      rmSync(folder.path, { recursive: true });
      const { outcome } = await scene.shell('touch guessed');
      expect(outcome).toMatchObject({ state: 'unknown', isError: true });
      expect(outcome.text).toContain('outcome unknown');
      expect(existsSync(join(scene.project, 'guessed'))).toBe(false);
    }));
});

describe('the right to run', () => {
  test('is had by one of four wrappers that start at once, ten times over', () =>
    withScene(async (scene) => {
      for (let index = 0; index < 10; index += 1) {
        const { folder, record } = await claimShell(scene, 'echo ran >> log', index);
        const wrappers = await Promise.all(
          [1, 2, 3, 4].map(async () => {
            const child = await launchWrapper(folder, record, SCRIPTS_DIR);
            if (child.exitCode === null) await once(child, 'exit');
            return child.exitCode;
          }),
        );
        expect(wrappers.sort()).toEqual([0, 120, 120, 120]);
      }
      const log = readFileSync(join(scene.project, 'log'), 'utf8');
      expect(log).toBe('ran\n'.repeat(10));
    }));

  test('once taken away is not had by a wrapper that comes late', () =>
    withScene(async (scene) => {
      const { folder, record } = await claimShell(scene, 'touch ran');
      expect(await takeStart(folder)).toBe(true);
      const child = await launchWrapper(folder, record, SCRIPTS_DIR);
      if (child.exitCode === null) await once(child, 'exit');
      expect(child.exitCode).toBe(120);
      expect(existsSync(join(scene.project, 'ran'))).toBe(false);
      const boot = await readBootId();
      expect(await probe(folder, { claimed: boot, now: boot })).toEqual({ kind: 'cancelled' });
    }));
});

test('a wrapper outlives HUP, INT and TERM sent to it, and the command does not see them', () =>
  withScene(async (scene) => {
    const { folder, record } = await claimShell(scene, 'touch begun; sleep 0.3; echo whole');
    const child = await launchWrapper(folder, record, SCRIPTS_DIR);
    while (!existsSync(join(scene.project, 'begun')))
      await new Promise((resolve) => setTimeout(resolve, 5));
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.kill(child.pid!, signal);
    expect((await scene.shell('ignored')).outcome.text).toBe('whole\n');
  }));

test('a process that is not a member is left alone, whatever it is called', () =>
  withScene(async (scene) => {
    const bystander = spawn('sleep', ['100'], {
      env: { LOOMKIN_EFFECT: `${scene.session}/lead.1.00` },
    });
    mkdirSync(join(scene.home, 'x'));
    const { outcome } = await scene.shell('sleep 100', { timeout_ms: 200 });
    expect(outcome.text).toContain('[timed out');
    expect(bystander.exitCode).toBeNull();
    expect(bystander.signalCode).toBeNull();
    bystander.kill('SIGKILL');
    await once(bystander, 'exit');
  }));
