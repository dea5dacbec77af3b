/**
 * Keeps the log files short: what has grown beyond the limit moves to `NAME.1` and starts anew.
 *
 * The writers hold their file open and append, so its end is copied and it is cut, never renamed. What
 * must stay true: after each look a log takes at most twice the limit on disk, and whatever is wrong
 * with a log, nobody dies of it.
 */
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const LOG_BYTES_MAX = 10 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const TAIL_BYTES = 4096;

/** Some logs grow to many times the limit between two looks. */
const copyEnd = (from: string, to: string, bytesMax: number): void => {
  const source = openSync(from, 'r');
  const target = openSync(to, 'w', 0o600);
  try {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytesMax));
    const endAt = fstatSync(source).size;
    for (let at = Math.max(0, endAt - bytesMax); at < endAt;) {
      const bytes = readSync(source, chunk, 0, Math.min(chunk.length, endAt - at), at);
      if (bytes === 0) return;
      writeSync(target, chunk, 0, bytes);
      at += bytes;
    }
  } finally {
    closeSync(source);
    closeSync(target);
  }
};

const logsIn = (folder: string): string[] => {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
};

export const rotateLogs = (folder: string, bytesMax = LOG_BYTES_MAX): void => {
  for (const file of logsIn(folder))
    try {
      const facts = statSync(file);
      if (!facts.isFile() || facts.size <= bytesMax) continue;
      copyEnd(file, `${file}.1`, bytesMax);
      truncateSync(file);
    } catch {
      // A full disk, or a log that has just gone: the next look finds out.
    }
};

/** The end of what stands behind `fromByte`; of all of it when the log has been cut since. */
const endOf = (file: string, fromByte: number): string => {
  const log = openSync(file, 'r');
  try {
    const { size } = fstatSync(log);
    const start = Math.max(size - TAIL_BYTES, fromByte > size ? 0 : fromByte, 0);
    const end = Buffer.alloc(size - start);
    return end.toString('utf8', 0, readSync(log, end, 0, end.length, start));
  } finally {
    closeSync(log);
  }
};

/** The last line that says something, for an error message; empty when there is none. */
export const lastLogLine = (file: string, fromByte = 0): string => {
  try {
    const lines = endOf(file, fromByte).trimEnd().split('\n');
    const telling = lines.findLast((line) => /error|fail|unable|denied/i.test(line));
    return (telling ?? lines.at(-1) ?? '').trim().slice(0, 300);
  } catch {
    return '';
  }
};
