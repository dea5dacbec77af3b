/**
 * One row per paid model call, and the real failures of a turn's attempts.
 *
 * What must stay true: a turn has at most one usage row, written with its answer; failures are
 * counted here and not by Temporal, which counts lost workers too.
 */
import type { Usage } from '../../workflows/protocol/events.js';
import type { StoreContext } from './store-context.js';

export interface UsageRow {
  readonly model: string;
  readonly usage: Usage | null;
  /** null = price unknown. */
  readonly costUsd: number | null;
  /** True when the provider sent no usage and the tokens are our count. */
  readonly estimated: boolean;
  readonly durationMs: number;
}

export interface UsageOperations {
  /** Counts one real failure of this turn's model call and returns how many there are now. */
  countModelFailure(args: {
    readonly sessionId: string;
    readonly agent: string;
    readonly turn: number;
  }): number;
  modelFailures(args: {
    readonly sessionId: string;
    readonly agent: string;
    readonly turn: number;
  }): number;
  /** Sums over the turns from `fromTurn` on. */
  sumUsage(args: {
    readonly sessionId: string;
    readonly agent: string;
    readonly fromTurn: number;
  }): {
    readonly usage: Usage;
    readonly costUsd: number | null;
    /** Part of `costUsd` whose tokens are our count; null when that was needed and no price is known. */
    readonly estimatedUsd: number | null;
    readonly apiMs: number;
    readonly calls: number;
  };
}

const NO_TOKENS: Usage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};

interface TurnKey {
  readonly sessionId: string;
  readonly agent: string;
  readonly turn: number;
}

/** Written by the operation that stores the answer. */
export const insertUsage = (
  { db }: StoreContext,
  { sessionId, agent, turn }: TurnKey,
  at: string,
  paid: UsageRow,
): void => {
  const tokens = paid.usage ?? NO_TOKENS;
  db.change(
    db.query.insertInto('usage').values({
      session_id: sessionId,
      agent,
      turn,
      at,
      model: paid.model,
      input_tokens: tokens.input_tokens,
      output_tokens: tokens.output_tokens,
      cache_creation_input_tokens: tokens.cache_creation_input_tokens,
      cache_read_input_tokens: tokens.cache_read_input_tokens,
      cost_usd: paid.costUsd,
      estimated: paid.estimated ? 1 : 0,
      duration_ms: paid.durationMs,
    }),
  );
};

/** One statement, since two attempts may fail at the same moment. */
const countModelFailure = ({ db }: StoreContext, { sessionId, agent, turn }: TurnKey): number => {
  const insert = db.query
    .insertInto('model_failures')
    .values({ session_id: sessionId, agent, turn, count: 1 })
    .onConflict((conflict) =>
      conflict
        .columns(['session_id', 'agent', 'turn'])
        .doUpdateSet((eb) => ({ count: eb('model_failures.count', '+', 1) })),
    );
  return db.first(insert.returning('count'))?.count ?? 0;
};

/** 0 when none was counted. */
const modelFailures = ({ db }: StoreContext, { sessionId, agent, turn }: TurnKey): number =>
  db.first(
    db.query
      .selectFrom('model_failures')
      .select('count')
      .where('session_id', '=', sessionId)
      .where('agent', '=', agent)
      .where('turn', '=', turn),
  )?.count ?? 0;

const usageRows = (
  { db }: StoreContext,
  { sessionId, agent, fromTurn }: Parameters<UsageOperations['sumUsage']>[0],
) =>
  db.rows(
    db.query
      .selectFrom('usage')
      .selectAll()
      .where('session_id', '=', sessionId)
      .where('agent', '=', agent)
      .where('turn', '>=', fromTurn),
  );

/** A sum of known prices; unknown only when no price is known at all. */
const sumUsage = (rows: ReturnType<typeof usageRows>): ReturnType<UsageOperations['sumUsage']> => {
  const sum = (pick: (row: (typeof rows)[number]) => number | null): number =>
    rows.reduce((total, row) => total + (pick(row) ?? 0), 0);
  const isPriced = (of: typeof rows): boolean =>
    of.length === 0 || of.some((row) => row.cost_usd !== null);
  const estimated = rows.filter((row) => row.estimated);
  return {
    usage: {
      input_tokens: sum((row) => row.input_tokens),
      output_tokens: sum((row) => row.output_tokens),
      cache_creation_input_tokens: sum((row) => row.cache_creation_input_tokens),
      cache_read_input_tokens: sum((row) => row.cache_read_input_tokens),
    },
    costUsd: isPriced(rows) ? sum((row) => row.cost_usd) : null,
    estimatedUsd: isPriced(estimated) ? sum((row) => (row.estimated ? row.cost_usd : 0)) : null,
    apiMs: sum((row) => row.duration_ms),
    calls: rows.length,
  };
};

export const usageOperations = (context: StoreContext): UsageOperations => ({
  countModelFailure: (args) => countModelFailure(context, args),
  modelFailures: (args) => modelFailures(context, args),
  sumUsage: (args) => sumUsage(usageRows(context, args)),
});
