/**
 * Asks once a second whether another daemon has taken over, and ends this one if so.
 *
 * A daemon that was replaced finds out at its first write, but an idle one writes nothing: it would go
 * on taking work from Temporal, and its clients would wait for events that come to pass elsewhere. What
 * must stay true: it costs one read of a row a second, and never keeps the process alive.
 */
import type { Store } from '../activities/stores/store.js';

const LOOK_MS = 1_000;

/** `onFenced` is called once the store names a higher fence than ours. Returns how to end the watch. */
export const watchFence = (
  store: Store,
  fence: number,
  onFenced: () => void,
  lookMs = LOOK_MS,
): (() => void) => {
  const look = (): void => {
    store.call('storeFacts', {}).then(
      (facts) => {
        if (facts.fence > fence) onFenced();
      },
      // A store that can't be read ends this process by itself.
      () => undefined,
    );
  };
  const timer = setInterval(look, lookMs).unref();
  return () => clearInterval(timer);
};
