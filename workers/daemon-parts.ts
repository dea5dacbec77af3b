/**
 * Puts the daemon's parts together and takes them apart again, in the order that loses nothing.
 *
 * Start: store, fence, orphans, worker, gateway. Stop: gateway first (nothing new is accepted), then
 * the worker (activities are abandoned, their effects left to run), then the store. What must stay
 * true: the first FENCED answer of the store ends this process, whoever asked.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Client } from '@temporalio/client';
import type { Worker } from '@temporalio/worker';

import { RunningActivities } from '../activities/in-flight.js';
import { warmUp } from '../activities/models/openai-client.js';
import { makeTurnSignals } from '../activities/turn-signals.js';
import { openStore } from '../activities/stores/open-store.js';
import { isStoreError, type Store } from '../activities/stores/store.js';
import { makeDeltaFeed } from '../client/http/delta-feed.js';
import { programFile } from '../config/dist.js';
import { taskQueueOf } from '../workflows/protocol/names.js';
import { bindActivities, type DaemonPlaces } from './deps.js';
import { openGateway } from './gateway-parts.js';
import { watchEndedAgents } from './ended-agents.js';
import { watchFence } from './fence-watch.js';
import { installationName } from './installation.js';
import { failOrphans } from './orphans.js';
import { connectTemporal } from './temporal-connection.js';
import { prepareServer } from './temporal-setup.js';
import { watchServer } from './server-watch.js';
import { createWorker } from './worker.js';

export interface DaemonOptions extends DaemonPlaces {
  readonly token: string;
  readonly port: number;
  readonly temporalAddress: string;
  /** Another daemon holds the home. */
  onFenced(): never;
  /** The store's thread died; nothing can go on here. */
  onStoreGone(error: Error): void;
}

export interface Daemon {
  stop(): Promise<void>;
}

/** Ends the process at the first sign that another daemon has taken over. */
const guardFence = (store: Store, onFenced: () => never): Store => ({
  ...store,
  call: (async (name, args, options) => {
    try {
      return await store.call(name, args, options);
    } catch (error) {
      if (isStoreError(error) && error.code === 'FENCED') onFenced();
      throw error;
    }
  }) as Store['call'],
});

const openGuardedStore = async (options: DaemonOptions): Promise<Store> => {
  const { paths } = options;
  const store = await openStore({
    file: paths.database,
    blobsDir: paths.blobs,
    backupsDir: paths.backups,
    threadFile: programFile('store-thread'),
    faultSpec: process.env['LOOMKIN_FAULT'],
    faultsLog: paths.faultsLog,
    onGone: options.onStoreGone,
  });
  const at = new Date().toISOString();
  const { fence } = await store.call('takeFence', { pid: process.pid, at });
  watchFence(store, fence, options.onFenced);
  return guardFence(store, options.onFenced);
};

const connectPrepared = async (address: string): Promise<Client> => {
  const { client, connection } = await connectTemporal(address);
  await prepareServer(connection);
  return client;
};

const stopWorker = async (worker: Worker, running: Promise<void>): Promise<void> => {
  if (worker.getState() === 'RUNNING') worker.shutdown();
  await running;
};

export const startDaemon = async (options: DaemonOptions): Promise<Daemon> => {
  const installation = installationName(options.paths.installation);
  const taskQueue = taskQueueOf(installation);
  const [store, client] = await Promise.all([
    openGuardedStore(options),
    connectPrepared(options.temporalAddress),
  ]);
  const turnSignals = makeTurnSignals();
  const deltas = makeDeltaFeed();
  const deps = bindActivities(store, options, turnSignals, deltas.publish);
  const unfinished = await failOrphans(store, client);
  const bundle = readFileSync(join(options.scriptsDir, 'workflow-bundle.js'), 'utf8');
  const running = new RunningActivities();
  const worker = await createWorker(options.temporalAddress, taskQueue, bundle, {
    ...deps,
    running,
    unfinished,
  });
  let isStopping = false;
  const ended = worker.run();
  watchServer({ store, client, running, runtimeFile: options.paths.runtime });
  // A worker that ends by itself leaves nothing to serve: die and be started anew.
  const endWithWorker = (error?: unknown): void => {
    if (isStopping) return;
    console.error('the worker ended', error ?? 'without an error');
    process.exit(1);
  };
  ended.then(() => endWithWorker(), endWithWorker);
  const gateway = await openGateway({ options, store, client, taskQueue, turnSignals, deltas });
  watchEndedAgents({ store, client, now: deps.now });
  // Loaded once everything answers, so that the first prompt does not pay for it.
  warmUp().catch((error: unknown) => console.error(error));
  return {
    async stop() {
      isStopping = true;
      await gateway.close();
      await stopWorker(worker, ended);
      await store.close();
    },
  };
};
