/**
 * What an agent may be doing, how a prompt may end, and the exit code each ending has.
 *
 * One table for workflows, store, gateway and command line, so that none of them can disagree.
 * What must stay true: `result.is_error` is true exactly when the exit code is not 0.
 */

export const AGENT_STATES = [
  'thinking',
  'tool',
  'waiting',
  'parked',
  'idle',
  'ended',
  'lost',
] as const;
export type AgentState = (typeof AGENT_STATES)[number];

/** What an agent waits for; `since` and `until` are ISO 8601 UTC with milliseconds. */
export interface WaitingFor {
  readonly kind: 'lease' | 'task' | 'answer' | 'approval' | 'question' | 'quota' | 'retry' | 'key';
  readonly id: string | null;
  readonly since: string;
  readonly until: string | null;
}

/** How the work on a prompt ended; null while it goes on. */
export type Outcome =
  | 'done'
  | 'failed'
  | 'stopped'
  | 'interrupted'
  | 'turn_limit'
  | 'time_limit'
  | 'no_progress'
  | 'budget'
  | 'unverified';

export interface Ending {
  readonly exitCode: number;
  readonly subtype: string;
}

/** `failed` may carry exit code 2 instead (unknown model, no key): see `OutcomeReport.exitCode`. */
export const ENDINGS: Readonly<Record<Outcome, Ending>> = {
  done: { exitCode: 0, subtype: 'success' },
  failed: { exitCode: 1, subtype: 'error_during_execution' },
  stopped: { exitCode: 143, subtype: 'error_interrupted' },
  interrupted: { exitCode: 130, subtype: 'error_interrupted' },
  turn_limit: { exitCode: 53, subtype: 'error_max_turns' },
  time_limit: { exitCode: 54, subtype: 'error_max_time' },
  no_progress: { exitCode: 55, subtype: 'error_no_progress' },
  budget: { exitCode: 60, subtype: 'error_max_budget_usd' },
  unverified: { exitCode: 62, subtype: 'error_unverified' },
};
