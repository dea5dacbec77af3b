/**
 * One row per paid model call, and the real failures of a turn's attempts.
 *
 * What must stay true: a turn has at most one usage row, written with its answer; failures are
 * counted here and not by Temporal, which counts lost workers too.
 */
import type { Usage } from '../../workflows/protocol/events.js';

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
    readonly estimatedUsd: number;
    readonly apiMs: number;
    readonly calls: number;
  };
}
