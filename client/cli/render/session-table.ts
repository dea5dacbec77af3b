/**
 * The table of `loomkin ps`: a line per session, newest first, as wide as the terminal.
 *
 * What must stay true: a pipe gets every title whole; a terminal never gets a line that wraps; the words
 * for a state are the same wherever a person reads them.
 */
import type { SessionDocument } from '../../http/wire.js';
import { oneLine, shorten } from './plain-text.js';
import { shortId } from './text.js';

export interface TableOptions {
  /** Width of the terminal; null = not one, nothing is cut. */
  readonly columns: number | null;
  readonly now: number;
  /** Nothing runs: what was at work goes on at the next start. */
  readonly isDown?: boolean;
}

const HEAD = ['ID', 'STATE', 'TURNS', 'COST', 'LAST', 'MODEL', 'TITLE'];
const NUMBERS = new Set([2, 3, 4]);
const MODEL_COLUMNS_MAX = 24;

export const sessionTable = (
  sessions: readonly SessionDocument[],
  options: TableOptions,
): string => {
  const { columns } = options;
  if (sessions.length === 0) return 'No sessions.\n';
  const rows = [HEAD, ...sessions.map((session) => cells(session, options))];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `${line(row, widths, columns)}\n`).join('');
};

const line = (
  row: readonly string[],
  widths: readonly number[],
  columns: number | null,
): string => {
  const padded = row.map((cell, column) => {
    if (column === row.length - 1) return cell;
    return NUMBERS.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  });
  const text = padded.join('  ');
  return columns === null ? text : shorten(text, columns);
};

const cells = (
  session: SessionDocument,
  { columns, now, isDown = false }: TableOptions,
): readonly string[] => [
  shortId(session.id),
  isDown && isAtWork(session) ? 'paused (down)' : stateWords(session),
  String(session.turns),
  session.cost_usd === null ? '?' : `$${session.cost_usd.toFixed(2)}`,
  ageOf(now - Date.parse(session.last_progress_at)),
  columns === null ? session.model : shorten(session.model, MODEL_COLUMNS_MAX),
  oneLine(session.title),
];

const AT_WORK = new Set(['thinking', 'tool', 'waiting']);

export const isAtWork = ({ state }: { readonly state: string }): boolean => AT_WORK.has(state);

/** Kinds of waiting that a person ends by an answer. */
const ASKED = new Set<unknown>(['approval', 'question']);

export const stateWords = ({
  state,
  outcome,
  waiting_for: waiting,
}: Pick<SessionDocument, 'state' | 'outcome' | 'waiting_for'>): string => {
  if (state === 'idle' || state === 'ended') return outcome === null ? state : outcome;
  const kind = (waiting as { readonly kind?: unknown } | null)?.kind;
  if (state === 'parked' && ASKED.has(kind)) return 'asks you';
  return state === 'waiting' && typeof kind === 'string' ? `waiting: ${kind}` : state;
};

const ageOf = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
};
