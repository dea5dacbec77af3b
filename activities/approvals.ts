/**
 * Writes questions to people where screens look for them, and takes back those nobody needs answered.
 * The wait itself is the workflow's. What must stay true: asking twice is one question, and one that was
 * answered is never taken back.
 */
import type {
  RequestApprovalRequest,
  SettleApprovalRequest,
  TurnRef,
} from '../workflows/protocol/turn.js';
import { toolCallIdOf } from '../workflows/protocol/ids.js';
import { noteAgentState } from './agent-state.js';
import type { OutcomeDeps } from './record-outcome.js';

/** After something else ended beside it: a question that is still open is what the agent waits for. */
export const showOpenQuestion = async (deps: OutcomeDeps, ref: TurnRef): Promise<void> => {
  const pending = await deps.store.call('listApprovals', { pendingOnly: true });
  const open = pending.find((one) => one.sessionId === ref.sessionId && one.agent === ref.agent);
  if (!open) return;
  const { id, tool, askedAt: since } = open;
  const waitingFor = { kind: 'approval', id, since, until: null } as const;
  await noteAgentState(deps, ref, { state: 'parked', tool, waitingFor });
};

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
