/**
 * The output of a process as it lies on disk: segments `out.aa`, `out.ab`, … of equal size.
 *
 * Behind the last byte of the command the wrapper writes a record separator and the nonce; what
 * follows is the output of children that outlived the command. What must stay true: the first segment
 * and the last ones are never removed, so head, tail and nonce are always found.
 */
import { open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { SEGMENT_BYTES, type EffectFolder } from './folder.js';

/** Segments kept of a long output: 64 MB. */
const SEGMENTS_MAX = 16;

export interface Segment {
  readonly file: string;
  /** Place in the whole output; gaps are segments that were removed. */
  readonly index: number;
  readonly bytes: number;
}

const indexOf = (name: string): number =>
  (name.charCodeAt(4) - 97) * 26 + (name.charCodeAt(5) - 97);

const segmentNames = async (folder: EffectFolder): Promise<string[]> =>
  (await readdir(folder.path).catch(() => [] as string[]))
    .filter((name) => /^out\.[a-z]{2}$/.test(name))
    .sort();

export const listSegments = async (folder: EffectFolder): Promise<readonly Segment[]> => {
  const segments: Segment[] = [];
  for (const name of await segmentNames(folder)) {
    const file = join(folder.path, name);
    segments.push({ file, index: indexOf(name), bytes: (await stat(file)).size });
  }
  return segments;
};

/** Removes the middle of an output that has grown too long: of what precedes byte `end`, when given. */
export const trimSegments = async (folder: EffectFolder, end = Infinity): Promise<void> => {
  const names = (await segmentNames(folder)).filter((name) => indexOf(name) * SEGMENT_BYTES < end);
  const middle = names.slice(1, Math.max(1, names.length - (SEGMENTS_MAX - 1)));
  for (const name of middle) await unlink(join(folder.path, name)).catch(() => undefined);
};

/** Reads `bytes` bytes at `offset`; fewer at the end of the file. */
export const readRange = async (file: string, offset: number, bytes: number): Promise<Buffer> => {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await handle.read(buffer, 0, bytes, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
};

/** Where the command's own output ends, counted from its first byte; null = not written (yet). */
export const findOutputEnd = async (
  folder: EffectFolder,
  segments: readonly Segment[],
): Promise<number | null> => {
  const marker = Buffer.from(`\x1e${folder.nonce}\n`);
  let following: Buffer = Buffer.alloc(0);
  for (const segment of [...segments].reverse()) {
    const own = await readRange(segment.file, 0, segment.bytes);
    // The marker may be cut by the border between two segments.
    const at = Buffer.concat([own, following]).indexOf(marker);
    if (at >= 0) return segment.index * SEGMENT_BYTES + at;
    following = own.subarray(0, marker.length - 1);
  }
  return null;
};
