/**
 * The Temporal worker of the daemon: one queue, the prebuilt bundle, settings sized for two cores.
 *
 * Slots × replay time must stay under the workflow task timeout of 3 s, or a restart with many agents
 * times out again and again (measured: 40 slots 20 s, 4 slots 9 s). What must stay true: heartbeats
 * are throttled to 3 s, since a cancel travels in their replies.
 */
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';

import { createActivities, type ActivityDeps } from '../activities/index.js';
import { noteInFlight, type RunningActivities } from '../activities/in-flight.js';
import { NAMESPACE } from '../workflows/protocol/names.js';
import type { AgentSinks } from '../workflows/protocol/sinks.js';
import type { InjectedSinks } from '@temporalio/worker';

const SLOTS = {
  maxConcurrentWorkflowTaskExecutions: 4,
  maxConcurrentWorkflowTaskPolls: 2,
  maxConcurrentActivityTaskExecutions: 400,
  maxConcurrentActivityTaskPolls: 4,
  maxCachedWorkflows: 1500,
};

/** The SDK's core logs each kill it survives; warnings of ours go to the daemon's log. */
const installRuntime = (): void => {
  const level = process.env['LOOMKIN_LOG'] === 'debug' ? 'DEBUG' : 'ERROR';
  const write = (severity: string) => (message: string, meta?: unknown) =>
    console.error(new Date().toISOString(), severity, message, meta ?? '');
  const quiet = (): void => undefined;
  const isDebug = level === 'DEBUG';
  Runtime.install({
    // Ours alone decide about signals: the SDK's would end the worker and leave a daemon that does nothing.
    shutdownSignals: [],
    logger: {
      log: isDebug ? (severity, message) => write(severity)(message) : quiet,
      trace: quiet,
      debug: isDebug ? write('debug') : quiet,
      info: isDebug ? write('info') : quiet,
      warn: write('warn'),
      error: write('error'),
    },
    telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
  });
};

export const createWorker = async (
  address: string,
  taskQueue: string,
  bundle: string,
  deps: ActivityDeps & {
    readonly running: RunningActivities;
    readonly unfinished: Parameters<typeof createActivities>[1];
  },
): Promise<Worker> => {
  installRuntime();
  const sinks: InjectedSinks<AgentSinks> = {
    faults: {
      reach: { fn: (_info, point) => deps.reachFault(point), callDuringReplay: false },
    },
  };
  return Worker.create({
    ...SLOTS,
    // Packing what never leaves the machine only costs time.
    connection: await NativeConnection.connect({ address, grpcCompression: { codec: 'none' } }),
    namespace: NAMESPACE,
    taskQueue,
    workflowBundle: { code: bundle },
    activities: { ...createActivities(deps, deps.unfinished) },
    interceptors: { activity: [noteInFlight(deps.store, deps.running)] },
    sinks,
    stickyQueueScheduleToStartTimeout: '1s',
    maxHeartbeatThrottleInterval: '3s',
    defaultHeartbeatThrottleInterval: '3s',
    shutdownGraceTime: 0,
  });
};
