/**
 * The append-only record of an agent: prompts, answers, tool results, words of the host.
 *
 * A row is keyed by (session, agent, turn, index): appending it twice is one row. Screens read here,
 * workflows never do. Order within a turn: what the model read (0 …), its answer (`ANSWER_INDEX`),
 * the results of its calls (`RESULT_INDEX` + index of the call): results keep the model's order
 * however they came in.
 */
import type { AnswerBlock, Usage } from '../../workflows/protocol/events.js';
import { agentNameOf, turnIdOf, type ToolCallId } from '../../workflows/protocol/ids.js';
import { noteProgress } from './agents-store.js';
import { insertEvent } from './event-rows.js';
import type { StoreContext } from './store-context.js';
import { insertUsage, type UsageRow } from './usage-store.js';

export const ANSWER_INDEX = 100_000;
export const RESULT_INDEX = 200_000;

export type TranscriptBody =
  | { readonly kind: 'context'; readonly text: string }
  | { readonly kind: 'prompt'; readonly messageId: string; readonly text: string }
  | { readonly kind: 'notice'; readonly text: string }
  | {
      readonly kind: 'answer';
      readonly model: string;
      readonly blocks: readonly AnswerBlock[];
      readonly stopReason: string | null;
      readonly usage: Usage | null;
      /** The provider's own message, word for word, for the same model; null when there is none. */
      readonly native: unknown;
    }
  | {
      readonly kind: 'result';
      readonly callId: string;
      readonly tool: string;
      readonly text: string;
      readonly isError: boolean;
      /** SHA-256 of text and isError. */
      readonly resultHash: string;
      readonly interrupted: boolean;
      /** True when the gate refused the call. */
      readonly denied: boolean;
    };

export interface TranscriptRow {
  readonly turn: number;
  readonly index: number;
  readonly at: string;
  readonly body: TranscriptBody;
}

export interface AgentRef {
  readonly sessionId: string;
  readonly agent: string;
}

/** What a settled tool call tells the event stream. */
export interface EffectNote {
  readonly effect: 'reconcilable' | 'opaque';
  readonly outcome: 'applied' | 'failed' | 'unknown';
  readonly recovered: boolean;
  readonly paths: readonly string[];
  /** Commit made by the call; null when none. */
  readonly commit: string | null;
}

export interface TranscriptOperations {
  /** Inputs of a turn (context, prompts, notices), each with its event; rows that are there stay as they are. */
  appendInputs(args: AgentRef & { readonly rows: readonly TranscriptRow[] }): void;
  /** The answer of a turn with its event and its usage row, in one transaction. False when there was one already. */
  appendAnswer(args: AgentRef & { readonly row: TranscriptRow; readonly usage: UsageRow }): boolean;
  /** The result of a call with its `tool_result` and `effect` events. False when there was one already. */
  appendResult(
    args: AgentRef & { readonly row: TranscriptRow; readonly effect: EffectNote | null },
  ): boolean;
  readTranscript(args: AgentRef): readonly TranscriptRow[];
  readAnswer(args: AgentRef & { readonly turn: number }): TranscriptRow | null;
  readResult(
    args: AgentRef & { readonly turn: number; readonly call: number },
  ): TranscriptRow | null;
  /** Highest turn that has a row; 0 when there is none. */
  lastTurn(args: AgentRef): number;
  /** Answers stored for this agent so far (the scripted model's only counter). */
  countAnswers(args: AgentRef): number;
  /** Distinct paths of applied effects and commits made, over the turns from `fromTurn` on. */
  changesSince(args: AgentRef & { readonly fromTurn: number }): {
    readonly paths: readonly string[];
    readonly commits: readonly string[];
  };
}

type RowArgs = AgentRef & { readonly row: TranscriptRow; readonly effect: EffectNote | null };

/** False when the place was taken: the row that is there stays. */
const insertRow = ({ db }: StoreContext, args: RowArgs): boolean => {
  const { turn, index, at, body } = args.row;
  const { native, ...rest } = { native: null, ...body };
  const insert = db.query.insertInto('transcript').values({
    session_id: args.sessionId,
    agent: args.agent,
    turn,
    row_index: index,
    at,
    kind: body.kind,
    body: JSON.stringify(rest),
    native: native === null || native === undefined ? null : JSON.stringify(native),
    effect: args.effect === null ? null : JSON.stringify(args.effect),
  });
  return db.change(insert.onConflict((conflict) => conflict.doNothing())) > 0;
};

/** Context is for the model alone: it makes no event. */
const appendInput = (context: StoreContext, ref: AgentRef, row: TranscriptRow): void => {
  const { sessionId, agent } = ref;
  const { turn, index, at, body } = row;
  if (!insertRow(context, { sessionId, agent, row, effect: null })) return;
  if (body.kind !== 'prompt' && body.kind !== 'notice') return;
  const place = `${turnIdOf(agentNameOf(agent), turn)}.${index}`;
  const key = body.kind === 'prompt' ? `prompt/${body.messageId}` : `notice/${place}`;
  insertEvent(context, { sessionId, key, at, kind: body.kind, agent, bodyAt: { turn, index } });
};

/** Row, usage, cost and event in one transaction: an answer is never stored unpaid, or paid twice. */
const appendAnswer = (
  context: StoreContext,
  args: Parameters<TranscriptOperations['appendAnswer']>[0],
): boolean => {
  const { sessionId, agent, row, usage } = args;
  const { turn, index, at } = row;
  if (!insertRow(context, { sessionId, agent, row, effect: null })) return false;
  insertUsage(context, { sessionId, agent, turn }, at, usage);
  noteProgress(context, { sessionId, agent, at, costUsd: usage.costUsd ?? 0 });
  const key = `answer/${turnIdOf(agentNameOf(agent), turn)}`;
  insertEvent(context, { sessionId, key, at, kind: 'answer', agent, bodyAt: { turn, index } });
  return true;
};

/** The result first, then its effect: screens show them in that order. */
const appendResult = (
  context: StoreContext,
  args: Parameters<TranscriptOperations['appendResult']>[0],
): boolean => {
  const { sessionId, agent, row, effect } = args;
  const { turn, index, at } = row;
  const callId = `${turnIdOf(agentNameOf(agent), turn)}.${index - RESULT_INDEX}` as ToolCallId;
  if (!insertRow(context, args)) return false;
  noteProgress(context, { sessionId, agent, at, costUsd: 0 });
  const told = { sessionId, key: `result/${callId}`, at };
  insertEvent(context, { ...told, kind: 'tool_result', agent, bodyAt: { turn, index } });
  if (effect === null) return true;
  const { commit: _, ...shown } = effect;
  insertEvent(context, {
    sessionId,
    key: `effect/${callId}`,
    at,
    event: { kind: 'effect', agent: agentNameOf(agent), callId, ...shown },
  });
  return true;
};

const selectRows = ({ db }: StoreContext, { sessionId, agent }: AgentRef) =>
  db.query
    .selectFrom('transcript')
    .select(['turn', 'row_index', 'at', 'body', 'native'])
    .where('session_id', '=', sessionId)
    .where('agent', '=', agent);

interface RowColumns {
  readonly turn: number;
  readonly row_index: number;
  readonly at: string;
  readonly body: string;
  readonly native: string | null;
}

const fromRow = (row: RowColumns): TranscriptRow => {
  const body = JSON.parse(row.body) as TranscriptBody;
  const native = row.native === null ? null : (JSON.parse(row.native) as unknown);
  return {
    turn: row.turn,
    index: row.row_index,
    at: row.at,
    body: body.kind === 'answer' ? { ...body, native } : body,
  };
};

const readOne = (
  context: StoreContext,
  ref: AgentRef,
  turn: number,
  index: number,
): TranscriptRow | null => {
  const place = selectRows(context, ref).where('turn', '=', turn).where('row_index', '=', index);
  const row = context.db.first(place);
  return row ? fromRow(row) : null;
};

/** Read from the notes kept with the results, so that it says what the stream said. */
const changesSince = (
  { db }: StoreContext,
  { sessionId, agent, fromTurn }: Parameters<TranscriptOperations['changesSince']>[0],
): ReturnType<TranscriptOperations['changesSince']> => {
  const notes = db
    .rows(
      db.query
        .selectFrom('transcript')
        .select('effect')
        .where('session_id', '=', sessionId)
        .where('agent', '=', agent)
        .where('turn', '>=', fromTurn)
        .where('effect', 'is not', null)
        .orderBy('turn')
        .orderBy('row_index'),
    )
    .map((row) => JSON.parse(row.effect ?? 'null') as EffectNote)
    .filter((note) => note.outcome === 'applied');
  return {
    paths: [...new Set(notes.flatMap((note) => note.paths))],
    commits: [...new Set(notes.flatMap((note) => note.commit ?? []))],
  };
};

export const transcriptOperations = (context: StoreContext): TranscriptOperations => {
  const { db } = context;
  return {
    appendInputs: ({ rows, ...ref }) => {
      for (const row of rows) appendInput(context, ref, row);
    },
    appendAnswer: (args) => appendAnswer(context, args),
    appendResult: (args) => appendResult(context, args),
    readTranscript: (ref) =>
      db.rows(selectRows(context, ref).orderBy('turn').orderBy('row_index')).map(fromRow),
    readAnswer: ({ turn, ...ref }) => readOne(context, ref, turn, ANSWER_INDEX),
    readResult: ({ turn, call, ...ref }) => readOne(context, ref, turn, RESULT_INDEX + call),
    lastTurn: (ref) =>
      db.first(selectRows(context, ref).orderBy('turn', 'desc').limit(1))?.turn ?? 0,
    countAnswers: ({ sessionId, agent }) =>
      db.first(
        db.query
          .selectFrom('usage')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .where('session_id', '=', sessionId)
          .where('agent', '=', agent),
      )?.count ?? 0,
    changesSince: (args) => changesSince(context, args),
  };
};
