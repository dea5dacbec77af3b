/**
 * Keeps the log files short: what has grown beyond the limit moves to `NAME.1` and starts anew.
 *
 * The writers hold their file open and append, so it is copied and cut, never renamed. What must
 * stay true: a log takes at most twice the limit on disk.
 */
import { copyFileSync, readFileSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

const LOG_BYTES_MAX = 10 * 1024 * 1024;
const TAIL_BYTES = 4096;

export const rotateLogs = (folder: string, bytesMax = LOG_BYTES_MAX): void => {
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.log'))) {
    const file = join(folder, name);
    if (statSync(file).size <= bytesMax) continue;
    copyFileSync(file, `${file}.1`);
    truncateSync(file);
  }
};

/** The last line that says something, for an error message; empty when there is none. */
export const lastLogLine = (file: string): string => {
  try {
    const lines = readFileSync(file, 'utf8').slice(-TAIL_BYTES).trimEnd().split('\n');
    const telling = lines.findLast((line) => /error|fail|unable|denied/i.test(line));
    return (telling ?? lines.at(-1) ?? '').trim().slice(0, 300);
  } catch {
    return '';
  }
};
