/**
 * Has everything started and waits until it answers, or knows why it never will.
 *
 * Any number of commands may come here at once; the supervisor's lock lets one win, and all see the
 * same daemon. What must stay true: it ends within a minute, with an engine or with a reason.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HomePaths } from '../../../config/paths.js';
import {
  readRuntimeFile,
  type RuntimeFile,
  type StartupError,
} from '../../../config/runtime-file.js';
import { findTemporalBinary } from '../../../config/temporal-binary.js';
import { CommandFailure, type CommandIo } from '../io.js';
import { findEngine, isSupervised, type Engine } from './find-engine.js';
import { checkHome } from './home-check.js';
import { fetchTemporal, startSupervisor, type StartedSupervisor } from './programs.js';

const LOOK_MS = 15;
const SPAWN_EVERY_MS = 1000;
const START_MS_MAX = 60_000;
/** A supervisor that somebody stopped is woken after this. */
const WAKE_AFTER_MS = 2000;

const readStartupError = (paths: HomePaths, sinceMs: number): StartupError | null => {
  try {
    const error = JSON.parse(readFileSync(paths.startupError, 'utf8')) as StartupError;
    return Date.parse(error.at) >= sinceMs ? error : null;
  } catch {
    return null;
  }
};

/** Throws once it is known that nothing will come of this start. */
const checkFailed = (paths: HomePaths, sinceMs: number, ours: StartedSupervisor | null): void => {
  const error = readStartupError(paths, sinceMs);
  if (error) throw new CommandFailure(error.kind, error.message, error.cure);
  if (!ours?.exitCode) return;
  checkHome(paths.home);
  throw new CommandFailure(
    'supervisor_failed',
    `the supervisor ended with code ${ours.exitCode} before anything answered`,
    `Read ${paths.logs}/supervisor.log.`,
  );
};

const wakeSupervisor = (runtime: RuntimeFile | null): void => {
  if (!runtime || !isSupervised(runtime)) return;
  try {
    process.kill(runtime.supervisor.pid, 'SIGCONT');
  } catch {
    // It ended meanwhile; the next look finds that out.
  }
};

const acceptsConnections = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** What is just starting is there only when all of it is. */
const isComplete = async ({ runtime }: Engine): Promise<boolean> =>
  isSupervised(runtime) &&
  (runtime.temporal === null || (await acceptsConnections(runtime.temporal.port)));

const waitForEngine = async (paths: HomePaths, env: CommandIo['env']): Promise<Engine> => {
  const startedMs = Date.now();
  let ours: StartedSupervisor | null = null;
  let isWoken = false;
  while (Date.now() - startedMs < START_MS_MAX) {
    const runtime = readRuntimeFile(paths.runtime);
    const isDue = ours === null || (ours.isOver() && Date.now() - ours.startedMs > SPAWN_EVERY_MS);
    if (!isSupervised(runtime) && isDue) ours = startSupervisor(paths, env);
    const engine = await findEngine(paths);
    if (engine && (await isComplete(engine))) return engine;
    checkFailed(paths, startedMs, ours);
    if (!isWoken && Date.now() - startedMs > WAKE_AFTER_MS) {
      wakeSupervisor(runtime);
      isWoken = true;
    }
    await sleep(LOOK_MS);
  }
  throw new CommandFailure(
    'start_timeout',
    `nothing answered within ${START_MS_MAX / 1000} s`,
    `Read the logs in ${paths.logs}, or run loomkin down and try again.`,
  );
};

/** Throws `CommandFailure`. */
export const startEngine = async (
  paths: HomePaths,
  env: CommandIo['env'],
  stderr: CommandIo['stderr'],
): Promise<Engine> => {
  checkHome(paths.home);
  if (!isSupervised(readRuntimeFile(paths.runtime)) && findTemporalBinary(env) === null)
    await fetchTemporal(env, stderr);
  return waitForEngine(paths, env);
};
