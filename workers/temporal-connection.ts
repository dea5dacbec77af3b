/**
 * Waits for the Temporal server, which the supervisor starts at the same time as the daemon.
 *
 * What must stay true: no attempt hangs: each has a deadline of its own, and so has the whole.
 */
import { Client, Connection } from '@temporalio/client';

import { NAMESPACE } from '../workflows/protocol/names.js';

const ATTEMPT_MS = 1_000;
const PAUSE_MS = 20;
const WHOLE_MS = 60_000;

/** gRPC would wait a second and longer; a killed server is back in a third of one. */
const RECONNECT = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Throws the last error when the server does not answer within a minute. */
export const connectTemporal = async (
  address: string,
): Promise<{ readonly client: Client; readonly connection: Connection }> => {
  const deadline = Date.now() + WHOLE_MS;
  for (;;) {
    try {
      const connection = await Connection.connect({
        address,
        connectTimeout: ATTEMPT_MS,
        channelArgs: RECONNECT,
      });
      return { connection, client: new Client({ connection, namespace: NAMESPACE }) };
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await pause(PAUSE_MS);
    }
  }
};
