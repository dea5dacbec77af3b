/**
 * From a failed model call to what Temporal and the user are told: wait and try again, or give up.
 *
 * Real failures are counted in the store, since Temporal also counts lost workers. What must stay
 * true: a kill never brings a session nearer to giving up, and every ending says what to do.
 */
import { createHash } from 'node:crypto';

import { ApplicationFailure } from '@temporalio/common';

import { FAILURES, type FailureType } from '../../workflows/protocol/failures.js';
import { turnIdOf } from '../../workflows/protocol/ids.js';
import type { CallModelRequest, TurnRef } from '../../workflows/protocol/turn.js';
import { noteAgentState } from '../agent-state.js';
import type { SessionFacts } from '../sessions.js';
import type { Store } from '../stores/store.js';
import type { ModelError } from './provider.js';
import { suggestModels, type Seat } from './providers.js';

const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;
const ASKED_WAIT_MIN_MS = 100;
const ASKED_WAIT_MAX_MS = 24 * 3600 * 1000;

export interface FailureDeps {
  readonly store: Store;
  now(): Date;
}

const failure = (type: FailureType, message: string, nextRetryDelayMs?: number): Error =>
  ApplicationFailure.create({
    type,
    message,
    nonRetryable: !FAILURES[type].retryable,
    ...(nextRetryDelayMs === undefined ? {} : { nextRetryDelay: nextRetryDelayMs }),
  });

/** Between three quarters and the whole of the wait, the same for the same attempt everywhere. */
const jittered = (ms: number, seed: string): number => {
  const share = createHash('sha256').update(seed).digest().readUInt32BE(0) / 2 ** 32;
  return Math.round(ms * (0.75 + 0.25 * share));
};

/** How long to wait after the n-th failure of a turn, from 1. */
export const retryDelayMs = (
  failures: number,
  retryAfterMs: number | null,
  seed: string,
): number => {
  if (retryAfterMs !== null) {
    // A server that keeps asking for no wait would use all attempts up at once.
    const shortest = ASKED_WAIT_MIN_MS * 2 ** Math.min(failures - 1, 9);
    return Math.min(ASKED_WAIT_MAX_MS, Math.max(shortest, Math.ceil(retryAfterMs)));
  }
  const backoff = BACKOFF_FIRST_MS * 2 ** Math.min(failures - 1, 16);
  return jittered(Math.min(BACKOFF_MAX_MS, backoff), `${seed}/${failures}`);
};

const whereOf = ({ agent, turn, model }: CallModelRequest): string =>
  `model ${model}, turn ${turnIdOf(agent, turn)}`;

/** Thrown when a turn's attempts are used up; `last` is null when the last failure is not at hand. */
export const exhausted = (
  request: CallModelRequest,
  failures: number,
  last: ModelError | null,
): Error => {
  const words = last ? `; the last time ${last.reason}: ${last.message}` : '';
  return failure(
    'ModelExhausted',
    `the model gave no answer in ${failures} ${failures === 1 ? 'attempt' : 'attempts'}${words} (${whereOf(request)}). Go on later with \`loomkin -c "go on"\`, or choose another model with --model`,
  );
};

const tellRetry = async (
  deps: FailureDeps,
  request: CallModelRequest,
  retry: { readonly attempt: number; readonly reason: string; readonly delayMs: number },
): Promise<void> => {
  const { sessionId, agent, turn, model } = request;
  const now = deps.now();
  const since = now.toISOString();
  const until = new Date(now.getTime() + retry.delayMs).toISOString();
  const { reason, attempt } = retry;
  await Promise.all([
    deps.store.call('appendEvent', {
      sessionId,
      key: `retry/${turnIdOf(agent, turn)}/${attempt}`,
      at: since,
      event: { kind: 'retry', agent, reason, attempt, until },
    }),
    noteAgentState(deps, request, {
      state: 'waiting',
      waitingFor: { kind: 'retry', id: turnIdOf(agent, turn), since, until },
      model,
    }),
  ]);
};

const retryLater = async (
  deps: FailureDeps,
  request: CallModelRequest,
  attemptsMax: number,
  error: ModelError,
): Promise<Error> => {
  const { sessionId, agent, turn }: TurnRef = request;
  const failures = await deps.store.call('countModelFailure', { sessionId, agent, turn });
  if (failures >= attemptsMax) return exhausted(request, failures, error);
  const seed = `${sessionId}/${turnIdOf(agent, turn)}`;
  const delayMs = retryDelayMs(failures, error.retryAfterMs, seed);
  await tellRetry(deps, request, { attempt: failures, reason: error.reason, delayMs });
  const words = `${error.reason}: ${error.message} (${whereOf(request)}, failure ${failures} of ${attemptsMax}). Tried again by itself`;
  return failure('ModelUnavailable', words, delayMs);
};

const rejectionCure = (reason: string): string =>
  reason === 'context overflow'
    ? 'The conversation does not fit the model any more: start a new session, or choose a model with a larger window with --model'
    : 'It will be refused again as it is: change the prompt, or choose another model with --model';

export interface FailedCall {
  readonly request: CallModelRequest;
  readonly session: SessionFacts;
  /** Null when nobody could be asked. */
  readonly seat: Seat | null;
}

/** The failure to throw for this error. */
export const failureOf = async (
  deps: FailureDeps,
  { request, session, seat }: FailedCall,
  error: ModelError,
): Promise<Error> => {
  const { limits, providers } = session.secrets;
  const what = `${error.message} (${whereOf(request)})`;
  switch (error.kind) {
    case 'unavailable':
      return retryLater(deps, request, limits.modelAttempts, error);
    case 'unauthorized': {
      const cure = seat?.keyEnv ? `Check the key in ${seat.keyEnv}` : 'Set its key';
      return failure('ModelUnauthorized', `${what}. ${cure}, then go on with \`loomkin -c\``);
    }
    case 'unknown_model': {
      const near = seat ? await suggestModels(request.model, seat, providers) : '';
      return failure('ModelUnknown', `${what}.${near} Choose a model with --model`);
    }
    case 'rejected':
      return failure('ModelRejected', `${what}. ${rejectionCure(error.reason)}`);
    case 'script':
      return failure('ScriptFailed', `${what}. Correct the script`);
    case 'aborted':
      return error;
  }
};
