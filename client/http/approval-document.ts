/**
 * A question to a person as everybody gets to see it: over HTTP, and in a line of stream-json.
 *
 * In a file of its own, since the command line loads it while its user waits. What must stay true:
 * both places show the same document.
 */
import type { Approval } from '../../workflows/protocol/approvals.js';
import type { ApprovalDocument } from './wire.js';

export const approvalDocument = (approval: Approval): ApprovalDocument => ({
  id: approval.id,
  kind: approval.kind,
  session_id: approval.sessionId,
  agent: approval.agent,
  call_id: approval.callId,
  tool: approval.tool,
  summary: approval.summary,
  subject: approval.subject,
  reason: null,
  rule: approval.grant,
  options: ['approve', 'deny', 'always'],
  state: approval.state,
  asked_at: approval.askedAt,
  expires_at: null,
  answer: approval.answer,
  answered_at: approval.answeredAt,
  answered_by: null,
});
