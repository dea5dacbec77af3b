/**
 * Notices that this process slept (stopped, suspended) and asks whether another daemon took over.
 *
 * A daemon that wakes up beside its successor would find out at its first write, but an idle one
 * writes nothing, and its clients would wait for events that come to pass elsewhere. What must stay
 * true: while nothing is wrong it costs a timer a second and touches nothing.
 */
import type { Store } from '../activities/stores/store.js';

const LOOK_MS = 1_000;
/** Longer than any pause of a busy process, shorter than what makes anybody start a second one. */
const SLEPT_MS = 4_000;

/** `onFenced` is called once the store names a higher fence than ours. Returns how to end the watch. */
export const watchFence = (store: Store, fence: number, onFenced: () => void): (() => void) => {
  let lookedAt = Date.now();
  const look = (): void => {
    const sleptMs = Date.now() - lookedAt;
    lookedAt = Date.now();
    if (sleptMs < SLEPT_MS) return;
    store.call('storeFacts', {}).then(
      (facts) => {
        if (facts.fence > fence) onFenced();
      },
      // A store that can't be read ends this process by itself.
      () => undefined,
    );
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return () => clearInterval(timer);
};
