/**
 * Finds out from the world what became of a process: the question every retry begins with.
 *
 * What must stay true: `never` is said only where nothing can begin behind our back (the wrapper makes
 * `started` before anything else, in this boot), and `running` only while a wrapper is alive to
 * write the exit code.
 */
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { folderExists, readExit, readOrNull, type EffectFolder } from './folder.js';
import { hasArgument, isAlive } from './proc.js';

export type ProcessState =
  | { readonly kind: 'ended'; readonly code: number }
  | { readonly kind: 'never' | 'starting' | 'running' | 'cancelled' | 'unknown' };

/** Boot of the claim, and boot now: files not synced are believed within one boot alone. */
export interface Boots {
  readonly claimed: string;
  readonly now: string;
}

/** Where `/bin/sh wrap.sh FOLDER …` has the folder in its arguments. */
const FOLDER_ARGUMENT = 2;

const wrapperLives = (folder: EffectFolder): Promise<boolean> =>
  hasArgument(FOLDER_ARGUMENT, folder.path);

/**
 * No `started`: within one boot that proves that nothing ran, unless its folder was removed, too; a
 * power cut may have lost the file.
 */
const probeUnstarted = async (folder: EffectFolder, boots: Boots): Promise<ProcessState> => {
  if (await folderExists(folder)) {
    if (boots.claimed === boots.now) return { kind: 'never' };
    return { kind: (await wrapperLives(folder)) ? 'starting' : 'unknown' };
  }
  return { kind: (await wrapperLives(folder)) ? 'running' : 'unknown' };
};

/** `started` is there and empty: its wrapper is about to fill it, or died before it ran anything. */
const probeStarting = async (folder: EffectFolder, boots: Boots): Promise<ProcessState> => {
  if (await wrapperLives(folder)) return { kind: 'starting' };
  const file = join(folder.path, 'started');
  if ((await readOrNull(file)) !== '') return probe(folder, boots);
  if (boots.claimed !== boots.now) return { kind: 'unknown' };
  await unlink(file).catch(() => undefined);
  return { kind: 'never' };
};

export const probe = async (folder: EffectFolder, boots: Boots): Promise<ProcessState> => {
  const code = await readExit(folder);
  if (code !== null) return { kind: 'ended', code };
  const started = await readOrNull(join(folder.path, 'started'));
  if (started === null) return probeUnstarted(folder, boots);
  if (started.startsWith('cancelled')) return { kind: 'cancelled' };
  if (started === '') return probeStarting(folder, boots);
  const [pid, startTime, boot] = started.trim().split(' ');
  if (boot !== boots.now) return { kind: 'unknown' };
  if (await isAlive(Number(pid), startTime ?? '')) return { kind: 'running' };
  if (await wrapperLives(folder)) return { kind: 'running' };
  // It may have written its last line between our two looks.
  const late = await readExit(folder);
  return late === null ? { kind: 'unknown' } : { kind: 'ended', code: late };
};

/** May more output of the command still come? Not once the collector gave up or its wrapper is dead. */
export const isCollecting = async (folder: EffectFolder, boots: Boots): Promise<boolean> => {
  if ((await readOrNull(join(folder.path, 'lost'))) !== null) return false;
  const started = (await readOrNull(join(folder.path, 'started'))) ?? '';
  const [pid, startTime, boot] = started.trim().split(' ');
  return boot === boots.now && isAlive(Number(pid), startTime ?? '');
};
