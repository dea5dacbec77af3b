/**
 * The connection of a command to the engine of its LOOMKIN_HOME, started if need be.
 *
 * After an outage it waits for what is there to come back before it starts anything: the supervisor
 * restarts a daemon by itself, and an engine that was taken down on purpose must stay down. What must
 * stay true: no command that merely follows a session undoes `loomkin down`.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { homePaths, loomkinHome } from '../../../config/paths.js';
import type { HomePaths } from '../../../config/paths.js';
import { isAlive, readRuntimeFile } from '../../../config/runtime-file.js';
import { CommandFailure } from '../io.js';
import type { CommandIo } from '../io.js';
import { ensureEngine } from './ensure-engine.js';
import { findEngine } from './find-engine.js';
import type { Engine } from './find-engine.js';
import { createConnection } from './lasting-connection.js';
import type { Connection } from './lasting-connection.js';

const LOOK_MS = 30;
const WAIT_MS_MAX = 60_000;
/** `loomkin down` ends the supervisor first and takes the runtime file away last. */
const TAKING_DOWN_MS = 1000;

export const engineConnection = (io: CommandIo): Connection => {
  const home = loomkinHome(io.env);
  const start = (): Promise<Engine> => ensureEngine({ env: io.env, home, stderr: io.stderr });
  const locateAgain = async (): Promise<Engine> =>
    (await waitForReturn(homePaths(home), io.stderr)) ?? start();
  return createConnection({ locate: (again) => (again ? locateAgain() : start()) });
};

/** The engine once it answers again; null when it has died as a whole and must be started. */
const waitForReturn = async (
  paths: HomePaths,
  stderr: CommandIo['stderr'],
): Promise<Engine | null> => {
  const since = performance.now();
  let unsupervisedSince: number | null = null;
  let told = false;
  while (performance.now() - since < WAIT_MS_MAX) {
    const engine = await findEngine(paths);
    if (engine !== null) return engine;
    const runtime = readRuntimeFile(paths.runtime);
    if (runtime === null && !told) {
      told = true;
      stderr.write('loomkin: note: the engine was taken down; waiting for loomkin up\n');
    }
    const orphaned = runtime !== null && !isAlive(runtime.supervisor);
    const now = performance.now();
    unsupervisedSince = orphaned ? (unsupervisedSince ?? now) : null;
    if (unsupervisedSince !== null && now - unsupervisedSince > TAKING_DOWN_MS) return null;
    await delay(LOOK_MS);
  }
  throw new CommandFailure(
    'unreachable',
    `the engine has not come back for ${WAIT_MS_MAX / 1000} s (${paths.home})`,
    'Start it with loomkin up, then go on with loomkin -c',
  );
};
