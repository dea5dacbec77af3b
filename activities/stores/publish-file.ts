/**
 * Puts a prepared temporary file in its place: the one moment in which a project's file changes.
 *
 * Synchronous, since the store thread runs it inside the write transaction that has just checked claim
 * and fence and recorded the outcome; it comes last in its operation, so that whatever it throws
 * leaves the world as it was. What must stay true: a folder that moved, or a target that is no longer
 * what was read, is never written; a new file never replaces one that appeared meanwhile.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  type BigIntStats,
} from 'node:fs';

import type { FileSignature, PublishFileArgs } from './effects-store.js';
import { StoreError } from './store.js';

const HANDLES = '/proc/self/fd';
const hasHandlePaths = existsSync(HANDLES);

/** A path of the open folder itself, wherever it lies by now; by name where the system has no such path. */
export const handlePath = (dirFd: number, dir: string): string =>
  hasHandlePaths ? `${HANDLES}/${dirFd}` : dir;

export const signatureOf = (stats: BigIntStats): FileSignature => ({
  dev: String(stats.dev),
  ino: String(stats.ino),
  size: String(stats.size),
  mtimeNs: String(stats.mtimeNs),
  ctimeNs: String(stats.ctimeNs),
});

export const isSameFile = (a: FileSignature, b: FileSignature): boolean =>
  a.dev === b.dev &&
  a.ino === b.ino &&
  a.size === b.size &&
  a.mtimeNs === b.mtimeNs &&
  a.ctimeNs === b.ctimeNs;

const isStillThere = ({ dirFd, dir }: PublishFileArgs): boolean => {
  if (hasHandlePaths) return readlinkSync(handlePath(dirFd, dir)) === dir;
  const [open, named] = [fstatSync(dirFd), statSync(dir, { throwIfNoEntry: false })];
  return named !== undefined && open.dev === named.dev && open.ino === named.ino;
};

const refusal = (reason: string, what: string): StoreError =>
  new StoreError('REFUSED', `file not written: ${what}`, reason);

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** What the system says no to, with nothing changed; anything else (EIO) is unclear and passes through. */
const REFUSALS = new Set(
  'EACCES EBUSY EDQUOT EISDIR ELOOP EMLINK ENAMETOOLONG ENOENT ENOSPC ENOTDIR EPERM EROFS EXDEV'.split(
    ' ',
  ),
);
/** The file system knows no hard links. */
const LINKLESS = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK']);

/** Without links the name is taken first, empty, by O_EXCL; then the temporary file replaces it. */
const takeNameThenRename = (temp: string, target: string): void => {
  closeSync(openSync(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
  renameSync(temp, target);
};

const putNew = (temp: string, target: string): void => {
  try {
    linkSync(temp, target);
  } catch (error) {
    if (!LINKLESS.has(codeOf(error))) throw error;
    takeNameThenRename(temp, target);
    return;
  }
  try {
    unlinkSync(temp);
  } catch {
    // The file is in its place; a second name of it is removed with the claim's leftovers.
  }
};

const replaceExisting = (temp: string, target: string, expected: FileSignature): void => {
  const now = lstatSync(target, { bigint: true, throwIfNoEntry: false });
  if (!now) throw refusal('CHANGED', 'it was deleted meanwhile');
  if (!isSameFile(signatureOf(now), expected)) throw refusal('CHANGED', 'it changed meanwhile');
  renameSync(temp, target);
};

/** Returns what `fsyncFolder` must be given before the transaction is committed. */
export const renameIntoPlace = (args: PublishFileArgs): string => {
  const folder = handlePath(args.dirFd, args.dir);
  if (!isStillThere(args)) throw refusal('MOVED', `its folder ${args.dir} moved meanwhile`);
  const temp = `${folder}/${args.temp}`;
  const target = `${folder}/${args.name}`;
  try {
    if (args.expected) replaceExisting(temp, target, args.expected);
    else putNew(temp, target);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') throw refusal('EXISTS', 'it appeared meanwhile');
    throw REFUSALS.has(code) ? refusal(code, (error as Error).message) : error;
  }
  return folder;
};

/** Makes renames in a folder durable. EIO must end the process's use of the store: never try again. */
export const fsyncFolder = (dir: string): void => {
  const folder = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
};
