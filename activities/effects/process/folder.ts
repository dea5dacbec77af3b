/**
 * The folder of one process effect, `shells/EFFECT/`: what lies in it and how it is read.
 *
 * Wrapper and daemon talk through these files alone, so that a daemon that comes later learns as much
 * as the one that began. What must stay true: `NONCE.json` and `NONCE.sh` are written before the claim
 * that carries the nonce, and never after; another attempt has another nonce.
 */
import { mkdir, open, readFile, readdir, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ProcessRun } from '../../tools/tool.js';

/** Bytes of one output segment; the wrapper's `split` cuts there exactly. */
export const SEGMENT_BYTES = 4 * 1024 * 1024;

/** How an effect of ours is being ended, noted before the first signal. */
export type Ending = 'timed_out' | 'cancelled';

/** All that is needed to begin the process, kept beside it for a daemon that comes later. */
export interface RunRecord extends ProcessRun {
  readonly umask: number;
}

export interface EffectFolder {
  readonly path: string;
  readonly nonce: string;
  /** Value of the mark in the environment of its processes. */
  readonly key: string;
}

/** `SESSION+lead.12.0`: safe as a file name, and no two keys share one. */
export const folderNameOf = (key: string): string =>
  encodeURIComponent(key).replaceAll('%2F', '+').replaceAll('*', '%2A');

export const recordFile = (folder: EffectFolder): string =>
  join(folder.path, `${folder.nonce}.json`);
export const commandFile = (folder: EffectFolder): string =>
  join(folder.path, `${folder.nonce}.sh`);
/** Where the whole output goes when it is too long to show. */
export const wholeOutputFile = (folder: EffectFolder): string => join(folder.path, 'output');

/** A file's text, or null when it is not there. */
export const readOrNull = async (file: string): Promise<string | null> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

/** Writes what a later daemon needs to begin this process. */
export const prepareFolder = async (folder: EffectFolder, record: RunRecord): Promise<void> => {
  await mkdir(folder.path, { recursive: true, mode: 0o700 });
  await writeFile(recordFile(folder), JSON.stringify(record), { mode: 0o600 });
  await writeFile(commandFile(folder), record.script, { mode: 0o600 });
};

export const readRecord = async (folder: EffectFolder): Promise<RunRecord | null> => {
  const text = await readOrNull(recordFile(folder));
  return text === null ? null : (JSON.parse(text) as RunRecord);
};

/** The exit code, once the wrapper has written it: the newline proves that the line is whole. */
export const readExit = async (folder: EffectFolder): Promise<number | null> => {
  const match = /^(\d+)\n/.exec((await readOrNull(join(folder.path, 'exit'))) ?? '');
  return match ? Number(match[1]) : null;
};

/**
 * Takes the right to run away from the wrapper; false when the wrapper has it already, and where the
 * folder is gone: nobody can begin in it any more, but whether somebody had can't be told.
 */
export const takeStart = async (folder: EffectFolder): Promise<boolean> => {
  try {
    const file = await open(join(folder.path, 'started'), 'wx', 0o600);
    await file.writeFile('cancelled\n');
    await file.close();
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
};

/** Does nothing where the folder is gone. */
export const noteEnding = async (folder: EffectFolder, ending: Ending): Promise<void> => {
  try {
    await writeFile(join(folder.path, 'ending'), `${ending}\n`, { mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
};

export const readEnding = async (folder: EffectFolder): Promise<Ending | null> => {
  const text = (await readOrNull(join(folder.path, 'ending')))?.trim();
  return text === 'timed_out' || text === 'cancelled' ? text : null;
};

/** False once somebody has removed it with all that was known. */
export const folderExists = (folder: EffectFolder): Promise<boolean> =>
  stat(folder.path).then(
    () => true,
    () => false,
  );

/** When the wrapper took the right to run, in ms since the epoch; null when it has not. */
export const startedAtMs = async (folder: EffectFolder): Promise<number | null> => {
  try {
    return (await stat(join(folder.path, 'started'))).mtimeMs;
  } catch {
    return null;
  }
};

/** Session of the command (its leader's pid and start time); null while it has not begun. */
export const readLeader = async (
  folder: EffectFolder,
): Promise<{ readonly pid: number; readonly startTime: string } | null> => {
  const match = /^(\d+) (\d+)\n/.exec((await readOrNull(join(folder.path, 'state'))) ?? '');
  return match ? { pid: Number(match[1]), startTime: match[2] ?? '' } : null;
};

/** Makes room for another try, after it was found that nothing of the last one is left. */
export const resetFolder = async (folder: EffectFolder): Promise<void> => {
  const leftovers = (await readdir(folder.path)).filter(
    (name) => !name.startsWith(folder.nonce) && name !== 'started',
  );
  for (const name of leftovers) await rm(join(folder.path, name), { force: true });
  // Last: as long as it is there nobody begins.
  await rm(join(folder.path, 'started'), { force: true });
};

/** Drops what only a retry would need; output and exit code stay. Failing to is harmless. */
export const tidyFolder = async (folder: EffectFolder): Promise<void> => {
  const names = await readdir(folder.path).catch(() => [] as string[]);
  const spent = names.filter((name) => /^[0-9a-f]{32}\.(json|sh)$/.test(name));
  for (const name of spent) await unlink(join(folder.path, name)).catch(() => undefined);
};
