/**
 * Finds out what a Temporal binary is, by asking it, and notes the answer beside the cache.
 *
 * Asking takes a tenth of a second, too long for every start. What must stay true: a note is bound
 * to size and time of the file, so that an upgraded binary is asked again.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import {
  binaryNotesFile,
  noteOf,
  readBinaryNotes,
  type BinaryNote,
} from '../../config/temporal-binary.js';

type Environment = Readonly<Record<string, string | undefined>>;

const ASK_MS_MAX = 10_000;
const run = promisify(execFile);

/** What it prints; empty when it fails, null when it took too long to believe anything. */
const ask = async (path: string, args: readonly string[]): Promise<string | null> => {
  try {
    return (await run(path, [...args], { timeout: ASK_MS_MAX })).stdout;
  } catch (error) {
    return (error as { killed?: boolean }).killed === true ? null : '';
  }
};

const writeNote = (env: Environment, path: string, note: BinaryNote): void => {
  const file = binaryNotesFile(env);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify({ ...readBinaryNotes(env), [path]: note }));
    renameSync(temporary, file);
  } catch {
    // A cache that can't be written costs the next start a tenth of a second, nothing else.
  }
};

/** What the binary says of itself; version "unknown" when it says nothing we understand. */
export const inspectBinary = async (env: Environment, path: string): Promise<BinaryNote> => {
  const known = noteOf(env, path);
  if (known) return known;
  const { size, mtimeMs } = statSync(path);
  const [version, help] = await Promise.all([
    ask(path, ['--version']),
    ask(path, ['server', 'start-dev', '--help']),
  ]);
  const note: BinaryNote = {
    sizeBytes: size,
    modifiedMs: mtimeMs,
    version: /temporal version (\d+\.\d+\.\d+)/.exec(version ?? '')?.[1] ?? 'unknown',
    disablesNews: (help ?? '').includes('--ui-disable-news-fetch'),
  };
  if (version !== null && help !== null) writeNote(env, path, note);
  return note;
};
