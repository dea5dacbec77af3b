/**
 * One turn: one model answer and the tool calls it asked for, each passed by the gate.
 *
 * Results keep the model's order even when tools run together. What must stay true: a turn that is
 * cancelled ends as `interrupted` after its activities have said how far they came; only failures of
 * the closed list end a turn as `failed`, everything else fails the workflow task and waits for a fix.
 */
import { CancellationScope, isCancellation, patched } from '@temporalio/workflow';

import { quickActivities, worldActivities } from '../activity-proxies.js';
import type { FailureType } from '../protocol/failures.js';
import { FAILURES } from '../protocol/failures.js';
import type { RunToolRequest, RunToolResult, ToolCallSummary, TurnRef } from '../protocol/turn.js';
import { passGate, type GateHost } from './gate.js';
import { performInOrder } from './overlap.js';
import type { TurnInput } from './state.js';

export type TurnEnd =
  | { readonly kind: 'answered'; readonly costUsd: number | null }
  | {
      readonly kind: 'called';
      readonly costUsd: number | null;
      readonly calls: readonly ToolCallSummary[];
      readonly results: readonly RunToolResult[];
    }
  /** `isRead`: the model's side has the prompts of this turn in its transcript. */
  | {
      readonly kind: 'interrupted';
      readonly isRead: boolean;
      /** Of an answer that was whole before. */
      readonly costUsd: number | null;
    }
  | { readonly kind: 'failed'; readonly type: FailureType; readonly message: string };

/** Sessions begun by older builds edit one file by two names at once. */
const ONE_FILE_BY_TWO_PATHS = 'one-file-by-two-paths';

const isTurnCancelled = (): boolean => CancellationScope.current().consideredCancelled;

/** Null when it was not quick after all, or this worker would rather not: the ordinary way is left. */
const runQuickly = async (
  request: RunToolRequest,
  summary: string,
): Promise<RunToolResult | null> => {
  try {
    return await quickActivities.runTool.executeWithOptions({ summary }, [request]);
  } catch (error) {
    if (isCancellation(error) || isTurnCancelled()) throw error;
    return null;
  }
};

const runOne = async (
  host: GateHost,
  turn: TurnRef,
  call: ToolCallSummary,
): Promise<RunToolResult> => {
  const gate = await passGate(host, turn, call);
  const summary = `${call.name} ${call.subject}`.slice(0, 180);
  const permissionMode = host.carry.settings.permissionMode;
  const request = { ...turn, call, gate, permissionMode };
  const run = (interrupted: boolean): Promise<RunToolResult> =>
    worldActivities.runTool.executeWithOptions({ summary }, [{ ...request, interrupted }]);
  try {
    const quick = call.isQuick
      ? await runQuickly({ ...request, interrupted: false }, summary)
      : null;
    return quick ?? (await run(false));
  } catch (error) {
    if (isCancellation(error) || !isTurnCancelled()) throw error;
    // Its worker died after the cancel was asked for, and then Temporal does not try again: somebody
    // must still end what runs and find out how far it came.
    return CancellationScope.nonCancellable(() => run(true));
  }
};

const think = async (host: GateHost, turn: TurnRef, input: TurnInput): Promise<TurnEnd> => {
  const { model } = host.carry;
  const summary = `turn ${turn.turn}: ${model}`.slice(0, 180);
  const answer = await worldActivities.callModel.executeWithOptions({ summary }, [
    { ...turn, model, messages: input.messages, notices: input.notices },
  ]);
  const { calls, costUsd } = answer;
  if (answer.kind === 'interrupted') return { kind: 'interrupted', isRead: true, costUsd };
  if (calls.length === 0) return { kind: 'answered', costUsd };
  const results = await performInOrder(
    calls,
    (call) => runOne(host, turn, call),
    () => patched(ONE_FILE_BY_TWO_PATHS),
  );
  return isTurnCancelled() || results.some((result) => result.interrupted)
    ? { kind: 'interrupted', isRead: true, costUsd }
    : { kind: 'called', costUsd, calls, results };
};

/** The failure an activity handed over, when it is one of the closed list; null otherwise. */
const knownFailure = (error: unknown): TurnEnd | null => {
  if (!(error instanceof Error) || error.name !== 'ActivityFailure') return null;
  const cause = error.cause as { readonly type?: string; readonly message?: string } | undefined;
  const type = (Object.keys(FAILURES) as FailureType[]).find((known) => known === cause?.type);
  return type === undefined ? null : { kind: 'failed', type, message: cause?.message ?? type };
};

export const takeTurn = async (
  host: GateHost,
  turn: TurnRef,
  input: TurnInput,
): Promise<TurnEnd> => {
  try {
    return await think(host, turn, input);
  } catch (error) {
    if (isCancellation(error) || isTurnCancelled())
      return { kind: 'interrupted', isRead: false, costUsd: null };
    const failed = knownFailure(error);
    if (failed) return failed;
    // A failure thrown as it is would end the agent; a plain error waits for a fix.
    throw new Error(`turn ${turn.agent}.${turn.turn} failed in a way nobody foresaw`, {
      cause: error,
    });
  }
};
