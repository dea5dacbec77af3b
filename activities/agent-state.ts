/**
 * Tells screens what an agent does now. The workflow decides it; activities write it on their way.
 */
import type { TurnRef } from '../workflows/protocol/turn.js';
import type { AgentState, Outcome, WaitingFor } from '../workflows/protocol/states.js';
import type { Store } from './stores/store.js';

export interface AgentStateNote {
  readonly state: AgentState;
  readonly waitingFor?: WaitingFor;
  readonly outcome?: Outcome;
  readonly tool?: string;
  /** `provider/model`; left out = as it was. */
  readonly model?: string;
}

/** Idempotent; a turn older than the one shown is ignored by the store. */
export const noteAgentState = async (
  deps: { readonly store: Store; now(): Date },
  ref: TurnRef,
  note: AgentStateNote,
): Promise<void> => {
  const { sessionId, agent, turn } = ref;
  const model =
    note.model ?? (await deps.store.call('getAgent', { sessionId, name: agent }))?.model ?? '';
  await deps.store.call('setAgentState', {
    sessionId,
    name: agent,
    role: agent,
    model,
    state: note.state,
    waitingFor: note.waitingFor ?? null,
    outcome: note.outcome ?? null,
    tool: note.tool ?? null,
    turn,
    at: deps.now().toISOString(),
  });
};
