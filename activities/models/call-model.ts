/**
 * One model call of a turn: record what the model is to read, ask it, store its answer.
 *
 * It may run any number of times for one turn. What must stay true: a stored answer is returned and
 * never bought again; what was cut, interrupted or empty is never stored; a whole answer that was paid
 * for always is.
 */
import type { CallModelRequest, CallModelResult, TurnRef } from '../../workflows/protocol/turn.js';
import { turnIdOf } from '../../workflows/protocol/ids.js';
import { isShutdown, type ActivityScope } from '../activity-scope.js';
import { noteAgentState } from '../agent-state.js';
import type { ReachFault } from '../effects/faults.js';
import type { PublishDelta, ReadSession, SessionFacts, TurnSignals } from '../sessions.js';
import type { Store } from '../stores/store.js';
import {
  ANSWER_INDEX,
  type TranscriptBody,
  type TranscriptRow,
} from '../stores/transcript-store.js';
import type { Tool } from '../tools/tool.js';
import { answerRow, CALLS_MAX, excessCalls, summariesOf } from './answer-row.js';
import { exhausted, failureOf } from './model-failures.js';
import { usageRowOf } from './pricing.js';
import { conversationOf, toolDefinitions } from './prompt.js';
import { isModelError, ModelError, type ModelAnswer, type ModelRequest } from './provider.js';
import { findSeat, type Seat } from './providers.js';
import { SYSTEM_TEXT } from './system-text.js';
import { recordInputs, refuseCalls } from './turn-inputs.js';

export interface CallModelDeps {
  readonly store: Store;
  readonly readSession: ReadSession;
  readonly reachFault: ReachFault;
  readonly publishDelta: PublishDelta;
  readonly turnSignals: TurnSignals;
  readonly tools: readonly Tool[];
  /** Folders of scripts for the scripted model, the first one that has a script wins. */
  readonly scriptsDir: readonly string[];
  now(): Date;
  contextBlock(session: SessionFacts): Promise<string>;
}

type AnswerBody = Extract<TranscriptBody, { readonly kind: 'answer' }>;

/** A call on its way, with everything that was looked up for it. */
interface Call {
  readonly request: CallModelRequest;
  readonly attempt: number;
  readonly session: SessionFacts;
  readonly rows: readonly TranscriptRow[];
  readonly signal: AbortSignal;
}

const INTERRUPTED: CallModelResult = { kind: 'interrupted', calls: [], costUsd: null };

const answerIn = (rows: readonly TranscriptRow[], turn: number): AnswerBody | null => {
  const body = rows.find((row) => row.turn === turn && row.index === ANSWER_INDEX)?.body;
  return body?.kind === 'answer' ? body : null;
};

const answered = async (
  deps: CallModelDeps,
  ref: TurnRef,
  body: AnswerBody,
  costUsd: number | null,
): Promise<CallModelResult> => {
  await refuseCalls(deps, ref, excessCalls(body), CALLS_MAX);
  return { kind: 'answered', calls: summariesOf(body, deps.tools), costUsd };
};

/** The answer that an earlier attempt stored; it is of the last turn, so the sum is its own cost. */
const storedResult = async (
  deps: CallModelDeps,
  ref: TurnRef,
  body: AnswerBody,
): Promise<CallModelResult> => {
  const { sessionId, agent, turn } = ref;
  const sums = await deps.store.call('sumUsage', { sessionId, agent, fromTurn: turn });
  return answered(deps, ref, body, sums.costUsd);
};

const buildRequest = (
  deps: CallModelDeps,
  { request, rows, session, signal }: Call,
  seat: Seat,
): Omit<ModelRequest, 'onText'> => ({
  model: seat.model,
  system: SYSTEM_TEXT,
  tools: toolDefinitions(deps.tools),
  outputTokensMax: seat.outputTokensMax,
  messages: conversationOf(rows, request.model),
  idempotencyKey: `${request.sessionId}/${turnIdOf(request.agent, request.turn)}`,
  stallMs: session.secrets.limits.modelStallMs,
  signal,
});

/** Asks once. A fault that throws in the stream ends the request and is thrown as it is. */
const ask = async (
  deps: CallModelDeps,
  call: Call,
  seat: Seat,
  asked: Omit<ModelRequest, 'onText'>,
): Promise<ModelAnswer> => {
  const { sessionId, agent, turn } = call.request;
  const broken = new AbortController();
  let isStreaming = false;
  const reachStream = (): void => {
    if (isStreaming) return;
    isStreaming = true;
    deps.reachFault('model.in-stream');
  };
  const onText = (text: string): void => {
    if (broken.signal.aborted) return;
    deps.publishDelta(sessionId, { kind: 'delta', agent, turn, attempt: call.attempt, text });
    try {
      reachStream();
    } catch (error) {
      broken.abort(error);
    }
  };
  const signal = AbortSignal.any([asked.signal, broken.signal]);
  deps.reachFault('model.before-request');
  try {
    const answer = await seat.provider.answer({ ...asked, signal, onText });
    if (broken.signal.aborted) throw broken.signal.reason;
    reachStream();
    if (answer.text.trim() === '' && answer.calls.length === 0)
      throw new ModelError('unavailable', 'empty reply', 'the model sent neither text nor calls');
    return answer;
  } catch (error) {
    if (broken.signal.aborted) throw broken.signal.reason;
    throw error;
  }
};

const storeAnswer = async (
  deps: CallModelDeps,
  { request }: Call,
  answer: ModelAnswer,
  usage: ReturnType<typeof usageRowOf>,
): Promise<CallModelResult> => {
  const { sessionId, agent, turn, model } = request;
  const row = answerRow(request, model, answer, deps.now().toISOString());
  const isFirst = await deps.store.call('appendAnswer', { sessionId, agent, row, usage });
  deps.reachFault('model.after-store');
  if (isFirst) return answered(deps, request, row.body as AnswerBody, usage.costUsd);
  const stored = await deps.store.call('readAnswer', { sessionId, agent, turn });
  return storedResult(deps, request, (stored ?? row).body as AnswerBody);
};

const perform = async (deps: CallModelDeps, call: Call, failures: number) => {
  const { request, session, rows, signal } = call;
  let seat: Seat | null = null;
  try {
    const answers = rows.filter((row) => row.body.kind === 'answer').length;
    const position = { agent: request.agent, answers, failures, project: session.project };
    seat = await findSeat(request.model, session.secrets, deps.scriptsDir, position);
    const asked = buildRequest(deps, call, seat);
    const startedAt = performance.now();
    const answer = await ask(deps, call, seat, asked);
    const durationMs = performance.now() - startedAt;
    const { model } = request;
    const bill = { model, request: { ...asked, onText: () => undefined }, answer, durationMs };
    return await storeAnswer(deps, call, answer, usageRowOf({ ...bill, price: seat.price }));
  } catch (error) {
    if (!isModelError(error)) throw error;
    if (isShutdown(signal.reason)) throw signal.reason;
    if (signal.aborted) return INTERRUPTED;
    throw await failureOf(deps, { request, session, seat }, error);
  }
};

export const makeCallModel =
  (deps: CallModelDeps) =>
  async (request: CallModelRequest, scope: ActivityScope): Promise<CallModelResult> => {
    const { sessionId, agent, turn, model } = request;
    const interrupts = deps.turnSignals.signalOf(request, scope.runId);
    try {
      const signal = AbortSignal.any([scope.signal, interrupts.signal]);
      const [rows, failures, session] = await Promise.all([
        deps.store.call('readTranscript', { sessionId, agent }),
        deps.store.call('modelFailures', { sessionId, agent, turn }),
        deps.readSession(sessionId),
      ]);
      const stored = answerIn(rows, turn);
      if (stored) return await storedResult(deps, request, stored);
      // For screens: the model is not kept waiting for it.
      const noted = noteAgentState(deps, request, { state: 'thinking', model });
      noted.catch(() => undefined);
      const transcript = await recordInputs(deps, request, session, rows);
      if (isShutdown(signal.reason)) throw signal.reason;
      if (signal.aborted) return INTERRUPTED;
      if (failures >= session.secrets.limits.modelAttempts)
        throw exhausted(request, failures, null);
      const { attempt } = scope;
      const call = { request, attempt, session, rows: transcript, signal };
      const result = await perform(deps, call, failures);
      await noted;
      return result;
    } finally {
      interrupts.release();
    }
  };
