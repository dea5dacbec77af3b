/**
 * Shows on stderr how far a fetch has come, by what has arrived in its folder.
 *
 * A bar on a terminal, one plain line elsewhere. What must stay true: nothing goes to stdout, and
 * the bar is gone when something else is written.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const EXPECTED_BYTES = 45_000_000;
const DRAW_MS = 200;
const BAR_CELLS = 24;

const bytesBelow = (folder: string): number => {
  try {
    return readdirSync(folder, { recursive: true })
      .map((name) => statSync(join(folder, String(name)), { throwIfNoEntry: false }))
      .reduce((sum, stat) => sum + (stat?.isFile() ? stat.size : 0), 0);
  } catch {
    return 0;
  }
};

const bar = (bytes: number): string => {
  const share = Math.min(1, bytes / EXPECTED_BYTES);
  const cells = Math.round(share * BAR_CELLS);
  const drawn = '#'.repeat(cells).padEnd(BAR_CELLS, '.');
  return `[${drawn}] ${Math.min(99, Math.round(share * 100))} %`;
};

/** Draws until the returned function is called. */
export const showProgress = (folder: string, what: string): (() => void) => {
  const out = process.stderr;
  const clear = out.isTTY ? '\r\u001b[K' : '';
  const draw = (): void => void out.write(`${clear}${what} ${bar(bytesBelow(folder))}`);
  if (!out.isTTY) out.write(`${what} (45 MB, once) ...\n`);
  const timer = out.isTTY ? setInterval(draw, DRAW_MS) : undefined;
  return () => {
    clearInterval(timer);
    out.write(clear);
  };
};
