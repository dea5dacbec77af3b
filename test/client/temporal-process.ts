/**
 * A Temporal server on a database file that a test can kill and start again on the same port.
 *
 * What must stay true: it is ended by its own id, whatever the test did.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client, Connection } from '@temporalio/client';

import { SEARCH_ATTRIBUTES } from '../../workflows/protocol/names.js';
import { findTemporal } from '../support/temporal-binary.js';

export interface TemporalProcess {
  /** Of its database. */
  readonly folder: string;
  readonly client: Client;
  kill(): Promise<void>;
  /** On the same port and database; resolves when it has been spawned, not when it answers. */
  start(): void;
  /** Kills it and removes its files. */
  end(): Promise<void>;
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

/** A server that is back is found at once, not after the usual growing pauses. */
const QUICK_RETURN = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
};

const connect = async (address: string): Promise<Connection> => {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await Connection.connect({ address, connectTimeout: 1000, channelArgs: QUICK_RETURN });
    } catch (error) {
      if (attempt > 200) throw error;
      await sleep(30);
    }
  }
};

export const startTemporal = async (): Promise<TemporalProcess> => {
  const binary = findTemporal();
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-temporal-'));
  const port = await freePort();
  let child: ChildProcess | null = null;
  const start = (): void => {
    const flags = [
      '--headless',
      '--ip',
      '127.0.0.1',
      '--port',
      String(port),
      '--log-level',
      'never',
    ];
    const db = [
      '--db-filename',
      join(folder, 'temporal.db'),
      '--sqlite-pragma',
      'journal_mode=wal',
    ];
    child = spawn(binary, ['server', 'start-dev', ...flags, ...db], { stdio: 'ignore' });
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = null;
    if (!running || running.exitCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  };
  start();
  const connection = await connect(`127.0.0.1:${port}`);
  await connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  return {
    folder,
    client: new Client({ connection }),
    kill,
    start,
    end: async () => {
      await connection.close();
      await kill();
      rmSync(folder, { recursive: true });
    },
  };
};
