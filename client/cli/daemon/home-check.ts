/**
 * Finds out before anything is started whether the data folder can hold anything.
 *
 * What must stay true: a home that can't be used is the user's configuration (exit code 2), a full
 * disk is not (exit code 1), and both are named with the folder.
 */
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommandFailure } from '../io.js';

const FREE_BYTES_MIN = 1024 * 1024;
const PROBE_BYTES = 4096;

const fullDisk = (home: string): CommandFailure =>
  new CommandFailure(
    'disk_full',
    `the disk that holds ${home} is full`,
    'Free some space, or set LOOMKIN_HOME to a folder on another disk.',
  );

const asFailure = (error: unknown, home: string): CommandFailure => {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  if (code === 'ENOSPC' || code === 'EDQUOT') return fullDisk(home);
  return new CommandFailure(
    'home_unwritable',
    `the data folder ${home} can't be written (${code})`,
    'Make it writable, or set LOOMKIN_HOME to a folder that is.',
    2,
  );
};

/** Not `recursive`: below /proc Node would try for ever, as it is told that nothing is there. */
const makeFolder = (folder: string): void => {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
};

/** Throws `CommandFailure`. */
export const checkHome = (home: string): void => {
  const probe = join(home, `probe.${process.pid}`);
  try {
    makeFolder(home);
    writeFileSync(probe, Buffer.alloc(PROBE_BYTES), { mode: 0o600 });
  } catch (error) {
    throw asFailure(error, home);
  } finally {
    removeQuietly(probe);
  }
  const { bavail, bsize } = statfsSync(home);
  if (bavail * bsize < FREE_BYTES_MIN) throw fullDisk(home);
};

const removeQuietly = (file: string): void => {
  try {
    rmSync(file, { force: true });
  } catch {
    // ENOTDIR and its like: the probe was never made.
  }
};
