/**
 * What the model gets to see of a command's output: all of it, or head and tail and where the rest is.
 *
 * Memory stays bounded however long the output is. What must stay true: the cut says how to go on,
 * and the same files give the same text, so that a retry tells the model nothing else.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { SEGMENT_BYTES, wholeOutputFile, type EffectFolder } from './folder.js';
import { isCollecting, type Boots } from './probe.js';
import { findOutputEnd, listSegments, readRange, trimSegments, type Segment } from './segments.js';

/** How long the collector may lag behind the exit code (a slow disk). */
const COLLECT_MAX_MS = 10_000;

export interface Output {
  readonly text: string;
  /** Bytes the command wrote. */
  readonly bytes: number;
  readonly path: string;
}

/** Invalid UTF-8 and NULs become U+FFFD; a character cut by us at either end goes. */
const decode = (bytes: Buffer, cut: { readonly start: boolean; readonly end: boolean }): string => {
  let from = 0;
  let to = bytes.length;
  // A continuation byte is 10xxxxxx; a character has at most three of them.
  while (cut.start && from < 3 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from += 1;
  if (cut.end) {
    let lead = to - 1;
    while (lead > to - 4 && ((bytes[lead] ?? 0) & 0xc0) === 0x80) lead -= 1;
    if (((bytes[lead] ?? 0) & 0xc0) === 0xc0) to = lead;
  }
  return bytes.subarray(from, to).toString('utf8').replaceAll('\0', '\uFFFD');
};

/** Bytes [from, to) of the whole output; nothing where a segment was removed. */
const readSpan = async (
  segments: readonly Segment[],
  from: number,
  to: number,
): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for (const segment of segments) {
    const start = segment.index * SEGMENT_BYTES;
    const low = Math.max(from, start);
    const high = Math.min(to, start + segment.bytes);
    if (low < high) parts.push(await readRange(segment.file, low - start, high - low));
  }
  return Buffer.concat(parts);
};

/** Joins what is left of the segments into one file that tools can read. */
const writeWhole = async (
  folder: EffectFolder,
  segments: readonly Segment[],
  end: number,
): Promise<string> => {
  const file = wholeOutputFile(folder);
  const parts = async function* (): AsyncGenerator<Buffer> {
    let at = 0;
    for (const segment of segments) {
      const start = segment.index * SEGMENT_BYTES;
      if (start > at) yield Buffer.from(`\n[… ${start - at} bytes were not kept …]\n`);
      const length = Math.min(segment.bytes, end - start);
      if (length <= 0) return;
      yield* createReadStream(segment.file, { end: length - 1 }) as AsyncIterable<Buffer>;
      at = start + length;
    }
  };
  await pipeline(parts, createWriteStream(`${file}.new`, { mode: 0o600 }));
  await rename(`${file}.new`, file);
  return file;
};

/** Waits until the collector has written all that the command wrote, then says where that ends. */
const settledEnd = async (folder: EffectFolder, boots: Boots): Promise<number | null> => {
  for (const since = Date.now(); ; await delay(3)) {
    const collecting = await isCollecting(folder, boots);
    const end = await findOutputEnd(folder, await listSegments(folder));
    if (end !== null || !collecting || Date.now() - since > COLLECT_MAX_MS) return end;
  }
};

const shorten = async (
  segments: readonly Segment[],
  end: number,
  path: string,
  bytesMax: number,
): Promise<string> => {
  const headBytes = Math.floor(bytesMax * 0.4);
  const tailBytes = bytesMax - headBytes;
  const head = decode(await readSpan(segments, 0, headBytes), { start: false, end: true });
  const tail = decode(await readSpan(segments, end - tailBytes, end), { start: true, end: false });
  const left = end - headBytes - tailBytes;
  return `${head}\n[… ${left} of ${end} bytes left out; all of it is in ${path}: read it with offset, or search it with the shell …]\n${tail}`;
};

/** `running`: the output so far of a process that goes on; nothing is copied then. */
export const collectOutput = async (
  folder: EffectFolder,
  boots: Boots,
  options: { readonly bytesMax: number; readonly running: boolean },
): Promise<Output> => {
  const marked = options.running ? null : await settledEnd(folder, boots);
  if (!options.running) await trimSegments(folder, marked ?? Infinity);
  const segments = await listSegments(folder);
  const last = segments.at(-1);
  const end = marked ?? (last ? last.index * SEGMENT_BYTES + last.bytes : 0);
  const first = segments[0]?.file ?? join(folder.path, 'out.aa');
  if (end <= options.bytesMax) {
    const all = await readSpan(segments, 0, end);
    return { text: decode(all, { start: false, end: false }), bytes: end, path: first };
  }
  const path = options.running ? first : await writeWhole(folder, segments, end);
  return { text: await shorten(segments, end, path, options.bytesMax), bytes: end, path };
};
