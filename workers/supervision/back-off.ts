/**
 * How long to wait before a dead child is started again, and when to stop trying.
 *
 * The first deaths in a minute cost nothing, since most are one-offs that somebody waits on; then
 * the pause doubles, but not for one that had come to answer or was killed. What must stay true: a kill
 * from outside never makes us give up, only a child that ends by itself again and again without ever
 * having answered.
 */
const WINDOW_MS = 60_000;
const FREE_DEATHS = 5;
const FIRST_PAUSE_MS = 500;
const PAUSE_MAX_MS = 10_000;
const FAILED_STARTS_MAX = 5;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const OUTSIDE: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'];

const isOwnDoing = ({ code, signal }: Exit): boolean =>
  code !== null || (signal !== null && !OUTSIDE.includes(signal));

export class BackOff {
  private deaths: number[] = [];
  private failedStarts = 0;
  private hasAnswered = false;
  private thisOneAnswered = false;

  /** The child answered: from now on its deaths are accidents. */
  answered(): void {
    this.hasAnswered = this.thisOneAnswered = true;
    this.failedStarts = 0;
  }

  /** Counts a death at `nowMs`; the pause before the next start, or null to give up. */
  afterDeath(exit: Exit, nowMs: number): number | null {
    this.deaths = [...this.deaths.filter((at) => nowMs - at < WINDOW_MS), nowMs];
    if (!this.hasAnswered && isOwnDoing(exit)) this.failedStarts += 1;
    if (this.failedStarts >= FAILED_STARTS_MAX) return null;
    // Whoever was killed from outside, even while it started, is no sign of a start that can't work.
    const isAccident = this.thisOneAnswered || !isOwnDoing(exit);
    const pauseMaxMs = isAccident ? FIRST_PAUSE_MS : PAUSE_MAX_MS;
    this.thisOneAnswered = false;
    const beyond = this.deaths.length - FREE_DEATHS;
    return beyond <= 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (beyond - 1), pauseMaxMs);
  }
}
