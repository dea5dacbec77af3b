/**
 * Sends something again until it is acknowledged: the Temporal server may be restarting meanwhile.
 *
 * Safe only for what carries an id that the receiver knows again. What must stay true: a failure that
 * will not pass is thrown at once, one that may pass is never thrown before the time is up.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** cancelled, deadline, exhausted, precondition (a hand-over to a fresh run), internal, unavailable. */
const PASSING_GRPC_CODES: readonly unknown[] = [1, 4, 8, 9, 13, 14];

const BACKOFF_MS = 20;
const BACKOFF_MS_MAX = 500;

/** True when the same call may succeed later; looks through the causes, as wrappers differ. */
export const mayPass = (error: unknown): boolean => {
  for (let cause = error, depth = 0; cause instanceof Object && depth < 8; depth += 1) {
    const { code, cause: inner } = cause as { code?: unknown; cause?: unknown };
    if (PASSING_GRPC_CODES.includes(code)) return true;
    cause = inner;
  }
  return false;
};

export interface Patience {
  /** Time after which a failure that may pass is thrown; Infinity = never. */
  readonly budgetMs: number;
  /** Aborted when the gateway closes. */
  readonly signal: AbortSignal;
}

/** Rejects when `signal` aborts, so that nobody waits for a call that is past caring about. */
const orAborted = async <Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> => {
  let leave = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    leave = () => reject(signal.reason as Error);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave);
  });
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', leave));
};

/** `attempt` is told how long the whole may still take. */
export const untilAcknowledged = async <Result>(
  attempt: (leftMs: number) => Promise<Result>,
  { budgetMs, signal }: Patience,
): Promise<Result> => {
  const deadline = performance.now() + budgetMs;
  for (let tries = 0; ; tries += 1) {
    const leftMs = deadline - performance.now();
    try {
      return await orAborted(attempt(Math.max(leftMs, 0)), signal);
    } catch (error) {
      if (signal.aborted || !mayPass(error) || performance.now() >= deadline) throw error;
      const waitMs = Math.min(BACKOFF_MS * 2 ** Math.min(tries, 10), BACKOFF_MS_MAX);
      await sleep(waitMs, undefined, { signal });
    }
  }
};
