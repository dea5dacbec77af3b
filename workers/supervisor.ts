/**
 * The supervisor's program: keeps the Temporal server and the daemon of one LOOMKIN_HOME alive.
 *
 * `--down` ends whatever runs there instead, also where the supervisor itself is dead or stopped.
 * What must stay true: it knows nothing but how to keep two children alive, and while one of its
 * kind holds the home's lock no second one does anything.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { homePaths, loomkinHome, type HomePaths } from '../config/paths.js';
import { writeOwnNote } from './supervision/birth-note.js';
import { plainEnvironment } from '../config/plain-environment.js';
import { takeLock } from './supervision/lock.js';
import { isStartupFailure, reportFailure, StartupFailure } from './supervision/startup-failure.js';
import { Supervision } from './supervision/supervision.js';
import { takeDown } from './supervision/take-down.js';

const EXIT_REFUSED = 78;

/** What the command that starts us has put into a new home. */
const OF_COMMANDS = /^(logs|probe\.\d+)$/;

const isFresh = (home: string): boolean =>
  !existsSync(home) || readdirSync(home).every((name) => OF_COMMANDS.test(name));

const prepareHome = (paths: HomePaths): void => {
  process.umask(0o077);
  const isNew = isFresh(paths.home);
  for (const folder of [paths.home, paths.logs, paths.processes])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  // A folder with something in it may be more than ours; its mode is its owner's business.
  if (isNew) chmodSync(paths.home, 0o700);
};

const asFailure = (error: unknown): StartupFailure =>
  isStartupFailure(error)
    ? error
    : new StartupFailure(
        'supervisor_failed',
        `the supervisor can't start: ${(error as Error).message}`,
        'Correct this and run the command again.',
      );

const supervise = async (paths: HomePaths): Promise<void> => {
  const env = plainEnvironment(process.env, paths.home);
  const mark = writeOwnNote(join(paths.processes, 'supervisor.pid'));
  rmSync(paths.startupError, { force: true });
  let ending: Promise<void> | null = null;
  const end = (failure: StartupFailure | null): void => {
    if (failure) reportFailure(paths, failure);
    ending ??= supervision.stop().then(() => process.exit(failure ? EXIT_REFUSED : 0));
  };
  const supervision = new Supervision(paths, mark, env, end);
  process.on('SIGTERM', () => end(null));
  process.on('SIGINT', () => end(null));
  process.on('SIGHUP', () => undefined);
  await supervision.start();
};

const down = async (paths: HomePaths): Promise<number> => {
  try {
    return await takeDown(paths);
  } catch (error) {
    console.error(`loomkin: ${(error as Error).message}`);
    return 1;
  }
};

const main = async (): Promise<void> => {
  const paths = homePaths(loomkinHome(process.env));
  if (process.argv.includes('--down')) process.exit(await down(paths));
  try {
    prepareHome(paths);
    // Held until our death; a second supervisor finds it taken and leaves.
    if (takeLock(join(paths.processes, 'supervisor.lock')) === null) process.exit(0);
    await supervise(paths);
  } catch (error) {
    reportFailure(paths, asFailure(error));
    process.exit(EXIT_REFUSED);
  }
};

await main();
