/**
 * How late timers of this process are: the sign that something holds its event loop.
 *
 * Measured only while somebody looks, from one look to the next. What must stay true: a daemon that
 * nobody asks has no timer for this, since idle means silent.
 */
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

import type { LoopDelay } from './wire.js';

const RESOLUTION_MS = 10;
/** Nobody looked for this long: it is not measured any more. */
const LOOK_MS_MAX = 60_000;
const NS_PER_MS = 1e6;

/** The histogram holds the time from one timer to the next, all of it. */
const lateMs = (ns: number): number =>
  Math.max(0, Math.round((ns / NS_PER_MS - RESOLUTION_MS) * 10) / 10);

const readDelay = (histogram: IntervalHistogram): LoopDelay => ({
  p50: lateMs(histogram.percentile(50)),
  p99: lateMs(histogram.percentile(99)),
  max: lateMs(histogram.max),
});

/** Null: nobody has looked within the last minute; it is measured from now on. */
export const makeLoopWatch = (): (() => LoopDelay | null) => {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let timer: NodeJS.Timeout | null = null;
  return () => {
    const delay = timer && histogram.count > 0 ? readDelay(histogram) : null;
    clearTimeout(timer ?? undefined);
    histogram.reset();
    histogram.enable();
    timer = setTimeout(() => {
      histogram.disable();
      timer = null;
    }, LOOK_MS_MAX).unref();
    return delay;
  };
};
