/**
 * The port to a session's agent, as the parts of the gateway see it; `gateway.ts` binds it to Temporal.
 *
 * - Every call resolves once the word is durable, and rejects with a `Refusal` of kind
 *   `engine_unavailable` when the engine gave no answer in time: it may have been taken all the same.
 * - Every word carries an id that the agent knows again, so that it may be said twice.
 */
import type { AgentStart, ApprovalDecision, InboxItem } from '../workflows/protocol/agent.js';
import type { SessionId } from '../workflows/protocol/ids.js';

/** `absent`: the agent has ended, or never began. */
export type Told = 'told' | 'absent';

export interface AgentLine {
  /** Gives a prompt to an agent that lives. */
  deliver(session: SessionId, item: InboxItem): Promise<Told>;
  /** Gives a prompt to the agent, which begins with it if there is none. */
  begin(start: AgentStart, item: InboxItem): Promise<void>;
  interrupt(session: SessionId, requestId: string): Promise<Told>;
  stop(session: SessionId, requestId: string): Promise<Told>;
  /** Never gives up before the gateway closes: the answer is in the store already. */
  decide(session: SessionId, decision: ApprovalDecision): Promise<Told>;
}
