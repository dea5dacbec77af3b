/**
 * The wait for a person's answer: asks through the store, waits on a signal, remembers "always".
 *
 * What must stay true: a question that nobody needs answered any more is cancelled where people look
 * for it, even when the turn itself is being cancelled.
 */
import {
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
  patched,
  uuid4,
} from '@temporalio/workflow';

import { recordActivities } from '../activity-proxies.js';
import { grantOf, judge, refusalByPerson, refusalWithoutAnybody } from '../permission.js';
import type { AgentCarry, ApprovalDecision } from '../protocol/agent.js';
import { approvalIdOf, type ApprovalId } from '../protocol/ids.js';
import type {
  GateDecision,
  RequestApprovalRequest,
  ToolCallSummary,
  TurnRef,
} from '../protocol/turn.js';

/** What the gate sees and changes of its agent. */
export interface GateHost {
  readonly carry: AgentCarry;
  /** Answers that came in, by approval. */
  readonly decisions: ReadonlyMap<ApprovalId, ApprovalDecision>;
  /** Tells the agent what it waits for; null = nothing any more. */
  parked(approvalId: ApprovalId, since: string | null): void;
  grant(rule: string): void;
}

const ALLOWED: GateDecision = { kind: 'allowed' };

/** Sessions begun by older builds let go of a question that was being written, and could not take it back. */
const ASKED_WHOLE = 'question-asked-whole';

/** Writes the question, which an interrupt does not cut in two: half-asked it would wait for ever. */
const ask = async (request: RequestApprovalRequest): Promise<void> => {
  const scope = CancellationScope.current();
  if (scope.consideredCancelled) throw new CancelledFailure('interrupted before it was asked');
  const { name, subject } = request.call;
  const summary = `ask: may it ${name} ${subject}`.slice(0, 180);
  const write = () => recordActivities.requestApproval.executeWithOptions({ summary }, [request]);
  await (patched(ASKED_WHOLE) ? CancellationScope.nonCancellable(write) : write());
};

const askPerson = async (
  host: GateHost,
  turn: TurnRef,
  call: ToolCallSummary,
): Promise<GateDecision> => {
  const approvalId = approvalIdOf(`q-${uuid4().slice(0, 8)}`);
  const grant = grantOf(call);
  await ask({ ...turn, approvalId, call, grant });
  host.parked(approvalId, new Date().toISOString());
  try {
    await condition(() => host.decisions.has(approvalId));
  } catch (error) {
    if (isCancellation(error))
      await CancellationScope.nonCancellable(() =>
        recordActivities.cancelApproval.executeWithOptions({ summary: `take back ${approvalId}` }, [
          { sessionId: turn.sessionId, agent: turn.agent, approvalId },
        ]),
      );
    throw error;
  } finally {
    host.parked(approvalId, null);
  }
  const answer = host.decisions.get(approvalId);
  if (answer?.decision !== 'approve')
    return { kind: 'denied', reason: refusalByPerson(answer?.reason ?? null) };
  if (answer.always) host.grant(grant);
  return ALLOWED;
};

/** Decides one call; waits for days if a person has to. Throws CancelledFailure when the turn is cancelled. */
export const passGate = async (
  host: GateHost,
  turn: TurnRef,
  call: ToolCallSummary,
): Promise<GateDecision> => {
  const { settings, grants } = host.carry;
  if (judge(call, settings.permissionMode, grants) === 'allow') return ALLOWED;
  if (settings.onAsk === 'deny') return { kind: 'denied', reason: refusalWithoutAnybody(call) };
  return askPerson(host, turn, call);
};
