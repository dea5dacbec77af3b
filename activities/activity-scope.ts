/**
 * What an activity sees of Temporal: when to stop, how to say it is alive, which attempt this is.
 *
 * A port, so that activities run in tests without a server. What must stay true: an abort says why.
 * Its reason is a `ShutdownError` when this attempt is abandoned (shutdown, time-out, a newer
 * attempt): throw it on and settle nothing. Anything else is the user's interrupt: stop and record.
 */
export interface ActivityScope {
  readonly signal: AbortSignal;
  heartbeat(): void;
  /** From 1; lost workers count. */
  readonly attempt: number;
  /** Run of the workflow that asked. */
  readonly runId: string;
}

/** This attempt is over, the work is not: another one will go on. */
export class ShutdownError extends Error {
  constructor() {
    super('this attempt is abandoned: the daemon is stopping or was replaced');
    this.name = 'ShutdownError';
  }
}

export const isShutdown = (reason: unknown): boolean =>
  reason instanceof Error && reason.name === 'ShutdownError';
