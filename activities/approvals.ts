/**
 * Writes questions to people where screens look for them, and takes back those nobody needs answered.
 * The wait itself is the workflow's. What must stay true: asking twice is one question, and one that was
 * answered is never taken back.
 */
import type { RequestApprovalRequest, SettleApprovalRequest } from '../workflows/protocol/turn.js';
import { toolCallIdOf } from '../workflows/protocol/ids.js';
import { noteAgentState } from './agent-state.js';
import type { OutcomeDeps } from './record-outcome.js';

export const makeApprovals = (deps: OutcomeDeps) => ({
  /** Idempotent by approval id. */
  async requestApproval(request: RequestApprovalRequest): Promise<void> {
    const { sessionId, agent, turn, call, approvalId, grant } = request;
    const askedAt = deps.now().toISOString();
    await deps.store.call('askApproval', {
      id: approvalId,
      kind: 'permission',
      sessionId,
      agent,
      callId: toolCallIdOf(agent, turn, call.index),
      tool: call.name,
      summary: `${call.name} ${call.subject}`.slice(0, 200),
      subject: call.subject,
      grant,
      state: 'pending',
      askedAt,
      answeredAt: null,
      answer: null,
    });
    const waitingFor = { kind: 'approval', id: approvalId, since: askedAt, until: null } as const;
    await noteAgentState(deps, request, { state: 'parked', tool: call.name, waitingFor });
  },
  /** Does nothing when it was answered meanwhile. */
  async cancelApproval(request: SettleApprovalRequest): Promise<void> {
    await deps.store.call('settleApproval', {
      id: request.approvalId,
      state: 'cancelled',
      answer: null,
      at: deps.now().toISOString(),
    });
  },
});
