/**
 * Takes a fetched binary into the shared cache, if it is byte for byte the released one.
 *
 * What must stay true: the file appears under its final name whole, verified and synced, in one
 * rename, so that any number of fetches may run at once and any may be cut off.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheFolder } from '../../config/paths.js';
import { startTimeOf } from '../../config/runtime-file.js';
import { cachedBinary, pinnedBinary, TEMPORAL_VERSION } from '../../config/temporal-binary.js';

type Environment = Readonly<Record<string, string | undefined>>;

const PARTIAL = new RegExp(`^temporal-${TEMPORAL_VERSION}\\.(\\d+)\\.partial$`);

/** A folder to fetch into, on the cache's own disk; what dead fetches left is removed. */
export const createPartialFolder = (env: Environment): string => {
  const cache = cacheFolder(env);
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(cache)) {
    const pid = Number(PARTIAL.exec(name)?.[1]);
    if (pid && startTimeOf(pid) === null)
      rmSync(join(cache, name), { recursive: true, force: true });
  }
  const folder = join(cache, `temporal-${TEMPORAL_VERSION}.${process.pid}.partial`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  return folder;
};

const hashOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
};

/** An installer may lay down a link into a cache of its own, which is not there for ever. */
const asFile = async (file: string): Promise<string> => {
  if (!lstatSync(file).isSymbolicLink()) return file;
  await copyFile(file, `${file}.whole`);
  return `${file}.whole`;
};

const syncPath = (path: string): void => {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
};

/** Null when it was taken, else why it was refused. */
export const takeIntoCache = async (env: Environment, file: string): Promise<string | null> => {
  if (!existsSync(file)) return 'no binary came of it';
  const pinned = pinnedBinary();
  if (pinned === null) return `no release is known for ${process.platform} on ${process.arch}`;
  if ((await hashOf(file)) !== pinned.sha256) return 'what came is not the released binary';
  const whole = await asFile(file);
  chmodSync(whole, 0o755);
  syncPath(whole);
  const target = cachedBinary(env);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  renameSync(whole, target);
  syncPath(dirname(target));
  return null;
};
