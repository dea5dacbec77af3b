/**
 * Notes each running activity with its task token in the store, for as long as it runs.
 *
 * After kill -9 the row stays, and the next daemon fails the token so that work goes on at once.
 * What must stay true: the row is on disk before the activity does anything.
 */
import type {
  ActivityInboundCallsInterceptor,
  ActivityInterceptorsFactory,
} from '@temporalio/worker';

import { effectKeyOf, toolCallIdOf } from '../workflows/protocol/ids.js';
import type { RunToolRequest } from '../workflows/protocol/turn.js';
import type { Store } from './stores/store.js';

const effectKeyIn = (activityType: string, args: readonly unknown[]): string | null => {
  if (activityType !== 'runTool') return null;
  const { sessionId, agent, turn, call } = args[0] as RunToolRequest;
  return effectKeyOf(sessionId, toolCallIdOf(agent, turn, call.index));
};

export const noteInFlight =
  (store: Store): ActivityInterceptorsFactory =>
  (context) => {
    const { info } = context;
    const { workflowId, runId } = info.workflowExecution ?? { workflowId: '', runId: '' };
    const activityKey = `${workflowId}/${runId}/${info.activityId}/${info.attempt}`;
    const inbound: ActivityInboundCallsInterceptor = {
      async execute(input, next) {
        await store.call('putInFlight', {
          activityKey,
          taskToken: info.taskToken,
          workflowId,
          activityType: info.activityType,
          effectKey: effectKeyIn(info.activityType, input.args),
        });
        try {
          return await next(input);
        } finally {
          // Nobody waits for it: a row too many is failed at the next start and found to be gone.
          store.call('dropInFlight', { activityKey }).catch(() => undefined);
        }
      },
    };
    return { inbound };
  };
