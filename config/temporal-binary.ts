/**
 * Which Temporal binary to run: the user's own, one on PATH, or the one fetched into the cache.
 *
 * Only looks at files, since every cold start passes here. What a binary on PATH can do is known
 * from notes that the fetching program wrote; one without a note counts as not found, so that the
 * program runs and looks. What must stay true: nothing but the pinned bytes is ever in the cache.
 */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cacheFolder } from './paths.js';

type Environment = Readonly<Record<string, string | undefined>>;

export const TEMPORAL_VERSION = '1.9.1';

/** Size and hash of the released binary, per platform; any other bytes are refused. */
export const PINNED_BINARIES: Readonly<Record<string, { sizeBytes: number; sha256: string }>> = {
  'linux-x64': {
    sizeBytes: 156_328_098,
    sha256: '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
  },
  'linux-arm64': {
    sizeBytes: 145_752_226,
    sha256: '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
  },
  'darwin-x64': {
    sizeBytes: 160_270_736,
    sha256: 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
  },
  'darwin-arm64': {
    sizeBytes: 150_806_194,
    sha256: '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
  },
};

export interface TemporalBinary {
  readonly path: string;
  readonly source: 'environment' | 'path' | 'cache';
}

/** What a look at a binary found out; believed while size and time of the file stay the same. */
export interface BinaryNote {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly version: string;
  readonly disablesNews: boolean;
}

export const cachedBinary = (env: Environment): string =>
  join(cacheFolder(env), `temporal-${TEMPORAL_VERSION}`, 'temporal');

export const binaryNotesFile = (env: Environment): string =>
  join(cacheFolder(env), 'temporal-versions.json');

export const pinnedBinary = (): { sizeBytes: number; sha256: string } | null =>
  PINNED_BINARIES[`${process.platform}-${process.arch}`] ?? null;

const isExecutableFile = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

export const readBinaryNotes = (env: Environment): Record<string, BinaryNote> => {
  try {
    const notes = JSON.parse(readFileSync(binaryNotesFile(env), 'utf8')) as unknown;
    return typeof notes === 'object' && notes !== null ? (notes as Record<string, BinaryNote>) : {};
  } catch {
    return {};
  }
};

export const noteOf = (env: Environment, path: string): BinaryNote | null => {
  const note = readBinaryNotes(env)[path];
  if (!note) return null;
  const { size, mtimeMs } = statSync(path);
  return note.sizeBytes === size && note.modifiedMs === mtimeMs ? note : null;
};

/** The first `temporal` on PATH, whatever its version; null when there is none. */
export const temporalOnPath = (env: Environment): string | null =>
  (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'temporal'))
    .find(isExecutableFile) ?? null;

/** Compares dotted numbers; what is no version is too old. */
export const isVersionSufficient = (version: string): boolean => {
  const [have, want] = [version, TEMPORAL_VERSION].map((v) => v.split('.').map(Number));
  for (const [index, part] of want!.entries()) {
    const own = have![index] ?? 0;
    if (own !== part) return own > part;
  }
  return true;
};

/** A file cut short by a power loss has the wrong size and is fetched again. */
const isCacheWhole = (path: string): boolean => {
  if (!isExecutableFile(path)) return false;
  const pinned = pinnedBinary();
  return pinned === null || statSync(path).size === pinned.sizeBytes;
};

/** `LOOMKIN_TEMPORAL_BIN` as it is, else PATH if known to be new enough, else the cache. */
export const findTemporalBinary = (env: Environment): TemporalBinary | null => {
  const own = env['LOOMKIN_TEMPORAL_BIN'];
  if (own) return { path: own, source: 'environment' };
  const onPath = temporalOnPath(env);
  const note = onPath === null ? null : noteOf(env, onPath);
  if (onPath !== null && note === null) return null;
  if (onPath !== null && note !== null && isVersionSufficient(note.version))
    return { path: onPath, source: 'path' };
  const cached = cachedBinary(env);
  return isCacheWhole(cached) ? { path: cached, source: 'cache' } : null;
};
