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
  findTemporalBinary,
  isVersionSufficient,
  noteOf,
  readBinaryNotes,
  temporalOnPath,
  type BinaryNote,
  type TemporalBinary,
} from '../../config/temporal-binary.js';

type Environment = Readonly<Record<string, string | undefined>>;

const ASK_MS_MAX = 10_000;
const run = promisify(execFile);

/** What it prints; empty when it fails, null when it took too long to believe anything. */
const ask = async (path: string, args: readonly string[], waitMs: number) => {
  try {
    const asked = run(path, [...args], { timeout: waitMs, killSignal: 'SIGKILL' });
    // One that reads instead of answering would wait for us.
    asked.child.stdin?.end();
    return (await asked).stdout;
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
export const inspectBinary = async (
  env: Environment,
  path: string,
  waitMs = ASK_MS_MAX,
): Promise<BinaryNote> => {
  const known = noteOf(env, path);
  if (known) return known;
  const { size, mtimeMs } = statSync(path);
  const [version, help] = await Promise.all([
    ask(path, ['--version'], waitMs),
    ask(path, ['server', 'start-dev', '--help'], waitMs),
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

/**
 * The binary to run, also where no note of the one on PATH can be kept: what is new enough is taken,
 * and one that says nothing does not hide the one that was fetched.
 */
export const findOrInspect = async (
  env: Environment,
  waitMs = ASK_MS_MAX,
): Promise<TemporalBinary | null> => {
  const found = findTemporalBinary(env);
  const onPath = temporalOnPath(env);
  if (found !== null || onPath === null) return found;
  const { version } = await inspectBinary(env, onPath, waitMs);
  if (isVersionSufficient(version)) return { path: onPath, source: 'path' };
  return findTemporalBinary({ ...env, PATH: '' });
};
