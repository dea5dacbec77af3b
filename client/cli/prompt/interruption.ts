/**
 * What signals mean to a command that follows a prompt: interrupt the turn, leave, terminal lost.
 *
 * SIGINT and SIGTERM ask for the turn's end and its result is waited for; asked again, the command
 * leaves. SIGHUP leaves at once, and so does SIGTERM a command that only watches. What must stay true:
 * leaving never stops the session, and is never held up by a reader of our output that does not read.
 */
import { constants } from 'node:os';

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';
const SIGNALS: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** What is written on the way out has this long to leave. */
const LEAVING_MS_MAX = 1000;

/** Thrown by `left`: the command ends now with this code. */
export class Leave extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`leaving with ${exitCode}`);
    this.name = 'Leave';
    this.exitCode = exitCode;
  }
}

export const isLeave = (error: unknown): error is Leave =>
  error instanceof Error && error.name === 'Leave';

export class Interruption {
  /** Exit code of the signal that asked for the turn's end. */
  requested: number | null = null;
  /** Rejects with `Leave`. */
  readonly left: Promise<never>;
  private readonly leaveWith: (error: Leave) => void;
  private reaction: ((exitCode: number) => void) | null = null;
  private askedAt: number | null = null;
  private onlyWatches = false;
  private readonly quitWindowMs: number;

  /** Asked again within this time, the command leaves; later it asks for the turn's end again. */
  constructor(quitWindowMs = Infinity) {
    this.quitWindowMs = quitWindowMs;
    let leaveWith: (error: Leave) => void = () => undefined;
    this.left = new Promise<never>((_, reject) => {
      leaveWith = reject;
    });
    this.left.catch(() => undefined);
    this.leaveWith = leaveWith;
    for (const signal of SIGNALS) process.on(signal, () => this.signalled(signal));
  }

  /** What a request does from now on; one that came earlier is done at once. */
  onRequest(reaction: (exitCode: number) => void): void {
    this.reaction = reaction;
    if (this.requested !== null) reaction(this.requested);
  }

  /** The prompt that is followed is not this command's: its end is no reason to end the work. */
  watchOnly(): void {
    this.onlyWatches = true;
  }

  leave(exitCode: number): void {
    setTimeout(() => process.exit(exitCode), LEAVING_MS_MAX).unref();
    this.leaveWith(new Leave(exitCode));
  }

  /** The turn has ended: what was asked for is done. Asked again soon, the command leaves all the same. */
  done(): void {
    this.requested = null;
  }

  /** The next prompt begins: what was asked before is not about it. */
  reset(): void {
    this.requested = null;
    this.askedAt = null;
  }

  signalled(signal: Signal): void {
    const exitCode = 128 + constants.signals[signal];
    const askedAt = performance.now();
    const again = this.askedAt !== null && askedAt - this.askedAt < this.quitWindowMs;
    const ends = signal === 'SIGHUP' || (signal === 'SIGTERM' && this.onlyWatches);
    if (ends || again) return this.leave(exitCode);
    this.askedAt = askedAt;
    this.requested = exitCode;
    this.reaction?.(exitCode);
  }
}
