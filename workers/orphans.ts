/**
 * Fails the activities that this host's dead daemon left behind, so that Temporal hands them out anew.
 *
 * Runs after the fence was taken and before the worker polls. What must stay true: each effect in
 * flight is charged one death before its activity can run again, which is what ends a poison call.
 */
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

import type { Store } from '../activities/stores/store.js';

/** Returns how many activities were handed back. */
export const failOrphans = async (store: Store, client: Client): Promise<number> => {
  const orphans = await store.call('listInFlight', {});
  const keys = orphans.flatMap((orphan) => (orphan.effectKey === null ? [] : [orphan.effectKey]));
  if (keys.length > 0) await store.call('countDeaths', { keys });
  const lost = ApplicationFailure.create({
    message: 'the daemon that ran this activity died',
    type: 'WorkerLost',
    nextRetryDelay: 1,
  });
  await Promise.all(
    orphans.map(async (orphan) => {
      try {
        await client.activity.fail(orphan.taskToken, lost);
      } catch (error) {
        // It ended in its last moment, or its workflow did: nothing to hand back.
        if ((error as Error).name !== 'ActivityNotFoundError') throw error;
      }
      await store.call('dropInFlight', { activityKey: orphan.activityKey });
    }),
  );
  return orphans.length;
};
