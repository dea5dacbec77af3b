/**
 * Builds the daemon's front: gateway verbs over Temporal and store, and the HTTP server on loopback.
 * What must stay true: when it resolves, the port answers and everything behind it is ready.
 */
import type { Client } from '@temporalio/client';

import { toolEnvironment } from '../activities/tools/environment.js';
import { TOOLS } from '../activities/tools/registry.js';
import type { TurnSignals } from '../activities/sessions.js';
import type { Store } from '../activities/stores/store.js';
import { makeGateway } from '../client/gateway.js';
import type { DeltaFeed } from '../client/http/delta-feed.js';
import { startHttpServer } from '../client/http/server.js';
import type { ModelCheck } from '../client/session-settings.js';
import { BUILD, VERSION } from '../config/build-info.js';
import { SCRIPTED_PROVIDER } from '../config/defaults.js';
import { isScriptError, loadScript } from '../config/script-file.js';
import type { DaemonOptions } from './daemon-parts.js';
import { readGitHead } from './git-head.js';

/** Scripts are files of ours and can be looked up; other models are known to their provider alone. */
const checkModelIn =
  (scriptDirs: readonly string[]) =>
  async (model: string): Promise<ModelCheck> => {
    const prefix = `${SCRIPTED_PROVIDER}/`;
    if (!model.startsWith(prefix)) return { ok: true };
    try {
      await loadScript(model.slice(prefix.length), scriptDirs);
      return { ok: true };
    } catch (error) {
      if (!isScriptError(error)) throw error;
      return { ok: false, message: error.message, cure: error.cure };
    }
  };

export interface GatewayParts {
  readonly options: DaemonOptions;
  readonly store: Store;
  readonly client: Client;
  readonly taskQueue: string;
  readonly turnSignals: TurnSignals;
  readonly deltas: DeltaFeed;
}

/** Listens when it resolves. */
export const openGateway = async (parts: GatewayParts): Promise<{ close(): Promise<void> }> => {
  const { options, store, client, taskQueue, turnSignals, deltas } = parts;
  const now = (): Date => new Date();
  const gateway = makeGateway({
    client,
    store,
    taskQueue,
    turnSignals,
    secretsFolder: options.paths.secrets,
    toolEnvironment,
    checkModel: checkModelIn(options.modelScriptDirs),
    toolNames: TOOLS.map((tool) => tool.name),
    readGitHead,
    now,
  });
  const server = await startHttpServer({
    gateway,
    store,
    deltas,
    now,
    port: options.port,
    token: options.token,
    build: { version: VERSION, build: BUILD },
    logError: (message, error) => console.error(now().toISOString(), message, error),
  });
  // Answers that were given while no server could be told; nobody waits for it here.
  gateway.repeatDecisions().catch((error: unknown) => console.error(error));
  return {
    close: async () => {
      gateway.close();
      await server.close();
    },
  };
};
