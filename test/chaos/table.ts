/**
 * The table that the kill matrix prints: a row a cell, and median and worst of the recoveries.
 */
export interface TableRow {
  readonly cell: string;
  readonly outcome: 'once' | 'FAILED';
  readonly recoveryMs: number | null;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const shown = (ms: number | null): string => (ms === null ? '–' : `${(ms / 1000).toFixed(2)} s`);

/** Recoveries where the supervisor lived and nobody had to do anything. */
const summary = (name: string, rows: readonly TableRow[]): string => {
  const times = rows.flatMap(({ recoveryMs }) => (recoveryMs === null ? [] : [recoveryMs]));
  const ends = `${rows.filter(({ outcome }) => outcome === 'once').length} of ${rows.length} right`;
  if (times.length === 0) return `${name}: ${ends}`;
  return `${name}: ${ends}, work went on after ${shown(median(times))} (median), ${shown(Math.max(...times))} (worst)`;
};

/** `summary` leaves the rows themselves out. */
export const printTable = (
  name: string,
  rows: readonly TableRow[],
  extent: 'all' | 'summary' = 'all',
): void => {
  const width = Math.max(...rows.map(({ cell }) => cell.length), 4);
  const lines = rows.map(
    ({ cell, outcome, recoveryMs }) =>
      `${cell.padEnd(width)}  ${outcome.padEnd(6)}  ${shown(recoveryMs)}`,
  );
  const body = extent === 'all' ? `\n${lines.join('\n')}\n\n` : '';
  process.stdout.write(`${body}${summary(name, rows)}\n`);
};
