/**
 * An HTTP server that answers by the byte: for what a well-behaved server, even a failing one, can't do.
 *
 * What must stay true: closing it leaves no socket behind, whatever an answer left open.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';

import { makeOpenaiChat } from '../../activities/models/openai-chat.js';
import type { Provider } from '../../activities/models/provider.js';

export interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answering = (response: ServerResponse, asked: Asked) => void | Promise<void>;

export interface ByteServer {
  readonly origin: string;
  readonly baseUrl: string;
  readonly asked: Asked[];
  readonly sockets: ReadonlySet<Socket>;
  answering: Answering;
  /** Resolves once the sockets of all requests so far are closed. */
  hungUp(): Promise<unknown>;
  provider(headers?: Record<string, string>): Provider;
  close(): Promise<void>;
}

export const KEY = 'sk-secret-key-0123456789';

export const startByteServer = async (answering: Answering = () => undefined) => {
  const sockets = new Set<Socket>();
  const asked: Asked[] = [];
  const closed: Promise<unknown>[] = [];
  const server = createServer((request, response) => {
    let body = '';
    closed.push(new Promise((resolve) => request.socket.once('close', resolve)));
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const { url = '', method = '', headers } = request;
      asked.push({ url, method, headers, body });
      void self.answering(response, asked.at(-1)!);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const baseUrl = `${origin}/v1`;
  const self: ByteServer = {
    ...{ origin, baseUrl, asked, sockets, answering },
    hungUp: () => Promise.all(closed),
    provider: (headers = {}) =>
      makeOpenaiChat({ name: 'mock', baseUrl, headers, key: KEY, env: {} }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return self;
};

/** A whole answer of this type at once. */
export const sending =
  (body: string | Buffer, contentType = 'text/event-stream', status = 200): Answering =>
  (response) => {
    response.writeHead(status, { 'content-type': contentType });
    response.end(body);
  };
