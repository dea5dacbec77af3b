/**
 * What a model reads in a turn before it answers: context, prompts, words of the host, and a result for
 * every call that got none.
 *
 * Rows have fixed places, so that a retry writes the same ones. What must stay true: no prompt is lost
 * because its turn was interrupted, and no request ever holds a call without its result, which
 * providers refuse.
 */
import { ApplicationFailure } from '@temporalio/common';

import { effectKeyOf, toolCallIdOf, type MessageId } from '../../workflows/protocol/ids.js';
import type { CallModelRequest, TurnRef } from '../../workflows/protocol/turn.js';
import type { SessionFacts } from '../sessions.js';
import type { EffectRow } from '../stores/effects-store.js';
import type { Store } from '../stores/store.js';
import {
  RESULT_INDEX,
  type TranscriptBody,
  type TranscriptRow,
} from '../stores/transcript-store.js';
import { hashResult } from '../arguments-hash.js';
import { callsOf } from './prompt.js';

const CONTEXT_INDEX = 0;
const PROMPT_INDEX = 1;
const NOTICE_INDEX = 50_000;

export interface InputDeps {
  readonly store: Store;
  now(): Date;
  contextBlock(session: SessionFacts): Promise<string>;
}

const inOrder = (rows: readonly TranscriptRow[]): readonly TranscriptRow[] =>
  [...rows].sort((a, b) => a.turn - b.turn || a.index - b.index);

/** Prompts of an interrupted turn come again with the next one; those that were read stay where they are. */
const unreadOf = (
  { turn, messages }: CallModelRequest,
  rows: readonly TranscriptRow[],
): readonly MessageId[] =>
  messages.filter(
    (id) =>
      !rows.some(
        (row) => row.turn < turn && row.body.kind === 'prompt' && row.body.messageId === id,
      ),
  );

const promptBodies = async (
  deps: InputDeps,
  request: CallModelRequest,
  rows: readonly TranscriptRow[],
): Promise<readonly TranscriptBody[]> => {
  const { sessionId, agent, turn } = request;
  const messages = unreadOf(request, rows);
  if (messages.length === 0) return [];
  const found = await deps.store.call('getMessages', { ids: messages });
  const texts = new Map(found.map(({ id, text }) => [id, text]));
  return messages.map((messageId) => {
    const text = texts.get(messageId);
    if (text !== undefined) return { kind: 'prompt', messageId, text };
    throw ApplicationFailure.create({
      type: 'SessionDamaged',
      message: `message ${messageId} of session ${sessionId} is not in the store (turn ${agent}.${turn}). Send the prompt again`,
      nonRetryable: true,
    });
  });
};

/** Inputs of this turn that are not in the transcript yet. */
const missingInputs = async (
  deps: InputDeps,
  request: CallModelRequest,
  session: SessionFacts,
  rows: readonly TranscriptRow[],
): Promise<readonly TranscriptRow[]> => {
  const at = deps.now().toISOString();
  const there = new Set(rows.filter((row) => row.turn === request.turn).map((row) => row.index));
  const rowsOf = (first: number, bodies: readonly TranscriptBody[]): readonly TranscriptRow[] =>
    bodies
      .map((body, offset) => ({ turn: request.turn, index: first + offset, at, body }))
      .filter((row) => !there.has(row.index));
  const notices = request.notices.map((text): TranscriptBody => ({ kind: 'notice', text }));
  const context: readonly TranscriptBody[] =
    rows.length === 0 ? [{ kind: 'context', text: await deps.contextBlock(session) }] : [];
  return [
    ...rowsOf(CONTEXT_INDEX, context),
    ...rowsOf(PROMPT_INDEX, await promptBodies(deps, request, rows)),
    ...rowsOf(NOTICE_INDEX, notices),
  ];
};

/** What became of a call that has no result; the ledger knows whether it had begun. */
const lostResult = (effect: EffectRow | null): { readonly text: string; isError: boolean } => {
  if (effect === null)
    return { text: 'Interrupted before it started; nothing was done.', isError: true };
  if (effect.text !== null) return { text: effect.text, isError: effect.isError };
  const since = effect.claimedAt;
  return {
    text: `Interrupted while it ran (begun ${since}): outcome unknown. Look before you do it again.`,
    isError: true,
  };
};

interface ResultCall extends TurnRef {
  readonly index: number;
  readonly tool: string;
  readonly text: string;
  readonly isError: boolean;
  readonly effect: EffectRow | null;
}

/** Stores a result that no tool gave, unless there is one by now. */
const storeResult = async (
  deps: Pick<InputDeps, 'store' | 'now'>,
  call: ResultCall,
): Promise<TranscriptRow> => {
  const { sessionId, agent, turn, index, tool, text, isError, effect } = call;
  const callId = toolCallIdOf(agent, turn, index);
  const resultHash = hashResult(text, isError);
  const flags = { interrupted: true, denied: false };
  const row: TranscriptRow = {
    turn,
    index: RESULT_INDEX + index,
    at: deps.now().toISOString(),
    body: { kind: 'result', callId, tool, text, isError, resultHash, ...flags },
  };
  const note = effect?.note ?? null;
  const isFresh = await deps.store.call('appendResult', { sessionId, agent, row, effect: note });
  if (isFresh) return row;
  return (await deps.store.call('readResult', { sessionId, agent, turn, call: index })) ?? row;
};

/** Gives every call of earlier turns that was left without a result one that says so. */
const repairResults = async (
  deps: InputDeps,
  { sessionId, agent, turn }: TurnRef,
  rows: readonly TranscriptRow[],
): Promise<readonly TranscriptRow[]> => {
  const there = new Set(rows.map((row) => `${row.turn}.${row.index}`));
  const lost = rows.flatMap((row) =>
    row.body.kind !== 'answer' || row.turn >= turn
      ? []
      : callsOf(row.body)
          .map(({ name }, index) => ({ turn: row.turn, index, tool: name }))
          .filter((call) => !there.has(`${call.turn}.${RESULT_INDEX + call.index}`)),
  );
  const repaired: TranscriptRow[] = [];
  for (const call of lost) {
    const callId = toolCallIdOf(agent, call.turn, call.index);
    const effect = await deps.store.call('getEffect', { key: effectKeyOf(sessionId, callId) });
    const result = { ...lostResult(effect), effect };
    repaired.push(await storeResult(deps, { sessionId, agent, ...call, ...result }));
  }
  return repaired;
};

/** Calls beyond what one turn may carry are answered instead of run. */
export const refuseCalls = async (
  deps: Pick<InputDeps, 'store' | 'now'>,
  ref: TurnRef,
  calls: readonly { readonly index: number; readonly tool: string }[],
  callsMax: number,
): Promise<void> => {
  const { sessionId, agent, turn } = ref;
  const text = `Not carried out: at most ${callsMax} calls fit in one turn. Ask for the rest again.`;
  for (const call of calls)
    await storeResult(deps, {
      ...{ sessionId, agent, turn, text, isError: true, effect: null },
      ...call,
    });
};

/** Writes what is missing and returns the whole transcript that the model is to read. */
export const recordInputs = async (
  deps: InputDeps,
  request: CallModelRequest,
  session: SessionFacts,
  rows: readonly TranscriptRow[],
): Promise<readonly TranscriptRow[]> => {
  const { sessionId, agent } = request;
  const [repaired, inputs] = await Promise.all([
    repairResults(deps, request, rows),
    missingInputs(deps, request, session, rows),
  ]);
  if (inputs.length > 0) await deps.store.call('appendInputs', { sessionId, agent, rows: inputs });
  return repaired.length + inputs.length === 0 ? rows : inOrder([...rows, ...repaired, ...inputs]);
};
