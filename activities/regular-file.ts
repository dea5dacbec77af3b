/**
 * Opens and reads what is surely a regular file in an open folder, and never waits for anything else.
 *
 * Opening a fifo blocks and opening a device may do something, so the name is looked at first and the
 * handle again afterwards. What must stay true: content and signature belong together; a file written
 * to after its signature was taken has another one by the time it is published.
 */
import { createHash, webcrypto } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import type { FileSignature } from './stores/effects-store.js';
import { signatureOf } from './stores/publish-file.js';
import { codeOf, pathIn, type OpenFolder } from './open-folder.js';

export type Opened =
  | { readonly kind: 'file'; readonly handle: FileHandle; readonly stats: BigIntStats }
  | { readonly kind: 'missing' }
  /** `what`: "a folder", "a symbolic link", "a named pipe" … */
  | { readonly kind: 'special'; readonly what: string };

const LOOK = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

const kindOf = (stats: BigIntStats): string => {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
};

/** The caller closes the handle. Throws what the system says (EACCES). */
export const openRegularFile = async (folder: OpenFolder, name: string): Promise<Opened> => {
  try {
    const path = pathIn(folder, name);
    const seen = await lstat(path, { bigint: true });
    if (!seen.isFile()) return { kind: 'special', what: kindOf(seen) };
    const handle = await open(path, LOOK);
    const stats = await handle.stat({ bigint: true });
    if (stats.isFile()) return { kind: 'file', handle, stats };
    await handle.close();
    return { kind: 'special', what: kindOf(stats) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { kind: 'missing' };
    if (codeOf(error) === 'ELOOP') return { kind: 'special', what: 'a symbolic link' };
    throw error;
  }
};

/** File times move in ticks of up to 10 ms: two changes within one are not told apart. */
const TICK_MS = 15;

/** The signature once the file is older than a tick, so that any later change shows in it. */
export const stillSignature = async (handle: FileHandle): Promise<FileSignature> => {
  for (let tries = 0; tries < 3; tries += 1) {
    const stats = await handle.stat({ bigint: true });
    const ageMs = Math.abs(Date.now() - Number(stats.ctimeMs));
    if (ageMs > TICK_MS) return signatureOf(stats);
    await sleep(TICK_MS + 1);
  }
  return signatureOf(await handle.stat({ bigint: true }));
};

/** Reads at most `bytesMax` and one byte more. A file that grows meanwhile has another signature by then. */
export const readWhole = async (handle: FileHandle, bytesMax: number): Promise<Uint8Array> => {
  const { size } = await handle.stat();
  const buffer = Buffer.allocUnsafeSlow(Math.min(size, bytesMax) + 1);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
};

/** Longer content is hashed off the event loop. */
const HASH_HERE_BYTES_MAX = 256 * 1024;

/** SHA-256 in hex. */
export const hashContent = async (content: Uint8Array): Promise<string> => {
  if (content.byteLength <= HASH_HERE_BYTES_MAX)
    return createHash('sha256').update(content).digest('hex');
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', content)).toString('hex');
};

export const hashFile = async (handle: FileHandle): Promise<string> => {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(HASH_HERE_BYTES_MAX);
  for (let position = 0; ;) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, bytesRead));
    position += bytesRead;
  }
};
