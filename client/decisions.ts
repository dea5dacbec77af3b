/**
 * Answers to questions: settled in the store first, told to the agent then, as often as needed.
 *
 * The store lets a question leave `pending` once, so of two people who answer at the same moment one
 * is refused, and the signal always carries what the row says. Were the signal first, the agent could
 * act on one answer while the row keeps the other. What must stay true: whatever dies between row and
 * signal, the row's answer is told again at the next start, and telling it twice changes nothing.
 */
import type { AgentRow } from '../activities/stores/agents-store.js';
import type { Store } from '../activities/stores/store.js';
import type { ApprovalDecision } from '../workflows/protocol/agent.js';
import type { Approval } from '../workflows/protocol/approvals.js';
import { approvalIdOf } from '../workflows/protocol/ids.js';
import type { AgentLine } from './agent-line.js';
import type { DecideBody, DecidedBody } from './http/wire.js';
import { notFound, Refusal } from './refusal.js';

export interface DecisionDeps {
  readonly store: Store;
  readonly line: AgentLine;
  readonly now: () => Date;
}

export interface Decisions {
  decide(approvalId: string, body: DecideBody): Promise<DecidedBody>;
  /** Tells the answers that an agent may still wait for; for the start of a daemon. */
  repeatAll(): Promise<void>;
}

/** How `answer` is kept for an approval: its reason matters to nobody, its reach does. */
const ALWAYS = 'always';
const ONCE = 'once';
const TELL_MS = 10_000;

const decisionOf = ({ id, state, answer }: Approval): ApprovalDecision => ({
  approvalId: id,
  decision: state === 'approved' ? 'approve' : 'deny',
  always: state === 'approved' && answer === ALWAYS,
  reason: state === 'denied' ? answer : null,
});

const isAnswered = ({ state }: Approval): boolean => state === 'approved' || state === 'denied';

const turnOf = ({ callId }: Approval): number => Number(callId.split('.').at(-2));

/** An agent waits for questions of its turn in hand only, so old answers are not told for ever. */
const mayWaitFor = (agent: AgentRow, approval: Approval): boolean =>
  agent.sessionId === approval.sessionId &&
  agent.name === approval.agent &&
  agent.state !== 'idle' &&
  agent.state !== 'ended' &&
  turnOf(approval) >= agent.turn;

const alreadyAnswered = ({ id, state, answeredAt }: Approval): Refusal =>
  new Refusal(
    'already_answered',
    `question ${id} was ${state} already${answeredAt === null ? '' : ` at ${answeredAt}`}`,
    'The first answer counts',
    { status: 409, exitCode: 1 },
  );

/** Waits for the work, but no longer than this; it goes on by itself. */
const within = async (timeoutMs: number, work: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
};

export const makeDecisions = ({ store, line, now }: DecisionDeps): Decisions => {
  const tell = async (approval: Approval): Promise<void> => {
    try {
      await line.decide(approval.sessionId, decisionOf(approval));
    } catch {
      // The gateway is closing or the agent can't be reached: the next start repeats it.
    }
  };

  const settled = async (id: string): Promise<Approval> => {
    const approval = await store.call('getApproval', { id });
    if (approval) return approval;
    throw notFound(`no question ${id}`, 'List them with `loomkin approvals`');
  };

  const decide = async (approvalId: string, body: DecideBody): Promise<DecidedBody> => {
    const id = approvalIdOf((await settled(approvalId)).id);
    const isApproval = body.decision === 'approve';
    const reach = body.always === true ? ALWAYS : ONCE;
    const state = isApproval ? 'approved' : 'denied';
    const answer = isApproval ? reach : (body.reason ?? null);
    const at = now().toISOString();
    const isFirst = await store.call('settleApproval', { id, state, answer, at });
    const approval = await settled(id);
    const told = isAnswered(approval) ? tell(approval) : Promise.resolve();
    if (!isFirst) throw alreadyAnswered(approval);
    await within(TELL_MS, told);
    return { id, state };
  };

  const repeatAll = async (): Promise<void> => {
    const answered = (await store.call('listApprovals', { pendingOnly: false })).filter(isAnswered);
    const sessionIds = [...new Set(answered.map(({ sessionId }) => sessionId))];
    if (sessionIds.length === 0) return;
    const agents = await store.call('listAgents', { sessionIds });
    const waited = answered.filter((approval) => agents.some((row) => mayWaitFor(row, approval)));
    await Promise.all(waited.map(tell));
  };

  return { decide, repeatAll };
};
