/**
 * Agents as screens see them: state, what they wait for, last progress.
 *
 * The workflow decides, activities write it here on their way; workflows never read it.
 */
import type { AgentState, Outcome, WaitingFor } from '../../workflows/protocol/states.js';

export interface AgentRow {
  readonly sessionId: string;
  readonly name: string;
  readonly role: string;
  readonly model: string;
  readonly state: AgentState;
  readonly waitingFor: WaitingFor | null;
  readonly outcome: Outcome | null;
  /** Name of the tool that runs, while state is `tool`. */
  readonly tool: string | null;
  readonly turn: number;
  /** Since when it is in this state. */
  readonly since: string;
  readonly lastProgressAt: string;
  /** Sum of known costs so far. */
  readonly costUsd: number;
}

export interface AgentOperations {
  /**
   * Writes the state (creating the row) and, when the state or what it waits for changed, a `state`
   * event. A `turn` smaller than the row's is ignored: a late writer does not turn time back.
   */
  setAgentState(args: {
    readonly sessionId: string;
    readonly name: string;
    readonly role: string;
    readonly model: string;
    readonly state: AgentState;
    readonly waitingFor: WaitingFor | null;
    readonly outcome: Outcome | null;
    readonly tool: string | null;
    readonly turn: number;
    readonly at: string;
  }): void;
  getAgent(args: { readonly sessionId: string; readonly name: string }): AgentRow | null;
  listAgents(args: { readonly sessionIds: readonly string[] }): readonly AgentRow[];
  /** Agents per state, over all sessions that have not ended. */
  countAgentStates(args: Record<never, never>): Readonly<Record<AgentState, number>>;
}
