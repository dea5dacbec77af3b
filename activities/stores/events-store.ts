/**
 * The event stream's rows. Events of transcript rows hold a reference, not a second copy of the body.
 *
 * What must stay true: offsets only grow, over the whole installation, in commit order; (session, key)
 * is unique; the uuid is derived from session and key.
 */
import type { SessionEvent, StoredEvent } from '../../workflows/protocol/events.js';
import { insertEvent, offsetOfKey, selectEvents, toEvent } from './event-rows.js';
import type { StoreContext } from './store-context.js';

export interface EventOperations {
  /** Idempotent by (session, key): returns the offset of the row, old or new. */
  appendEvent(args: {
    readonly sessionId: string;
    readonly key: string;
    readonly at: string;
    readonly event: SessionEvent;
  }): number;
  /** Events with offset > `after`, at most `limit`, in order, bodies joined in. */
  readEvents(args: {
    readonly sessionId: string;
    readonly after: number;
    readonly limit: number;
  }): readonly StoredEvent[];
  /** Highest offset of the session; 0 when it has none. */
  lastOffset(args: { readonly sessionId: string }): number;
  /** The result event that answers this message, or null while it is owed. */
  resultOf(args: { readonly sessionId: string; readonly messageId: string }): StoredEvent | null;
}

type AppendArgs = Parameters<EventOperations['appendEvent']>[0];
type ResultEvent = Extract<SessionEvent, { kind: 'result' }>;

const offsetOfResult = ({ db }: StoreContext, sessionId: string, messageId: string) =>
  db.first(
    db.query
      .selectFrom('result_messages')
      .select('offset')
      .where('session_id', '=', sessionId)
      .where('message_id', '=', messageId),
  )?.offset;

/** Each message has one result: what is answered already keeps it, and only the rest is written. */
const appendResultEvent = (context: StoreContext, args: AppendArgs, event: ResultEvent): number => {
  const { db } = context;
  const { sessionId, at } = args;
  const messages = [...new Set(event.messages)];
  const answered = messages.map((id) => offsetOfResult(context, sessionId, id));
  const owed = messages.filter((_, place) => answered[place] === undefined);
  const earlier = answered.find((offset) => offset !== undefined);
  if (owed.length === 0 && earlier !== undefined) return earlier;
  const isTaken = offsetOfKey(context, sessionId, args.key) !== undefined;
  const key = isTaken && owed.length > 0 ? `outcome/${owed[0]}` : args.key;
  const offset = insertEvent(context, { sessionId, key, at, event: { ...event, messages: owed } });
  for (const messageId of owed)
    db.change(
      db.query
        .insertInto('result_messages')
        .values({ session_id: sessionId, message_id: messageId, offset }),
    );
  return offset;
};

const readEvents = (
  context: StoreContext,
  { sessionId, after, limit }: Parameters<EventOperations['readEvents']>[0],
): readonly StoredEvent[] =>
  context.db
    .rows(
      selectEvents(context)
        .where('events.session_id', '=', sessionId)
        .where('events.offset', '>', after)
        .orderBy('events.offset')
        .limit(limit),
    )
    .map(toEvent);

const resultOf = (
  context: StoreContext,
  { sessionId, messageId }: Parameters<EventOperations['resultOf']>[0],
): StoredEvent | null => {
  const offset = offsetOfResult(context, sessionId, messageId);
  if (offset === undefined) return null;
  const row = context.db.first(selectEvents(context).where('events.offset', '=', offset));
  return row ? toEvent(row) : null;
};

export const eventOperations = (context: StoreContext): EventOperations => ({
  appendEvent: (args) =>
    args.event.kind === 'result'
      ? appendResultEvent(context, args, args.event)
      : insertEvent(context, args),
  readEvents: (args) => readEvents(context, args),
  lastOffset: ({ sessionId }) =>
    context.db.first(
      context.db.query
        .selectFrom('events')
        .select('offset')
        .where('session_id', '=', sessionId)
        .orderBy('offset', 'desc')
        .limit(1),
    )?.offset ?? 0,
  resultOf: (args) => resultOf(context, args),
});
