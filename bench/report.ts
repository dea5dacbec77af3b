/**
 * The table for people and the document for programs, both with the machine they were made on.
 *
 * What must stay true: no host name and no path is in them, so that both can be published as they are.
 */
import { cpus, loadavg, release, totalmem } from 'node:os';

import { isMet, type Limit, type Row, type Spread } from './figures.js';

const BYTES_PER_GB = 1024 ** 3;
const STATISTIC_WORDS = { median: 'median', p95: 'p95', min: 'least', max: 'worst' } as const;

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memory_gb: number;
  readonly kernel: string;
  readonly node: string;
}

export const describeMachine = (): Machine => ({
  cores: cpus().length,
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  memory_gb: Math.round(totalmem() / BYTES_PER_GB),
  kernel: `${process.platform} ${release()}`,
  node: process.version,
});

/** How many processes wanted a core in the last minute. */
export const loadNow = (): number => Math.round((loadavg()[0] ?? 0) * 10) / 10;

const number = (value: number): string =>
  Math.abs(value) >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);

const spreadWords = ({ median, p95, min, max, n }: Spread): string =>
  n === 1
    ? number(median)
    : `${number(median)} (${number(min)}–${number(max)}, p95 ${number(p95)}, n ${n})`;

const limitWords = ({ of, max, per }: Limit, n: number): string => {
  const amount = per === 'floor' ? `${max}x floor` : String(max);
  return n === 1 ? `≤ ${amount}` : `${STATISTIC_WORDS[of]} ≤ ${amount}`;
};

const verdict = (row: Row): string => {
  if (row.limits.length === 0) return '';
  const words = isMet(row) ? 'met' : 'MISSED';
  const { measured, floor } = row;
  return floor ? `${words} (${(measured.median / floor.median).toFixed(2)}x floor)` : words;
};

const cells = (row: Row): readonly string[] => [
  row.what,
  `${spreadWords(row.measured)} ${row.unit}`,
  row.floor ? spreadWords(row.floor) : '–',
  row.limits.map((limit) => limitWords(limit, row.measured.n)).join(', ') || '–',
  verdict(row),
];

const HEAD = ['row', 'measured: median (least–worst)', 'floor', 'budget', ''];

/** A Markdown table whose columns also line up on a terminal. */
export const tableOf = (rows: readonly Row[]): string => {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) =>
    Math.max(3, ...lines.map((line) => (line[column] ?? '').length)),
  );
  const print = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = '', ...body] = lines.map(print);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  const notes = rows.map(({ id, note }) => `- ${id}: ${note}`);
  return [head, rule, ...body, '', ...notes].join('\n');
};

export interface Report {
  readonly quick: boolean;
  readonly build: string;
  readonly temporal: string;
  readonly at: string;
  readonly machine: Machine;
  readonly load: { readonly before: number; readonly after: number };
  readonly rows: readonly Row[];
}

export const documentOf = (report: Report): string => {
  const rows = report.rows.map((row) => ({ ...row, met: row.limits.length ? isMet(row) : null }));
  return `${JSON.stringify({ ...report, rows }, null, 2)}\n`;
};
