/**
 * Writing and reading rows of the event stream; used by every operation that has something to tell.
 *
 * An event of a transcript row holds the row's place and no body. What must stay true: an event is
 * written in the transaction of the row it tells of, once per (session, key), and its uuid depends on
 * these two alone.
 */
import { createHash } from 'node:crypto';

import type { SessionEvent, StoredEvent } from '../../workflows/protocol/events.js';
import { agentNameOf, messageIdOf, type ToolCallId } from '../../workflows/protocol/ids.js';
import type { StoreContext } from './store-context.js';
import type { TranscriptBody } from './transcript-store.js';

interface EventPlace {
  readonly sessionId: string;
  readonly key: string;
  readonly at: string;
}

interface BodyPlace {
  readonly turn: number;
  readonly index: number;
}

/** An event of its own, or the place of the transcript row that has the body. */
type EventContent =
  | { readonly event: SessionEvent }
  | { readonly agent: string; readonly kind: SessionEvent['kind']; readonly bodyAt: BodyPlace };

const columnsOf = (content: EventContent) =>
  'event' in content
    ? {
        kind: content.event.kind,
        agent: content.event.agent,
        turn: null,
        row_index: null,
        body: JSON.stringify(content.event),
      }
    : {
        kind: content.kind,
        agent: content.agent,
        turn: content.bodyAt.turn,
        row_index: content.bodyAt.index,
        body: null,
      };

/** Undefined when the session has no event of that key. */
export const offsetOfKey = (
  { db }: StoreContext,
  sessionId: string,
  key: string,
): number | undefined =>
  db.first(
    db.query
      .selectFrom('events')
      .select('offset')
      .where('session_id', '=', sessionId)
      .where('key', '=', key),
  )?.offset;

/** Returns the offset of the row, new or old. */
export const insertEvent = (context: StoreContext, args: EventPlace & EventContent): number => {
  const { db, notes } = context;
  const { sessionId, key, at } = args;
  const added = db.first(
    db.query
      .insertInto('events')
      .values({ session_id: sessionId, key, at, ...columnsOf(args) })
      .onConflict((conflict) => conflict.columns(['session_id', 'key']).doNothing())
      .returning('offset'),
  );
  if (!added) return offsetOfKey(context, sessionId, key) ?? 0;
  notes.events.push({ sessionId, offset: added.offset });
  return added.offset;
};

/** UUID-shaped (version 8): the same line after a reconnect, whoever reads it. */
export const eventUuid = (sessionId: string, key: string): string => {
  const hash = createHash('sha256').update(`${sessionId}\0${key}`).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return [...parts, hex.slice(20, 32)].join('-');
};

/** What a transcript row shows of itself; the provider's own message stays behind. */
const eventOfBody = (agentText: string, turn: number, body: TranscriptBody): SessionEvent => {
  const agent = agentNameOf(agentText);
  switch (body.kind) {
    case 'prompt':
      return { kind: 'prompt', agent, messageId: messageIdOf(body.messageId), text: body.text };
    case 'answer': {
      const { model, blocks, usage, stopReason } = body;
      return { kind: 'answer', agent, turn, model, blocks, usage, stopReason };
    }
    case 'result': {
      const { text, isError } = body;
      return { kind: 'tool_result', agent, turn, callId: body.callId as ToolCallId, text, isError };
    }
    case 'notice':
    case 'context':
      return { kind: 'notice', agent, text: body.text };
  }
};

/** Events with their transcript bodies beside them; narrow it down, then give the rows to `toEvent`. */
export const selectEvents = ({ db }: StoreContext) =>
  db.query
    .selectFrom('events')
    .leftJoin('transcript', (join) =>
      join
        .onRef('transcript.session_id', '=', 'events.session_id')
        .onRef('transcript.agent', '=', 'events.agent')
        .onRef('transcript.turn', '=', 'events.turn')
        .onRef('transcript.row_index', '=', 'events.row_index'),
    )
    .select([
      'events.offset',
      'events.session_id',
      'events.key',
      'events.at',
      'events.agent',
      'events.turn',
      'events.body',
      'transcript.body as transcript_body',
    ]);

interface JoinedRow {
  readonly offset: number;
  readonly session_id: string;
  readonly key: string;
  readonly at: string;
  readonly agent: string;
  readonly turn: number | null;
  readonly body: string | null;
  readonly transcript_body: string | null;
}

export const toEvent = (row: JoinedRow): StoredEvent => ({
  offset: row.offset,
  uuid: eventUuid(row.session_id, row.key),
  at: row.at,
  event:
    row.body === null
      ? eventOfBody(
          row.agent,
          row.turn ?? 0,
          JSON.parse(row.transcript_body ?? 'null') as TranscriptBody,
        )
      : (JSON.parse(row.body) as SessionEvent),
});
