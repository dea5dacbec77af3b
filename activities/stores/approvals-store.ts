/**
 * Questions to people, and their answers.
 *
 * What must stay true: an approval leaves `pending` exactly once; the second answer is refused.
 */
import type { Selectable } from 'kysely';

import type { Approval } from '../../workflows/protocol/approvals.js';
import {
  agentNameOf,
  approvalIdOf,
  sessionIdOf,
  type ToolCallId,
} from '../../workflows/protocol/ids.js';
import { insertEvent } from './event-rows.js';
import type { StoreContext } from './store-context.js';
import type { Tables } from './tables.js';

export interface ApprovalOperations {
  /** Idempotent by id; writes the `approval` event. */
  askApproval(args: Approval): void;
  /** False when it was not pending any more; writes the `approval` event when it was. */
  settleApproval(args: {
    readonly id: string;
    readonly state: 'approved' | 'denied' | 'cancelled';
    readonly answer: string | null;
    readonly at: string;
  }): boolean;
  getApproval(args: { readonly id: string }): Approval | null;
  listApprovals(args: { readonly pendingOnly: boolean }): readonly Approval[];
}

const toRow = (approval: Approval): Selectable<Tables['approvals']> => ({
  id: approval.id,
  session_id: approval.sessionId,
  kind: approval.kind,
  agent: approval.agent,
  call_id: approval.callId,
  tool: approval.tool,
  summary: approval.summary,
  subject: approval.subject,
  grant_rule: approval.grant,
  state: approval.state,
  asked_at: approval.askedAt,
  answered_at: approval.answeredAt,
  answer: approval.answer,
});

const fromRow = (row: Selectable<Tables['approvals']>): Approval => ({
  id: approvalIdOf(row.id),
  kind: 'permission',
  sessionId: sessionIdOf(row.session_id),
  agent: agentNameOf(row.agent),
  callId: row.call_id as ToolCallId,
  tool: row.tool,
  summary: row.summary,
  subject: row.subject,
  grant: row.grant_rule,
  state: row.state as Approval['state'],
  askedAt: row.asked_at,
  answeredAt: row.answered_at,
  answer: row.answer,
});

/** One event a state: the key holds it, so that a question has at most two. */
const tell = (context: StoreContext, approval: Approval, at: string): void => {
  insertEvent(context, {
    sessionId: approval.sessionId,
    key: `approval/${approval.id}/${approval.state}`,
    at,
    event: { kind: 'approval', agent: approval.agent, approval },
  });
};

/** Asked again it stays as it is, answered or not. */
const askApproval = (context: StoreContext, approval: Approval): void => {
  const insert = context.db.query.insertInto('approvals').values(toRow(approval));
  const added = context.db.change(insert.onConflict((conflict) => conflict.doNothing()));
  if (added > 0) tell(context, approval, approval.askedAt);
};

/** The condition on `pending` is in the update itself, so that of two answers one wins. */
const settleApproval = (
  context: StoreContext,
  args: Parameters<ApprovalOperations['settleApproval']>[0],
): boolean => {
  const { db } = context;
  const row = db.first(
    db.query
      .updateTable('approvals')
      .set({ state: args.state, answer: args.answer, answered_at: args.at })
      .where('id', '=', args.id)
      .where('state', '=', 'pending')
      .returningAll(),
  );
  if (row) tell(context, fromRow(row), args.at);
  return row !== undefined;
};

export const approvalOperations = (context: StoreContext): ApprovalOperations => {
  const { db } = context;
  return {
    askApproval: (args) => askApproval(context, args),
    settleApproval: (args) => settleApproval(context, args),
    getApproval: ({ id }) => {
      const row = db.first(db.query.selectFrom('approvals').selectAll().where('id', '=', id));
      return row ? fromRow(row) : null;
    },
    listApprovals: ({ pendingOnly }) => {
      const all = db.query.selectFrom('approvals').selectAll().orderBy('asked_at');
      return db.rows(pendingOnly ? all.where('state', '=', 'pending') : all).map(fromRow);
    },
  };
};
