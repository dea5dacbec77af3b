import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { CarriedOut } from '../../activities/effects/effect.js';
import { bundleForTests } from './bundle.js';
import type { DriverRequest } from './process-driver.js';
import { markedProcesses, SCRIPTS_DIR, withScene, type Scene } from './process-scene.js';

const ROUNDS = Number(process.env['LOOMKIN_KILL_ROUNDS'] ?? 14);

/** Starts a daemon in small that performs one call; resolves with what it printed, null when killed. */
const drive = async (
  scene: Scene,
  command: string,
  index: number,
  options: { readonly fault?: string; readonly killAfterMs?: number } = {},
): Promise<CarriedOut | null> => {
  const { threadFile, driverFile } = await bundleForTests();
  const request: DriverRequest = {
    home: scene.home,
    project: scene.project,
    session: scene.session,
    scriptsDir: SCRIPTS_DIR,
    threadFile,
    tool: 'shell',
    input: { command },
    call: { index },
    ...(options.fault !== undefined && { fault: options.fault }),
  };
  const child = spawn(process.execPath, [driverFile, JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (part: Buffer) => (printed += part.toString()));
  const timer =
    options.killAfterMs === undefined
      ? null
      : setTimeout(() => child.kill('SIGKILL'), options.killAfterMs);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (timer) clearTimeout(timer);
  if (signal === 'SIGKILL') return null;
  expect(code).toBe(0);
  return JSON.parse(printed) as CarriedOut;
};

/** Runs once: appends its own name, takes a moment, writes 300 lines and exits with a code of its own. */
const commandOf = (index: number, seconds: number): string =>
  `echo run-${index} >> log; sleep ${seconds}; seq 1 300; exit ${(index % 5) + 1}`;

const expectOnce = (scene: Scene, index: number, carried: CarriedOut): void => {
  const log = readFileSync(join(scene.project, 'log'), 'utf8').split('\n');
  expect(log.filter((line) => line === `run-${index}`)).toHaveLength(1);
  const lines = Array.from({ length: 300 }, (_, line) => `${line + 1}\n`).join('');
  expect(carried.outcome.text).toBe(`${lines}[exit code ${(index % 5) + 1}]`);
  expect(carried.outcome.state).toBe('applied');
};

const recoverFrom = async (scene: Scene, command: string, index: number): Promise<CarriedOut> => {
  const carried = await drive(scene, command, index);
  if (!carried) throw new Error('nobody killed it');
  return carried;
};

test.each([
  'effect.before-claim',
  'effect.after-claim',
  'shell.running',
  'effect.after-act',
  'effect.after-outcome',
])('killed at %s, the command runs once and is told whole', (point) =>
  withScene(async (scene) => {
    const command = commandOf(0, 0.15);
    expect(await drive(scene, command, 0, { fault: `${point}:shell=kill` })).toBeNull();
    expect(existsSync(join(scene.home, 'faults.log'))).toBe(true);
    const carried = await recoverFrom(scene, command, 0);
    expectOnce(scene, 0, carried);
    expect(carried.recovered).toBe(point !== 'effect.before-claim');
    expect(markedProcesses(scene.session)).toEqual([]);
  }),
);

test(
  'killed at any moment, and again while it recovers, every command runs once',
  () =>
    withScene(async (scene) => {
      // How long a daemon in small takes until it has begun: the kills fall around that.
      const begunAt = Date.now();
      await drive(scene, 'true', 1000);
      const wholeMs = Date.now() - begunAt;
      for (let index = 0; index < ROUNDS; index += 1) {
        const command = commandOf(index, 0.05);
        const killAfterMs = wholeMs * (0.5 + (0.9 * index) / ROUNDS);
        let carried = await drive(scene, command, index, { killAfterMs });
        if (!carried && index % 2 === 0)
          carried = await drive(scene, command, index, { killAfterMs: wholeMs * Math.random() });
        expectOnce(scene, index, carried ?? (await recoverFrom(scene, command, index)));
      }
      expect(markedProcesses(scene.session)).toEqual([]);
    }),
  240_000,
);
