/**
 * The daemon's HTTP server on loopback: judges the caller, finds the route, answers in JSON.
 *
 * Plain `node:http`: a dozen routes and one kind of stream need no framework, and its start costs
 * nothing. What must stay true: it listens on 127.0.0.1 alone, and `close` never waits for a client
 * that only listens.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Refusal } from '../refusal.js';
import { checkCaller } from './auth.js';
import { errorAnswer } from './error-answer.js';
import { makeRoutes, matchPath, type Answer, type Route, type RouteDeps } from './routes.js';
import { makeStreams } from './streams.js';

export interface HttpServerOptions extends Omit<RouteDeps, 'streams'> {
  /** 0 = any free one. */
  readonly port: number;
  readonly token: string;
  /** Told what nobody foresaw; never holds a body. */
  readonly logError: (message: string, error: unknown) => void;
  readonly keepAliveMs?: number;
}

export interface HttpServer {
  readonly port: number;
  /** Ends streams at once, lets requests in flight finish for a moment. */
  close(): Promise<void>;
}

const KEEP_ALIVE_MS = 15_000;
/** Longer than the pause between two requests of one command. */
const IDLE_SOCKET_MS = 30_000;
const FINISH_MS = 2_000;

const isGone = (response: ServerResponse): boolean => response.destroyed || response.headersSent;

/** The caller went away while its request was read. */
const isAborted = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === 'ECONNRESET';

const send = (response: ServerResponse, status: number, body: unknown): void => {
  if (isGone(response)) return;
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(bytes);
};

const noRoute = (status: 404 | 405, what: string): Refusal =>
  new Refusal('no_route', `no such route: ${what}`, 'Check method and path', {
    status,
    exitCode: 2,
  });

const answerCall = async (
  routes: readonly Route[],
  checked: (isOpen: boolean) => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer> => {
  if (!URL.canParse(request.url ?? '/', 'http://localhost'))
    throw noRoute(404, 'unreadable address');
  const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://localhost');
  const candidates = routes.filter((route) => matchPath(route, path) !== null);
  const route = candidates.find(({ method }) => method === request.method);
  checked(route?.isOpen === true);
  const what = `${request.method} ${path.slice(0, 200)}`;
  if (!route) {
    const methods = candidates.map(({ method }) => method);
    if (methods.length > 0) response.setHeader('allow', methods.join(', '));
    throw noRoute(methods.length > 0 ? 405 : 404, what);
  }
  return route.answer({ request, response, query, id: matchPath(route, path) ?? '' });
};

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), FINISH_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });

/** Rejects when the port is taken (`EADDRINUSE`). */
export const startHttpServer = async (options: HttpServerOptions): Promise<HttpServer> => {
  const { store, deltas, token, logError, keepAliveMs = KEEP_ALIVE_MS } = options;
  const streams = makeStreams({ store, deltas, keepAliveMs });
  const routes = makeRoutes({ ...options, streams });
  let port = 0;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const checked = (isOpen: boolean): void =>
      checkCaller(request.headers, { token, port }, isOpen);
    try {
      const answer = await answerCall(routes, checked, request, response);
      if (answer) send(response, answer.status, answer.body);
    } catch (error) {
      const { status, body, isOurs } = errorAnswer(error);
      if (isOurs && !isAborted(error)) logError(`${request.method} ${request.url} failed`, error);
      send(response, status, body);
    }
  };

  const server = createServer({ keepAliveTimeout: IDLE_SOCKET_MS }, (request, response) => {
    void handle(request, response);
  });
  port = await listen(server, options.port);
  return {
    port,
    close: () => {
      streams.endAll();
      return closeServer(server);
    },
  };
};
