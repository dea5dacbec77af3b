/**
 * A store for activities: what was surely not applied for want of room or time is tried again in place.
 *
 * An answer that was paid for must not be thrown away because the disk is full, and a full disk must
 * not look like a call that kills daemons. What must stay true: only answers that say "not applied" are
 * repeated; everything else goes on to the caller at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { isStoreError, type Store, type StoreErrorCode } from './store.js';

const NOT_APPLIED: readonly StoreErrorCode[] = ['FULL', 'BUSY', 'OVERLOADED'];
const PAUSE_MS = 1_000;

/** Never gives up by itself: a closed store answers GONE, and that ends it. */
export const makePatient = (store: Store, pauseMs = PAUSE_MS): Store => ({
  ...store,
  call: (async (name, args, options) => {
    for (;;) {
      try {
        return await store.call(name, args, options);
      } catch (error) {
        if (!isStoreError(error) || !NOT_APPLIED.includes(error.code)) throw error;
        await sleep(pauseMs);
      }
    }
  }) as Store['call'],
});
