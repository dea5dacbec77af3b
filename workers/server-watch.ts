/**
 * After the Temporal server was killed alone: finds activities it handed out and nobody received.
 *
 * The server may die after it committed a dispatch and before its answer reached us; nothing but a
 * heartbeat timeout of 30 s would tell it. So when the supervisor has started another server, every
 * agent that owes a result is asked twice for its activities. What must stay true: an activity that
 * this process runs, or may have received between the two looks, is left alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from '@temporalio/client';

import type { RunningActivities } from '../activities/in-flight.js';
import type { Store } from '../activities/stores/store.js';
import { readRuntimeFile } from '../config/runtime-file.js';
import { handBackActivity, startedOfOwing, type StartedActivity } from './orphans.js';

const LOOK_MS = 500;
const BETWEEN_LOOKS_MS = 700;
const TRIES_MAX = 40;

const keyOf = ({ workflowId, activityId, attempt }: StartedActivity): string =>
  `${workflowId}/${activityId}/${attempt}`;

/** Activities that Temporal says are with us and that are not. */
const strangers = async (
  store: Store,
  client: Client,
  running: RunningActivities,
): Promise<readonly StartedActivity[]> => {
  const started = await startedOfOwing(store, client);
  return started.filter(({ workflowId, activityId }) => !running.has(workflowId, activityId));
};

const handBackStrangers = async (
  store: Store,
  client: Client,
  running: RunningActivities,
): Promise<void> => {
  const before = new Set((await strangers(store, client, running)).map(keyOf));
  if (before.size === 0) return;
  await sleep(BETWEEN_LOOKS_MS);
  const still = await strangers(store, client, running);
  await Promise.all(
    still.filter((one) => before.has(keyOf(one))).map((one) => handBackActivity(client, one)),
  );
};

/** The new server may not answer yet. */
const untilDone = async (attempt: () => Promise<void>): Promise<void> => {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    try {
      await attempt();
      return;
    } catch {
      await sleep(100);
    }
  }
};

export interface ServerWatchParts {
  readonly store: Store;
  readonly client: Client;
  readonly running: RunningActivities;
  readonly runtimeFile: string;
}

/** Returns how to end the watch. */
export const watchServer = (parts: ServerWatchParts): (() => void) => {
  const { store, client, running, runtimeFile } = parts;
  const serverPid = (): number | undefined => readRuntimeFile(runtimeFile)?.temporal?.pid;
  let known = serverPid();
  const look = (): void => {
    const pid = serverPid();
    if (pid === undefined || pid === known) return;
    known = pid;
    void untilDone(() =>
      client.withDeadline(Date.now() + 2_000, () => handBackStrangers(store, client, running)),
    );
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return () => clearInterval(timer);
};
