/**
 * Names that travel: task queues, search attributes, environment marks, commit trailers.
 *
 * Tests, wrappers and people looking at the Temporal Web UI rely on them, so each is written once.
 * What must stay true: renaming a task queue strands every workflow that runs on it.
 */

/** Search attributes every agent workflow carries; the number is Temporal's IndexedValueType. */
export const SEARCH_ATTRIBUTES = {
  SessionId: 2,
  AgentRole: 2,
  AgentState: 2,
  Project: 2,
  Model: 2,
  CostUsd: 4,
} as const;

export const NAMESPACE = 'default';

/** Queue of the workflows and activities of one installation (8 hex digits). */
export const taskQueueOf = (installation: string): string => `loomkin-${installation}`;

/** Environment variable that marks every process of an effect. */
export const EFFECT_MARK = 'LOOMKIN_EFFECT';

export const SESSION_TRAILER = 'Loomkin-Session';
export const CALL_TRAILER = 'Loomkin-Call';
export const CO_AUTHOR = 'Loomkin <noreply@loomkin.dev>';
