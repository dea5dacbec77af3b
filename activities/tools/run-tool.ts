/**
 * The only door from an agent to the machine: the gate has already said yes or no.
 *
 * Finds out what earlier attempts left (a stored result, a settled effect, an open claim) before it
 * plans anything itself. What must stay true: it may run any number of times for one call and the
 * world changes at most once; every call ends with exactly one stored result.
 */
import type { RunToolRequest, RunToolResult } from '../../workflows/protocol/turn.js';
import { toolCallIdOf, type ToolCallId } from '../../workflows/protocol/ids.js';
import { isShutdown, type ActivityScope } from '../activity-scope.js';
import { noteAgentState } from '../agent-state.js';
import type { CarriedOut, EffectEnvironment } from '../effects/effect.js';
import type { ReachFault } from '../effects/faults.js';
import { carryOutFileChange, recoverFileChange } from '../effects/file-effect.js';
import type { ProcessEffects } from '../effects/process-effect.js';
import type { ReadSession, SessionFacts, TurnSignals } from '../sessions.js';
import type { EffectRow } from '../stores/effects-store.js';
import type { Store } from '../stores/store.js';
import type { EffectNote } from '../stores/transcript-store.js';
import { readCall, type ParsedCall } from './call-arguments.js';
import { poisonOutcome, poisonResult, POISON_ATTEMPTS, POISON_DEATHS } from './poison.js';
import { recordResult, type CallResult } from './record-result.js';
import type { Tool } from './tool.js';
import { makeToolContext } from './tool-context.js';

export interface RunToolDeps {
  readonly store: Store;
  readonly readSession: ReadSession;
  readonly reachFault: ReachFault;
  readonly turnSignals: TurnSignals;
  readonly tools: readonly Tool[];
  readonly processes: ProcessEffects;
  /** Folder for outputs too long to show; one below it per session. */
  readonly scratchDir: string;
  now(): Date;
}

interface Call {
  readonly request: RunToolRequest;
  readonly callId: ToolCallId;
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

const INTERRUPTED: CallResult = {
  ...errorResult('Interrupted by the user before it started; nothing was done.'),
  interrupted: true,
};

const fromEffect = (carried: CarriedOut, kind: EffectNote['effect']): CallResult => {
  const { outcome, recovered } = carried;
  const effect = { ...outcome.note, effect: kind, recovered };
  return {
    text: outcome.text,
    isError: outcome.isError,
    effect,
    interrupted: false,
    denied: false,
  };
};

/** What a settled row says, told again. */
const fromRow = (row: EffectRow): CallResult => ({
  ...errorResult(row.text ?? ''),
  isError: row.isError,
  effect: row.note ? { ...row.note, recovered: true } : null,
});

export const makeRunTool = (deps: RunToolDeps) => {
  const environmentOf = (call: Call, tool: Tool, input: unknown): EffectEnvironment => ({
    store: deps.store,
    reachFault: deps.reachFault,
    tool,
    input,
    context: makeToolContext(deps, call.facts, call.request, call.signal),
    now: () => deps.now().toISOString(),
  });

  const recover = async (row: EffectRow, env: EffectEnvironment): Promise<CallResult> => {
    if (row.state !== 'claimed') return fromRow(row);
    if (row.deaths >= POISON_DEATHS) {
      if (row.claim.kind === 'process') await deps.processes.endProcess(row);
      const settled = await deps.store.call('settleEffect', {
        key: row.key,
        outcome: poisonOutcome(row, env.now()),
      });
      return fromRow(settled);
    }
    const carried =
      row.claim.kind === 'file'
        ? await recoverFileChange(row, env)
        : await deps.processes.recover(row, env);
    return fromEffect(carried, row.effect);
  };

  const begin = async (env: EffectEnvironment): Promise<CallResult> => {
    const plan = await env.tool.plan(env.input, env.context);
    if (plan.kind === 'answer') return { ...errorResult(plan.text), isError: plan.isError };
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
    const row = await deps.store.call('getEffect', { key: env.context.effectKey });
    if (row) return recover(row, env);
    if (call.signal.aborted) return INTERRUPTED;
    if (call.attempt > POISON_ATTEMPTS) return errorResult(poisonResult(parsed.tool.name));
    return begin(env);
  };

  /** Does or denies the call. Throws when this attempt is abandoned. */
  const settle = async (call: Call): Promise<CallResult> => {
    const { gate } = call.request;
    if (gate.kind === 'denied') return { ...errorResult(gate.reason), denied: true };
    const parsed = await readCall(deps.store, deps.tools, call.request);
    const result = await perform(call, parsed);
    if (isShutdown(call.signal.reason)) throw call.signal.reason;
    return call.signal.aborted ? { ...result, interrupted: true } : result;
  };

  return async (request: RunToolRequest, scope: ActivityScope): Promise<RunToolResult> => {
    const { sessionId, agent, turn, call } = request;
    const stored = await deps.store.call('readResult', {
      sessionId,
      agent,
      turn,
      call: call.index,
    });
    if (stored?.body.kind === 'result') {
      const { isError, resultHash, interrupted } = stored.body;
      return { index: call.index, isError, resultHash, interrupted };
    }
    const facts = await deps.readSession(sessionId);
    await noteAgentState(deps, request, { state: 'tool', tool: call.name, model: facts.model });
    const turnSignal = deps.turnSignals.signalOf(sessionId, agent);
    const signal = AbortSignal.any([scope.signal, turnSignal.signal]);
    try {
      const callId = toolCallIdOf(agent, turn, call.index);
      const result = await settle({ request, callId, facts, signal, attempt: scope.attempt });
      return await recordResult(deps, request, facts, result);
    } finally {
      turnSignal.release();
    }
  };
};
