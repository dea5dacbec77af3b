/**
 * Reads the file that a tool is about to change: content, signature and mode that belong together.
 *
 * What must stay true: a file that could not be opened for writing is refused here, since a rename
 * would replace it without asking; nothing is opened that is not a regular file.
 */
import { constants, type BigIntStats } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

import { codeOf, pathIn, withFolder, type OpenFolder } from '../../open-folder.js';
import { openRegularFile, readWhole, stillSignature } from '../../regular-file.js';
import type { FileChange } from '../tool.js';
import type { Place } from './inside-project.js';

export type TargetFile =
  | {
      readonly kind: 'file';
      readonly before: NonNullable<FileChange['before']>;
      /** What can't be kept when the file is replaced, in words; "" when all is. */
      readonly note: string;
    }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly text: string };

const isRoot = (): boolean => process.getuid?.() === 0;

/** Root may write anything, so for root the mode bits are asked instead of the system. */
const isWritable = async (folder: OpenFolder, name: string, mode: number): Promise<boolean> => {
  if ((mode & 0o222) === 0) return false;
  if (isRoot()) return true;
  return access(pathIn(folder, name), constants.W_OK).then(
    () => true,
    () => false,
  );
};

const noteOf = (stats: BigIntStats, mode: number): string => {
  const notes: string[] = [];
  if (stats.nlink > 1n) notes.push('it was a hard link; its other names keep the old content');
  if ((mode & 0o7000) !== 0) notes.push('its setuid, setgid and sticky bits were dropped');
  if (!isRoot() && Number(stats.uid) !== process.getuid?.())
    notes.push('it belonged to another user and is yours now');
  return notes.length === 0 ? '' : ` Note: ${notes.join('; ')}.`;
};

const readIn = async (folder: OpenFolder, place: Place, bytesMax: number): Promise<TargetFile> => {
  const name = basename(place.path);
  const opened = await openRegularFile(folder, name);
  if (opened.kind === 'missing') return opened;
  if (opened.kind === 'special')
    return { kind: 'refused', text: `${place.shown} is ${opened.what}, not a regular file.` };
  const { handle, stats } = opened;
  try {
    const mode = Number(stats.mode) & 0o7777;
    if (stats.size > BigInt(bytesMax))
      return { kind: 'refused', text: tooLarge(place.shown, Number(stats.size), bytesMax) };
    if (!(await isWritable(folder, name, mode)))
      return { kind: 'refused', text: `${place.shown} is read-only; it was not changed.` };
    const signature = await stillSignature(handle);
    const content = await readWhole(handle, bytesMax);
    return {
      kind: 'file',
      before: { content, signature, mode: mode & 0o777 },
      note: noteOf(stats, mode),
    };
  } finally {
    await handle.close();
  }
};

const tooLarge = (shown: string, bytes: number, bytesMax: number): string =>
  `${shown} is too large to change with this tool (${bytes} of at most ${bytesMax} bytes); use shell.`;

/** Throws only what is not about this path. */
export const readTarget = async (place: Place, bytesMax: number): Promise<TargetFile> => {
  if (place.path === place.root)
    return { kind: 'refused', text: 'The project itself is a folder, not a regular file.' };
  try {
    const where = { root: place.root, dir: dirname(place.path) };
    return await withFolder(where, (folder) => readIn(folder, place, bytesMax));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { kind: 'missing' };
    const why = pathFault(error);
    if (why) return { kind: 'refused', text: `${place.shown} can't be opened: ${why}.` };
    throw error;
  }
};

const FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EPERM: 'no permission',
  ELOOP: 'a symbolic link appeared in its path meanwhile',
  ENOTDIR: 'a folder of its path was replaced meanwhile',
  ESTALE: 'its folder was moved meanwhile',
  EXDEV: 'its folder was moved meanwhile',
  EIO: 'the disk reports an error',
};

/** In words, why a path can't be opened; null when it is not about the path. */
export const pathFault = (error: unknown): string | null => FAULTS[codeOf(error)] ?? null;
