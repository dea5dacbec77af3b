/**
 * A real Temporal server in memory for one test file, with the poll rates the product uses.
 *
 * Callback style: the server is killed by its pid when the body ends, whatever happened in it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Runtime } from '@temporalio/worker';

import { findTemporal } from './temporal-binary.js';

const POLL_RATES = ['transfer', 'timer', 'visibility', 'outbound'].flatMap((queue) => [
  '--dynamic-config-value',
  `history.${queue}ProcessorMaxPollRPS=2000`,
]);

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
};

export interface TestServer {
  readonly address: string;
  readonly client: Client;
  readonly native: NativeConnection;
}

/** Null when the server ended before it answered. */
const connect = async (child: ChildProcess, address: string): Promise<Connection | null> => {
  for (let attempt = 0; child.exitCode === null && child.signalCode === null; attempt += 1) {
    try {
      return await Connection.connect({ address, connectTimeout: 1_000 });
    } catch (error) {
      if (attempt > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }
  return null;
};

const STARTS_MAX = 5;

/** Somebody else may take the port between our look and the server's; then it gets another one. */
const startServer = async (more: readonly string[]) => {
  for (let starts = 1; ; starts += 1) {
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    const flags = [
      '--headless',
      '--ip',
      '127.0.0.1',
      '--port',
      String(port),
      '--log-level',
      'never',
    ];
    const child = spawn(findTemporal(), ['server', 'start-dev', ...flags, ...POLL_RATES, ...more], {
      stdio: 'ignore',
    });
    const connection = await connect(child, address);
    if (connection) return { child, address, connection };
    if (starts === STARTS_MAX) throw new Error(`no Temporal server after ${STARTS_MAX} starts`);
  }
};

/** Silences the SDK's core: it logs every kill we make. */
export const silenceTemporal = (): void => {
  try {
    Runtime.install({
      logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
      telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
    });
  } catch {
    // Installed already by another test of this file.
  }
};

export const startTestServer = async (
  flags: readonly string[] = [],
): Promise<TestServer & { stop(): Promise<void> }> => {
  silenceTemporal();
  const { child, address, connection } = await startServer(flags);
  const native = await NativeConnection.connect({ address });
  const stop = async (): Promise<void> => {
    await native.close();
    await connection.close();
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  return { address, client: new Client({ connection }), native, stop };
};

let bundled: Promise<{ code: string }> | null = null;

/** The workflow bundle from source, once a file. */
export const workflowBundle = (): Promise<{ code: string }> => {
  const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const root = fileURLToPath(new URL('../..', import.meta.url));
  bundled ??= bundleWorkflowCode({
    workflowsPath: join(root, 'workflows/index.ts'),
    logger: quiet,
  });
  return bundled;
};
