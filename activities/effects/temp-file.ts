/**
 * The new content beside its target, complete and on disk before anything is renamed.
 *
 * Its name is in the claim, so that whoever recovers finds it without looking around. What must stay
 * true: it never follows or replaces what is there under its name, and it carries owner and mode of
 * the file it is to become before it becomes it.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, unlink, type FileHandle } from 'node:fs/promises';

import type { EffectClaim } from '../stores/effects-store.js';
import { codeOf, pathIn, type OpenFolder } from '../open-folder.js';

export type FileClaim = Extract<EffectClaim, { kind: 'file' }>;

export const newTempName = (): string => `.lk-${randomBytes(8).toString('hex')}`;

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Who can't give a file away keeps it; the tool has said so in its text. */
const keepOwner = async (handle: FileHandle, target: string): Promise<void> => {
  const own = await handle.stat();
  const { uid, gid } = await lstat(target).catch(() => own);
  if (own.uid === uid && own.gid === gid) return;
  try {
    await handle.chown(uid, gid);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error;
    await handle.chown(own.uid, gid).catch(() => undefined);
  }
};

/**
 * Throws the system's error and leaves no file then. `target`: the name whose owner is kept. Returns what
 * removes the file again, unless another attempt has put its own there since.
 */
export const writeTemp = async (
  folder: OpenFolder,
  claim: FileClaim,
  content: Uint8Array,
  target: string,
): Promise<() => Promise<void>> => {
  const handle = await open(pathIn(folder, claim.temp), CREATE, 0o600);
  try {
    await handle.writeFile(content);
    if (claim.preHash !== null) await keepOwner(handle, pathIn(folder, target));
    await handle.chmod(claim.mode);
    await handle.sync();
    const { ino } = await handle.stat();
    return () => removeOwn(folder, claim, ino);
  } catch (error) {
    await removeTemp(folder, claim);
    throw error;
  } finally {
    await handle.close();
  }
};

export const removeTemp = async (folder: OpenFolder, claim: FileClaim): Promise<void> => {
  try {
    await unlink(pathIn(folder, claim.temp));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
};

const removeOwn = async (folder: OpenFolder, claim: FileClaim, ino: number): Promise<void> => {
  const now = await lstat(pathIn(folder, claim.temp)).catch(() => null);
  if (now?.ino === ino) await removeTemp(folder, claim);
};
