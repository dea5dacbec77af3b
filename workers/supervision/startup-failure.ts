/**
 * A reason not to start that no restart cures, and the file that tells the command line about it.
 *
 * What must stay true: the first reason is kept; what follows from it never hides it.
 */
import { readFileSync, statfsSync, writeFileSync } from 'node:fs';
import type { HomePaths } from '../../config/paths.js';
import type { StartupError } from '../../config/runtime-file.js';

const FREE_BYTES_MIN = 1024 * 1024;

export class StartupFailure extends Error {
  readonly kind: string;
  readonly cure: string;
  constructor(kind: string, message: string, cure: string) {
    super(message);
    this.name = 'StartupFailure';
    this.kind = kind;
    this.cure = cure;
  }
}

export const isStartupFailure = (error: unknown): error is StartupFailure =>
  error instanceof Error && error.name === 'StartupFailure';

const isDiskFull = (folder: string): boolean => {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < FREE_BYTES_MIN;
  } catch {
    return false;
  }
};

/** Told since we began, by our daemon or by us; an older one says nothing about this start. */
const isTold = (file: string): boolean => {
  try {
    const { at } = JSON.parse(readFileSync(file, 'utf8')) as StartupError;
    return Date.parse(at) >= performance.timeOrigin;
  } catch {
    return false;
  }
};

/** Names the full disk where that is what lies behind it. */
export const reportFailure = (paths: HomePaths, failure: StartupFailure): void => {
  if (isTold(paths.startupError)) return;
  const report: StartupError = {
    ...(isDiskFull(paths.home)
      ? {
          kind: 'disk_full',
          message: `the disk that holds ${paths.home} is full`,
          cure: 'Free some space, or set LOOMKIN_HOME to a folder on another disk.',
        }
      : { kind: failure.kind, message: failure.message, cure: failure.cure }),
    at: new Date().toISOString(),
  };
  try {
    writeFileSync(paths.startupError, JSON.stringify(report), { mode: 0o600 });
  } catch (error) {
    console.error(report.message, error);
  }
};
