/**
 * The shape of a question to a person, as the store keeps it and `approvals --json` prints it.
 *
 * What must stay true: an approval leaves `pending` exactly once.
 */
import type { AgentName, ApprovalId, SessionId, ToolCallId } from './ids.js';

export interface Approval {
  readonly id: ApprovalId;
  readonly kind: 'permission';
  readonly sessionId: SessionId;
  readonly agent: AgentName;
  readonly callId: ToolCallId;
  readonly tool: string;
  readonly summary: string;
  readonly subject: string;
  /** What answering "always" would allow for the rest of the session. */
  readonly grant: string;
  readonly state: 'pending' | 'approved' | 'denied' | 'cancelled';
  readonly askedAt: string;
  readonly answeredAt: string | null;
  readonly answer: string | null;
}
