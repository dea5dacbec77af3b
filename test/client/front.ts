/**
 * The daemon's front for tests: a real store, the real gateway and the HTTP server, without a worker.
 *
 * Callback style: everything is closed and removed when the body ends, whatever happened in it.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client, Connection } from '@temporalio/client';
import { build } from 'esbuild';

import { openStore } from '../../activities/stores/open-store.js';
import type { Store } from '../../activities/stores/store.js';
import { toolEnvironment } from '../../activities/tools/environment.js';
import { makeGateway, type Gateway, type GatewayDeps } from '../../client/gateway.js';
import { makeDeltaFeed, type DeltaFeed } from '../../client/http/delta-feed.js';
import { startHttpServer, type HttpServer } from '../../client/http/server.js';
import type { StartSessionBody } from '../../client/http/wire.js';
import { LEAD } from '../../workflows/protocol/ids.js';

export const TOKEN = 'a-token-of-the-test';
export const KEY = 'sk-secret-of-the-test-0123456789';

/** Code of the store's thread, bundled once a file; its native part stays where it is installed. */
let threadCode: Promise<string> | null = null;
const bundleThread = async (): Promise<string> => {
  const installed = createRequire(import.meta.url).resolve('better-sqlite3');
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(new URL('../..', import.meta.url)),
    entryPoints: ['workers/store-thread.ts'],
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    plugins: [
      {
        name: 'native',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^better-sqlite3$/ }, () => ({ path: installed, external: true })),
      },
    ],
  });
  return outputFiles[0]?.text ?? '';
};

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: any;
}

export interface Front {
  readonly folder: string;
  /** Real path; no repository. */
  readonly project: string;
  readonly secrets: string;
  readonly databaseFile: string;
  readonly store: Store;
  readonly gateway: Gateway;
  readonly server: HttpServer;
  readonly deltas: DeltaFeed;
  /** Agents told in this process that their turn was interrupted. */
  readonly interrupted: string[];
  /** Unforeseen errors that were logged. */
  readonly logged: unknown[];
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string | null>,
  ): Promise<Reply>;
  /** A body that is accepted, but for what is overridden. */
  start(more?: Partial<StartSessionBody>): StartSessionBody;
  /** Another gateway over the same store, as after a restart of the daemon. */
  nextGateway(more?: Partial<GatewayDeps>): Gateway;
}

export interface FrontOptions {
  /** null: no server at all. */
  readonly client: Client | null;
  readonly patienceMs?: number;
  readonly keepAliveMs?: number;
  /** Stands between the front and its store. */
  readonly watchStore?: (store: Store) => Store;
}

/** A client whose server does not exist; without the SDK's own retries, whose timers outlive `close`. */
export const noServer = (): Client =>
  new Client({ connection: Connection.lazy({ address: '127.0.0.1:1', interceptors: [] }) });

export const sendHttp = (
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string | null,
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => {
          const isJson = response.headers['content-type']?.includes('json') === true;
          const parsed: unknown = isJson ? JSON.parse(text) : null;
          const { statusCode: status = 0, headers: replied } = response;
          resolve({ status, headers: replied, text, body: parsed });
        });
      },
    );
    request.on('error', reject);
    request.end(body ?? undefined);
  });

const openTestStore = async (folder: string): Promise<Store> => {
  threadCode ??= bundleThread();
  const threadFile = join(folder, 'store-thread.mjs');
  writeFileSync(threadFile, await threadCode);
  const store = await openStore({
    file: join(folder, 'loomkin.db'),
    blobsDir: join(folder, 'blobs'),
    backupsDir: join(folder, 'backups'),
    threadFile,
  });
  await store.call('takeFence', { pid: process.pid, at: new Date().toISOString() });
  return store;
};

export const startBody = (project: string, folder: string): StartSessionBody => ({
  session_id: randomUUID(),
  message_id: randomUUID(),
  text: 'do it',
  project,
  env: { PATH: '/usr/bin', HOME: join(folder, 'user'), OPENAI_API_KEY: KEY },
  umask: 0o022,
  config_file: null,
  model: 'openai/test',
  permission_mode: null,
  max_turns: null,
  interactive: false,
});

export const withFront = async (
  options: FrontOptions,
  body: (front: Front) => Promise<void>,
): Promise<void> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'loomkin-front-')));
  const project = join(folder, 'project');
  mkdirSync(project);
  const real = await openTestStore(folder);
  const store = options.watchStore?.(real) ?? real;
  const client = options.client ?? noServer();
  const deltas = makeDeltaFeed();
  const interrupted: string[] = [];
  const logged: unknown[] = [];
  const deps: GatewayDeps = {
    client,
    store,
    taskQueue: `test-${randomUUID()}`,
    turnSignals: {
      aim: (session, agent) => () => void interrupted.push(`${session}/${agent}`),
    },
    secretsFolder: join(folder, 'secrets'),
    toolEnvironment,
    checkModel: async (model) =>
      model === 'scripted/none'
        ? { ok: false, message: 'no script "none"', cure: 'Did you mean "one"?' }
        : { ok: true },
    toolNames: ['read', 'write'],
    readGitHead: async () => null,
    now: () => new Date(),
    ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
  };
  const gateways = [makeGateway(deps)];
  const gateway = gateways[0] as Gateway;
  const server = await startHttpServer({
    port: 0,
    token: TOKEN,
    gateway,
    store,
    deltas,
    build: { version: '1.2.3', build: 'abc' },
    now: deps.now,
    logError: (_message, error) => void logged.push(error),
    ...(options.keepAliveMs === undefined ? {} : { keepAliveMs: options.keepAliveMs }),
  });
  const front: Front = {
    folder,
    project,
    secrets: deps.secretsFolder,
    databaseFile: join(folder, 'loomkin.db'),
    store,
    gateway,
    server,
    deltas,
    interrupted,
    logged,
    start: (more) => ({ ...startBody(project, folder), ...more }),
    nextGateway: (more) => {
      const next = makeGateway({ ...deps, ...more });
      gateways.push(next);
      return next;
    },
    call: (method, path, sent, headers = {}) => {
      const text =
        typeof sent === 'string' ? sent : sent === undefined ? null : JSON.stringify(sent);
      const all = {
        authorization: `Bearer ${TOKEN}`,
        ...(text === null ? {} : { 'content-length': String(Buffer.byteLength(text)) }),
        ...headers,
      };
      const kept = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null);
      return sendHttp(server.port, method, path, Object.fromEntries(kept), text);
    },
  };
  try {
    await body(front);
  } finally {
    for (const each of gateways) each.close();
    await server.close();
    await real.close();
    if (!options.client) await client.connection.close();
    rmSync(folder, { recursive: true });
  }
};

/** Puts a session into the store as the gateway would. */
export const createSession = (front: Front, id: string, more: object = {}): Promise<void> =>
  front.store.call('createSession', {
    id,
    project: front.project,
    title: 'a title',
    model: 'openai/test',
    permissionMode: 'default',
    createdAt: new Date().toISOString(),
    baseCommit: null,
    ...more,
  });

export const notice = (front: Front, sessionId: string, key: string, text = key): Promise<number> =>
  front.store.call('appendEvent', {
    sessionId,
    key,
    at: new Date().toISOString(),
    event: { kind: 'notice', agent: LEAD, text },
  });

/** One front for all tests of a file or a block that leave it as they found it. */
export const sharedFront = (options: FrontOptions): (() => Front) => {
  let shared: Front | null = null;
  let leave = (): void => undefined;
  let over: Promise<void> = Promise.resolve();
  beforeAll(
    () =>
      new Promise<void>((resolve, reject) => {
        over = withFront(options, (front) => {
          shared = front;
          resolve();
          return new Promise((done) => (leave = done));
        });
        over.catch(reject);
      }),
  );
  afterAll(() => {
    leave();
    return over;
  });
  return () => {
    if (!shared) throw new Error('the front is not up yet');
    return shared;
  };
};
