/**
 * Fails the activities that this host's dead daemon left behind, so that Temporal hands them out anew.
 *
 * Runs after the fence was taken and before the worker polls: whatever is started now is nobody's. It
 * finds them by the task tokens in the store, and those that died between their dispatch and that row
 * by asking Temporal about every agent that owes a result. What must stay true: each effect in flight
 * is charged one death before its activity can run again, which is what ends a poison call.
 */
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

import type { Store, StoreOperations } from '../activities/stores/store.js';
import { agentNameOf, agentWorkflowIdOf, sessionIdOf } from '../workflows/protocol/ids.js';

type Owing = ReturnType<StoreOperations['agentsOwingResults']>;

/** Temporal's states of an activity that a worker has: STARTED and CANCEL_REQUESTED. */
const STARTED: readonly unknown[] = [2, 3];

const LOST = ApplicationFailure.create({
  message: 'the daemon that ran this activity died',
  type: 'WorkerLost',
  nextRetryDelay: 1,
});

/** It may have ended in its last moment, or its workflow did: then there is nothing to hand back. */
const unlessGone = async (handingBack: Promise<void>): Promise<void> => {
  try {
    await handingBack;
  } catch (error) {
    if ((error as Error).name !== 'ActivityNotFoundError') throw error;
  }
};

const failByToken = async (store: Store, client: Client): Promise<void> => {
  await store.call('countDeaths', {});
  const orphans = await store.call('listInFlight', {});
  await Promise.all(
    orphans.map(async ({ activityKey, taskToken }) => {
      await unlessGone(client.activity.fail(taskToken, LOST));
      await store.call('dropInFlight', { activityKey });
    }),
  );
};

export interface StartedActivity {
  readonly workflowId: string;
  readonly activityId: string;
  readonly attempt: number;
}

/** Activities of this workflow that a worker has, as far as Temporal knows. */
const startedActivities = async (
  client: Client,
  workflowId: string,
): Promise<readonly StartedActivity[]> => {
  const description = await client.workflow
    .getHandle(workflowId)
    .describe()
    .catch((error: unknown) => {
      if ((error as Error).name === 'WorkflowNotFoundError') return null;
      throw error;
    });
  return (description?.raw.pendingActivities ?? [])
    .filter(({ state }) => STARTED.includes(state))
    .map(({ activityId, attempt }) => ({
      workflowId,
      activityId: activityId ?? '',
      attempt: attempt ?? 0,
    }));
};

export const handBackActivity = (client: Client, activity: StartedActivity): Promise<void> => {
  const { workflowId, activityId } = activity;
  return unlessGone(client.activity.fail({ workflowId, activityId }, LOST));
};

/** The same of several agents. */
const startedOf = async (client: Client, owing: Owing): Promise<readonly StartedActivity[]> => {
  const lists = await Promise.all(
    owing.map(({ sessionId, agent }) =>
      startedActivities(client, agentWorkflowIdOf(sessionIdOf(sessionId), agentNameOf(agent))),
    ),
  );
  return lists.flat();
};

/** Of every agent that owes somebody a result: all there can be in anybody's hands. */
export const startedOfOwing = async (
  store: Store,
  client: Client,
): Promise<readonly StartedActivity[]> =>
  startedOf(client, await store.call('agentsOwingResults', {}));

/** Answers the agents that owe somebody a result: those that were at work, or are about to be. */
export const failOrphans = async (store: Store, client: Client): Promise<Owing> => {
  await failByToken(store, client);
  const owing = await store.call('agentsOwingResults', {});
  const started = await startedOf(client, owing);
  await Promise.all(started.map((activity) => handBackActivity(client, activity)));
  return owing;
};
