/**
 * Notes activities with their task tokens in the store, for as long as they run.
 *
 * After kill -9 the row stays, and the next daemon fails the token so that work goes on at once.
 * What must stay true: the row is on disk before the activity has an effect.
 */
import type {
  ActivityInboundCallsInterceptor,
  ActivityInterceptorsFactory,
} from '@temporalio/worker';

import { effectKeyOf, toolCallIdOf } from '../workflows/protocol/ids.js';
import type { RunToolRequest } from '../workflows/protocol/turn.js';
import type { Store } from './stores/store.js';

/** A completion may be on its way for this long; the row must outlive it. */
const DROP_AFTER_MS = 2_000;

const effectKeyIn = (activityType: string, args: readonly unknown[]): string | null => {
  if (activityType !== 'runTool') return null;
  const { sessionId, agent, turn, call } = args[0] as RunToolRequest;
  return effectKeyOf(sessionId, toolCallIdOf(agent, turn, call.index));
};

/** What runs in this process right now, for whoever compares it with what the server believes. */
export class RunningActivities {
  /** Attempts of one activity may overlap: the last word of one, the first of the next. */
  private readonly counts = new Map<string, number>();

  has(workflowId: string, activityId: string): boolean {
    return this.counts.has(`${workflowId}/${activityId}`);
  }

  async during<Result>(key: string, body: () => Promise<Result>): Promise<Result> {
    this.add(key, 1);
    try {
      return await body();
    } finally {
      // A completion that the server has not heard of is still ours, like its row.
      setTimeout(() => this.add(key, -1), DROP_AFTER_MS).unref();
    }
  }

  private add(key: string, change: 1 | -1): void {
    const count = (this.counts.get(key) ?? 0) + change;
    if (count === 0) this.counts.delete(key);
    else this.counts.set(key, count);
  }
}

/**
 * Model calls and quick tools need no row: their agent owes a result until long after them, so a starting
 * daemon finds them by asking Temporal, and two synced commits a call are saved.
 */
const needsRow = (activityType: string, args: readonly unknown[]): boolean =>
  activityType === 'runTool'
    ? !(args[0] as RunToolRequest).call.isQuick
    : activityType !== 'callModel';

export const noteInFlight =
  (store: Store, running: RunningActivities): ActivityInterceptorsFactory =>
  (context) => {
    const { info } = context;
    const { workflowId, runId } = info.workflowExecution ?? { workflowId: '', runId: '' };
    const activityKey = `${workflowId}/${runId}/${info.activityId}/${info.attempt}`;
    // Later than the server can need to hear of the end: a row too many is found to be gone.
    const dropLater = (): void => {
      const drop = (): void => {
        store.call('dropInFlight', { activityKey }).catch(() => undefined);
      };
      setTimeout(drop, DROP_AFTER_MS).unref();
    };
    const inbound: ActivityInboundCallsInterceptor = {
      async execute(input, next) {
        const body = (): Promise<unknown> => next(input);
        const key = `${workflowId}/${info.activityId}`;
        if (!needsRow(info.activityType, input.args)) return running.during(key, body);
        await store.call('putInFlight', {
          activityKey,
          taskToken: info.taskToken,
          workflowId,
          activityType: info.activityType,
          effectKey: effectKeyIn(info.activityType, input.args),
        });
        try {
          return await running.during(key, body);
        } finally {
          dropLater();
        }
      },
    };
    return { inbound };
  };
