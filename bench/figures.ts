/**
 * What a row of the benchmark is, and the few numbers that stand for many samples.
 *
 * What must stay true: a spread is always shown with its count, so that nobody takes three samples
 * for a hundred.
 */

/** Samples of one quantity, all in the row's unit. */
export interface Spread {
  readonly median: number;
  readonly p95: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

export type Statistic = Exclude<keyof Spread, 'n'>;

/** One thing a row must keep to; `per` floor multiplies the same statistic of the floor. */
export interface Limit {
  readonly of: Statistic;
  readonly max: number;
  readonly per?: 'floor';
}

export interface Row {
  readonly id: string;
  readonly what: string;
  /** Written after the numbers: ms, MB, % of a core, tokens, bytes, events. */
  readonly unit: string;
  readonly measured: Spread;
  readonly floor: Spread | null;
  readonly limits: readonly Limit[];
  /** What a reader has to know to read the numbers right. */
  readonly note: string;
}

/** Nearest rank: a value that was really measured. */
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;

export const spreadOf = (samples: readonly number[]): Spread => {
  if (samples.length === 0) throw new Error('a row without samples');
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    n: sorted.length,
  };
};

const allowedBy = (limit: Limit, floor: Spread | null): number =>
  limit.per === 'floor' ? limit.max * (floor?.[limit.of] ?? Number.NaN) : limit.max;

export const isMet = ({ limits, measured, floor }: Row): boolean =>
  limits.every((limit) => measured[limit.of] <= allowedBy(limit, floor));
