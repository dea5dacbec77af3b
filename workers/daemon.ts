/**
 * The daemon: gateway and worker in one process, started and restarted by the supervisor.
 *
 * Order of its start: store open, fence taken (nobody else can write from now on), dead predecessor's
 * activities handed back, then the worker polls and the gateway listens. What must stay true: it
 * answers its health route only when all of that is done, and it writes nothing once it is fenced.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { distFolder } from '../config/dist.js';
import { homePaths, loomkinHome, type HomePaths } from '../config/paths.js';
import { readRuntimeFile, type StartupError } from '../config/runtime-file.js';
import { startDaemon, type Daemon } from './daemon-parts.js';

/** Exit codes the supervisor knows: 78 = a restart can't cure it, 75 = another daemon holds the home. */
const EXIT_CANNOT_START = 78;
const EXIT_FENCED = 75;

const numberAfter = (flag: string): number => {
  const value = Number(process.argv[process.argv.indexOf(flag) + 1]);
  if (!process.argv.includes(flag) || !Number.isInteger(value))
    throw new Error(`the daemon needs ${flag} NUMBER; it is started by the supervisor`);
  return value;
};

const textAfter = (flag: string): string => {
  const value = process.argv[process.argv.indexOf(flag) + 1];
  if (!process.argv.includes(flag) || value === undefined)
    throw new Error(`the daemon needs ${flag} VALUE; it is started by the supervisor`);
  return value;
};

/** Kinds of the store's opening errors, with what a person can do. */
const CURES: Readonly<Record<string, string>> = {
  newer: 'Run the newer loomkin that made it',
  damaged: 'Then run loomkin up',
  unwritable: 'Give yourself write permission, or set LOOMKIN_HOME',
  full: 'Free disk space, then run loomkin up',
};

const reportFatal = (paths: HomePaths, error: unknown): never => {
  const { kind, message } = error as { kind?: string; message: string };
  console.error(error);
  const cure = CURES[kind ?? ''];
  if (kind === undefined || cure === undefined) process.exit(1);
  const report: StartupError = { kind, message, cure, at: new Date().toISOString() };
  try {
    writeFileSync(paths.startupError, JSON.stringify(report), { mode: 0o600 });
  } catch {
    // On a full disk the log's words have to do.
  }
  process.exit(EXIT_CANNOT_START);
};

const stopOnSignals = (daemon: Daemon): void => {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    daemon.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => undefined);
};

const main = async (): Promise<void> => {
  process.umask(0o077);
  const paths = homePaths(loomkinHome(process.env));
  const token = readRuntimeFile(paths.runtime)?.token;
  if (token === undefined) throw new Error(`${paths.runtime} holds no token; run loomkin up`);
  for (const folder of [paths.shells, paths.scratch, paths.secrets, paths.blobs, paths.backups])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  const bundledScripts = join(dirname(dirname(distFolder())), 'examples', 'scripts');
  const ownScripts = process.env['LOOMKIN_SCRIPTS'];
  try {
    const daemon = await startDaemon({
      paths,
      token,
      port: numberAfter('--port'),
      temporalAddress: textAfter('--temporal'),
      scriptsDir: distFolder(),
      modelScriptDirs: ownScripts ? [ownScripts, bundledScripts] : [bundledScripts],
      onFenced: () => {
        console.error('another daemon holds this home now; stopping at once');
        process.exit(EXIT_FENCED);
      },
      onStoreGone: (error) => {
        console.error(error);
        process.exit(1);
      },
    });
    stopOnSignals(daemon);
  } catch (error) {
    reportFatal(paths, error);
  }
};

void main();
