/**
 * The only place where timeouts and retry policies of activities are written.
 *
 * No `maximumAttempts` anywhere: every lost worker counts as an attempt, so real failures are counted
 * in the store and end with a non-retryable failure. What must stay true: whatever is retried here
 * may run twice, which the ledger and the stored answers make harmless.
 */
import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';

import type { AgentActivities } from './protocol/turn.js';

const RETRY = { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '30s' } as const;

/** Model calls and tools: long, heartbeating, and always allowed to say how far they came. */
export const worldActivities = proxyActivities<Pick<AgentActivities, 'callModel' | 'runTool'>>({
  startToCloseTimeout: '24h',
  heartbeatTimeout: '30s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: RETRY,
});

/**
 * Tool calls that change nothing and end in milliseconds: local activities, which spare the server a
 * round of schedule, start and complete. They hold a workflow task of 3 s, so a slow one is given up
 * and asked for again as an ordinary activity.
 */
export const quickActivities = proxyLocalActivities<Pick<AgentActivities, 'runTool'>>({
  scheduleToCloseTimeout: '1500ms',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: RETRY,
});

/** Rows for screens: short, and finished even when the turn was cancelled. */
export const recordActivities = proxyActivities<
  Pick<AgentActivities, 'requestApproval' | 'cancelApproval' | 'recordOutcome'>
>({
  // Milliseconds of work; a kill that hides one from the orphans' search costs this much.
  startToCloseTimeout: '5s',
  retry: RETRY,
});
