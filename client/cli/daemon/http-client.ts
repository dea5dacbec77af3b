/**
 * HTTP to the daemon on loopback, on `node:http` alone: JSON calls, and a stream of events.
 *
 * What must stay true: an answer that says "not now" (connection refused or cut, a daemon on its way
 * in or out, a token of an earlier start) is told apart from one that says "no" (`CommandFailure`), since
 * the first is tried again with the same ids and the second never is.
 */
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';

import type { ErrorBody } from '../../http/wire.js';
import { CommandFailure } from '../io.js';
import { EventReader } from './server-sent-events.js';
import type { ServerSentEvent } from './server-sent-events.js';

export interface Endpoint {
  readonly port: number;
  readonly token: string;
}

export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
}

export interface HttpClient {
  call<Body>(endpoint: Endpoint, call: Call): Promise<Body>;
  /** Resolves when the stream is open; it ends or throws `Unreachable` when the connection does. */
  stream(endpoint: Endpoint, path: string): Promise<AsyncIterable<ServerSentEvent>>;
  close(): void;
}

/** A stopped daemon answers nothing; its supervisor needs 10 s to notice. */
const ANSWER_MS_MAX = 20_000;
const NOT_NOW = new Set([401, 502, 503, 504]);

export class Unreachable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Unreachable';
  }
}

export const isUnreachable = (error: unknown): boolean =>
  error instanceof Error && error.name === 'Unreachable';

export const createHttpClient = (): HttpClient => {
  const agent = new Agent({ keepAlive: true });
  return {
    call: async <Body>(endpoint: Endpoint, call: Call) => {
      const response = await send(agent, endpoint, call);
      return parseBody<Body>(await readAll(response), call);
    },
    stream: async (endpoint, path) => {
      const call: Call = { method: 'GET', path };
      const response = await send(agent, endpoint, call);
      response.socket.setTimeout(0);
      return readEvents(response);
    },
    close: () => agent.destroy(),
  };
};

/** Resolves with a response of status 2xx, its body unread. */
const send = async (agent: Agent, endpoint: Endpoint, call: Call): Promise<IncomingMessage> => {
  const response = await open(agent, endpoint, call);
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  const answer = await readAll(response);
  if (NOT_NOW.has(status)) throw new Unreachable(`${call.path} answered ${status}`);
  throw refusalOf(answer, status, call);
};

const open = (agent: Agent, { port, token }: Endpoint, call: Call): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const body = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body));
    const headers: Record<string, string | number> = { authorization: `Bearer ${token}` };
    if (body !== null) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = body.length;
    }
    const { method, path } = call;
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent });
    request.setTimeout(ANSWER_MS_MAX, () => request.destroy(new Error('no answer')));
    request.on('response', resolve);
    request.on('error', (error) => reject(new Unreachable(`${path}: ${error.message}`)));
    request.end(body ?? undefined);
  });

const readAll = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new Unreachable(`answer was cut: ${(error as Error).message}`);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const parseBody = <Body>(text: string, call: Call): Body => {
  if (text === '') return undefined as Body;
  try {
    return JSON.parse(text) as Body;
  } catch {
    throw new Unreachable(`${call.path} answered something that is no JSON`);
  }
};

const refusalOf = (answer: string, status: number, call: Call): CommandFailure => {
  try {
    const { error } = JSON.parse(answer) as ErrorBody;
    const { kind, message, cure, exit_code: exitCode } = error;
    const isOurs = [kind, message, cure].every((words) => typeof words === 'string');
    if (!isOurs || !(exitCode > 0)) throw new Error('no refusal of ours');
    return new CommandFailure(kind, message, cure, exitCode);
  } catch {
    const message = `the engine answered ${status} (${call.method} ${call.path})`;
    const cure = 'Its log is logs/daemon.log in LOOMKIN_HOME.';
    return new CommandFailure('internal', message, cure, 1);
  }
};

async function* readEvents(response: IncomingMessage): AsyncGenerator<ServerSentEvent> {
  response.setEncoding('utf8');
  const events = new EventReader();
  try {
    for await (const chunk of response) yield* events.push(chunk as string);
  } catch (error) {
    throw new Unreachable(`stream was cut: ${(error as Error).message}`);
  }
}
