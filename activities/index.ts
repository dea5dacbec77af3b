/**
 * The activities an agent may ask for, over what `workers/deps.ts` binds them to.
 *
 * Each is wrapped once: a scope instead of Temporal's context, heartbeats from its entry on, store
 * trouble turned into a failure that is retried. What must stay true: an abort that is not the user's
 * cancel is a `ShutdownError`, so that an abandoned attempt settles nothing.
 */
import { ApplicationFailure, Context } from '@temporalio/activity';

import type { FailureType } from '../workflows/protocol/failures.js';
import type { AgentActivities, TurnRef } from '../workflows/protocol/turn.js';
import { isShutdown, ShutdownError, type ActivityScope } from './activity-scope.js';
import { makeApprovals, showOpenQuestion } from './approvals.js';
import { makeCallModel, type CallModelDeps } from './models/call-model.js';
import { makeRecordOutcome } from './record-outcome.js';
import { isStoreError } from './stores/store.js';
import { makeRunTool, type RunToolDeps } from './tools/run-tool.js';

export type ActivityDeps = CallModelDeps & Omit<RunToolDeps, 'showOpenQuestion'>;

const HEARTBEAT_MS = 5_000;
const STORE_RETRY_MS = 500;

/** Aborts with the reason activities decide by: cancelled by the user, or abandoned. */
const abortWithReason = (context: Context): AbortSignal => {
  const controller = new AbortController();
  const forward = (): void => {
    const cancelled = context.cancellationDetails?.cancelRequested === true;
    controller.abort(cancelled ? new Error('the turn was interrupted') : new ShutdownError());
  };
  if (context.cancellationSignal.aborted) forward();
  else context.cancellationSignal.addEventListener('abort', forward, { once: true });
  return controller.signal;
};

type AgentRef = Readonly<Record<'sessionId' | 'agent', string>>;

const agentKey = ({ sessionId, agent }: AgentRef): string => `${sessionId}/${agent}`;

/**
 * Nobody counts the attempts of a local activity, so a call that kills its daemon would do so for ever.
 * An agent that was at work when the last daemon ended makes its first call as an ordinary activity:
 * that one is counted, and a call that kills ends as poison.
 */
const refuseUncounted = (catchingUp: ReadonlySet<string>, request: TurnRef): void => {
  if (catchingUp.has(agentKey(request)))
    throw ApplicationFailure.nonRetryable('its agent only just came back', 'NotYetQuick');
};

const retryLater = (type: FailureType, message: string, delayMs: number, cause: unknown): Error =>
  ApplicationFailure.create({ type, message, nextRetryDelay: delayMs, cause: cause as Error });

/** What another attempt mends, as a failure that brings that attempt soon. */
const asFailure = (error: unknown): unknown => {
  if (isShutdown(error)) return retryLater('DaemonStopping', 'the daemon stops', 1, error);
  if (!isStoreError(error)) return error;
  const message = `the store did not answer (${error.code}): ${error.message}`;
  return retryLater('StoreGone', message, STORE_RETRY_MS, error);
};

/** Returns how to end it. Local activities have no heartbeat. */
const startHeartbeat = (context: Context): (() => void) => {
  if (context.info.isLocal) return () => undefined;
  const beat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  context.heartbeat();
  return () => clearInterval(beat);
};

const inScope =
  <Request, Result>(body: (request: Request, scope: ActivityScope) => Promise<Result>) =>
  async (request: Request): Promise<Result> => {
    const context = Context.current();
    const stopHeartbeat = startHeartbeat(context);
    const scope: ActivityScope = {
      signal: abortWithReason(context),
      heartbeat: () => context.heartbeat(),
      attempt: context.info.attempt,
      runId: context.info.workflowExecution?.runId ?? '',
    };
    try {
      return await body(request, scope);
    } catch (error) {
      throw asFailure(error);
    } finally {
      stopHeartbeat();
    }
  };

export const createActivities = (
  deps: ActivityDeps,
  /** Agents that were at work when the last daemon ended. */
  unfinished: readonly AgentRef[],
): AgentActivities => {
  const approvals = makeApprovals(deps);
  /** Those that have made no call since. */
  const catchingUp = new Set(unfinished.map(agentKey));
  const runTool = inScope(
    makeRunTool({ ...deps, showOpenQuestion: (ref) => showOpenQuestion(deps, ref) }),
  );
  return {
    callModel: inScope(makeCallModel(deps)),
    async runTool(request) {
      const { isLocal } = Context.current().info;
      if (isLocal) refuseUncounted(catchingUp, request);
      const result = await runTool(request);
      if (!isLocal) catchingUp.delete(agentKey(request));
      return result;
    },
    requestApproval: inScope(approvals.requestApproval),
    cancelApproval: inScope(approvals.cancelApproval),
    recordOutcome: inScope(makeRecordOutcome(deps)),
  };
};
