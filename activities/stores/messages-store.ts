/**
 * Prompts as they were sent, before and after a model reads them.
 *
 * What must stay true: a message is here before it is signalled and acknowledged, and the same id
 * stored twice is one message (a different text under a used id is refused).
 */
import type { Selectable } from 'kysely';

import type { StoreContext } from './store-context.js';
import { StoreError } from './store.js';
import type { Tables } from './tables.js';

export interface MessageRow {
  readonly id: string;
  readonly sessionId: string;
  readonly agent: string;
  readonly text: string;
  readonly sentAt: string;
}

export interface MessageOperations {
  /** Returns false when it was there already. Throws REFUSED when the id holds another text. */
  storeMessage(args: MessageRow): boolean;
  getMessages(args: { readonly ids: readonly string[] }): readonly MessageRow[];
  /** When the first message of these was sent; for durations. */
  firstSentAt(args: { readonly ids: readonly string[] }): string | null;
  /** Agents with a message that has no result yet: those with work in hand. */
  agentsOwingResults(
    args: Record<never, never>,
  ): readonly { readonly sessionId: string; readonly agent: string }[];
  /** Messages without a result, oldest first; their texts are left out. */
  owedMessages(args: Record<never, never>): readonly Omit<MessageRow, 'text'>[];
}

const fromRow = (row: Selectable<Tables['messages']>): MessageRow => ({
  id: row.id,
  sessionId: row.session_id,
  agent: row.agent,
  text: row.text,
  sentAt: row.sent_at,
});

const findMessage = ({ db }: StoreContext, id: string): MessageRow | null => {
  const row = db.first(db.query.selectFrom('messages').selectAll().where('id', '=', id));
  return row ? fromRow(row) : null;
};

/** Compares before it writes: a retry is fine, a second message under a used id is not. */
const storeMessage = (context: StoreContext, args: MessageRow): boolean => {
  const { db } = context;
  const { id, sessionId, agent, sentAt } = args;
  // As it is read back: the database keeps no half of a character.
  const text = args.text.toWellFormed();
  const stored = findMessage(context, id);
  if (stored) {
    const isSame = stored.text === text && stored.sessionId === sessionId && stored.agent === agent;
    if (isSame) return false;
    throw new StoreError(
      'REFUSED',
      `message ${id} is stored already with another text or for another agent; use a new id`,
      'ID_TAKEN',
    );
  }
  db.change(
    db.query
      .insertInto('messages')
      .values({ id, session_id: sessionId, agent, text, sent_at: sentAt }),
  );
  db.change(
    db.query.updateTable('sessions').set({ last_message_at: sentAt }).where('id', '=', sessionId),
  );
  return true;
};

const selectOwed = ({ db }: StoreContext) =>
  db.query
    .selectFrom('messages')
    .leftJoin('result_messages', (join) =>
      join
        .onRef('result_messages.session_id', '=', 'messages.session_id')
        .onRef('result_messages.message_id', '=', 'messages.id'),
    )
    .where('result_messages.message_id', 'is', null);

const agentsOwingResults = (context: StoreContext) =>
  context.db
    .rows(selectOwed(context).select(['messages.session_id', 'messages.agent']).distinct())
    .map((row) => ({ sessionId: row.session_id, agent: row.agent }));

const owedMessages = (context: StoreContext) =>
  context.db
    .rows(
      selectOwed(context)
        .select(['messages.id', 'messages.session_id', 'messages.agent', 'messages.sent_at'])
        .orderBy('messages.sent_at')
        .orderBy('messages.id'),
    )
    .map(({ id, session_id: sessionId, agent, sent_at: sentAt }) => ({
      ...{ id, sessionId, agent, sentAt },
    }));

export const messageOperations = (context: StoreContext): MessageOperations => {
  const find = (ids: readonly string[]): MessageRow[] =>
    ids.flatMap((id) => findMessage(context, id) ?? []);
  return {
    storeMessage: (args) => storeMessage(context, args),
    getMessages: ({ ids }) => find(ids),
    agentsOwingResults: () => agentsOwingResults(context),
    owedMessages: () => owedMessages(context),
    firstSentAt: ({ ids }) =>
      find(ids)
        .map((message) => message.sentAt)
        .sort()[0] ?? null,
  };
};
