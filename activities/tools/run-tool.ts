/**
 * The only door from an agent to the machine: the gate has already said yes or no.
 *
 * Finds out what earlier attempts left (a stored result, a settled effect, an open claim) before it
 * plans anything itself. What must stay true: it may run any number of times for one call and the
 * world changes at most once; every call ends with exactly one stored result.
 */
import type { RunToolRequest, RunToolResult, TurnRef } from '../../workflows/protocol/turn.js';
import { isShutdown, type ActivityScope } from '../activity-scope.js';
import { noteAgentState } from '../agent-state.js';
import type { CarriedOut, EffectEnvironment } from '../effects/effect.js';
import type { ReachFault } from '../effects/faults.js';
import { carryOutFileChange, recoverFileChange } from '../effects/file-effect.js';
import type { ProcessEffects } from '../effects/process-effect.js';
import type { ReadSession, SessionFacts, TurnSignals } from '../sessions.js';
import type { EffectRow } from '../stores/effects-store.js';
import type { EffectNote, TranscriptRow } from '../stores/transcript-store.js';
import { readCall, type ParsedCall } from './call-arguments.js';
import { poisonOutcome, poisonResult, POISON_ATTEMPTS, POISON_DEATHS } from './poison.js';
import { recordResult, type CallResult } from './record-result.js';
import type { Tool } from './tool.js';
import { makeToolContext, type ToolContextDeps } from './tool-context.js';

export interface RunToolDeps extends ToolContextDeps {
  readonly readSession: ReadSession;
  readonly reachFault: ReachFault;
  readonly turnSignals: TurnSignals;
  readonly tools: readonly Tool[];
  readonly processes: ProcessEffects;
  /** Shows again what a person is still asked, now that this call has ended beside it. */
  showOpenQuestion(ref: TurnRef): Promise<void>;
  now(): Date;
}

interface Call {
  readonly deps: RunToolDeps;
  readonly request: RunToolRequest;
  readonly facts: SessionFacts;
  readonly signal: AbortSignal;
  readonly attempt: number;
}

const errorResult = (text: string): CallResult => ({
  text,
  isError: true,
  effect: null,
  interrupted: false,
  denied: false,
});

const INTERRUPT = new Error('the turn was interrupted');
const NOT_STARTED = 'Interrupted by the user before it started; nothing was done.';

const fromEffect = (carried: CarriedOut, effect: EffectNote['effect']): CallResult => {
  const { outcome, recovered } = carried;
  return {
    ...errorResult(outcome.text),
    isError: outcome.isError,
    effect: { ...outcome.note, effect, recovered },
  };
};

/** What a settled row says, told again. */
const fromRow = (row: EffectRow): CallResult => ({
  ...errorResult(row.text ?? ''),
  isError: row.isError,
  effect: row.note ? { ...row.note, recovered: true } : null,
});

const environmentOf = (call: Call, tool: Tool, input: unknown): EffectEnvironment => {
  const { deps, facts, request, signal } = call;
  return {
    store: deps.store,
    reachFault: deps.reachFault,
    tool,
    input,
    context: makeToolContext(deps, facts, request, signal),
    now: () => deps.now().toISOString(),
  };
};

/** Ends what still runs of a command that outlived too many daemons; how far it came is unknown. */
const endPoison = async ({ deps }: Call, row: EffectRow): Promise<CallResult> => {
  await deps.processes.endProcess(row);
  const outcome = poisonOutcome(row, deps.now().toISOString());
  return fromRow(await deps.store.call('settleEffect', { key: row.key, outcome }));
};

const recover = async (call: Call, row: EffectRow, env: EffectEnvironment): Promise<CallResult> => {
  if (row.state !== 'claimed') return fromRow(row);
  // A file says by itself what happened to it, however many daemons died beside it.
  if (row.claim.kind === 'file') return fromEffect(await recoverFileChange(row, env), row.effect);
  if (row.deaths >= POISON_DEATHS) return endPoison(call, row);
  return fromEffect(await call.deps.processes.recover(row, env), row.effect);
};

const begin = async ({ deps }: Call, env: EffectEnvironment): Promise<CallResult> => {
  const plan = await env.tool.plan(env.input, env.context);
  if (plan.kind === 'answer') return { ...errorResult(plan.text), isError: plan.isError };
  // The tree as it was before the session's first effect: what a commit compares with.
  await env.context.baseTree?.();
  const effect = env.tool.effect(env.input) === 'opaque' ? 'opaque' : 'reconcilable';
  const carried =
    plan.kind === 'file'
      ? await carryOutFileChange(plan, env)
      : await deps.processes.carryOut(plan, env);
  return fromEffect(carried, effect);
};

const perform = async (call: Call, parsed: ParsedCall): Promise<CallResult> => {
  if (parsed.kind === 'refused') return errorResult(parsed.reason);
  const env = environmentOf(call, parsed.tool, parsed.input);
  const row = await call.deps.store.call('getEffect', { key: env.context.effectKey });
  if (row) return recover(call, row, env);
  if (call.signal.aborted) return errorResult(NOT_STARTED);
  if (call.attempt > POISON_ATTEMPTS) return errorResult(poisonResult(parsed.tool.name));
  return begin(call, env);
};

/** Does or denies the call. Throws when this attempt is abandoned. */
const settle = async (call: Call): Promise<CallResult> => {
  const { deps, request, signal } = call;
  if (request.gate.kind === 'denied') return { ...errorResult(request.gate.reason), denied: true };
  const parsed = await readCall(deps.store, deps.tools, request);
  const result = await perform(call, parsed);
  if (isShutdown(signal.reason)) throw signal.reason;
  return { ...result, interrupted: signal.aborted };
};

const storedResult = (row: TranscriptRow | null, index: number): RunToolResult | null => {
  if (row?.body.kind !== 'result') return null;
  const { isError, resultHash, interrupted } = row.body;
  return { index, isError, resultHash, interrupted };
};

export const makeRunTool =
  (deps: RunToolDeps) =>
  async (request: RunToolRequest, scope: ActivityScope): Promise<RunToolResult> => {
    const { sessionId, agent, turn, call } = request;
    const place = { sessionId, agent, turn, call: call.index };
    const stored = storedResult(await deps.store.call('readResult', place), call.index);
    if (stored) return stored;
    const turnSignal = deps.turnSignals.signalOf(request, scope.runId);
    const asked = request.interrupted ? [AbortSignal.abort(INTERRUPT)] : [];
    const signal = AbortSignal.any([...asked, scope.signal, turnSignal.signal]);
    try {
      const facts = await deps.readSession(sessionId);
      const note = { state: 'tool', tool: call.name, model: facts.model } as const;
      const [result] = await Promise.all([
        settle({ deps, request, facts, signal, attempt: scope.attempt }),
        // For screens: the tool does not wait for it.
        noteAgentState(deps, request, note),
      ]);
      const recorded = await recordResult(deps, request, facts, result);
      // Where everything is allowed there are no questions to come back to.
      if (request.permissionMode !== 'bypass') await deps.showOpenQuestion(request);
      return recorded;
    } finally {
      turnSignal.release();
    }
  };
