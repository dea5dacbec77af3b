/**
 * A Responses server that plays replies from a list, over real HTTP.
 *
 * It has no state of a conversation: the n-th reply answers the request that holds the outcome of n
 * answers already. Faults are counted by idempotency key. What must stay true: this file imports nothing
 * of ours, and a request that the real API refuses is refused here with the same words.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { eventsOf, finalOf, frame, type Json, type ResponsesReply } from './responses-events.js';

export type ResponsesFault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly retryAfter?: string | number;
      readonly retryAfterMs?: number;
      readonly body?: unknown;
      readonly times?: number;
    }
  /**
   * cut: the connection breaks after half of the events · close: the response ends cleanly after half ·
   * reset: the connection breaks before any byte · hang: no byte ever · hang_midway: half, then none ·
   * error_event: half, then an `error` event · failed: half, then `response.failed`.
   */
  | {
      readonly kind: 'cut' | 'close' | 'reset' | 'hang' | 'hang_midway' | 'error_event' | 'failed';
      readonly times?: number;
      /** Of `error_event`: the whole event; of `failed`: the error. */
      readonly body?: unknown;
    };

export interface ResponsesScript {
  readonly replies: readonly (ResponsesReply & { readonly faults?: readonly ResponsesFault[] })[];
  readonly models?: readonly string[];
  /** Any other key is answered with 401. */
  readonly requireKey?: string;
}

export interface ResponsesRecord {
  readonly idempotencyKey: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The request as it came. */
  readonly body: string;
  outcome: string | null;
}

export interface ResponsesServer {
  /** As the SDK takes it: …/v1 */
  readonly baseUrl: string;
  readonly records: readonly ResponsesRecord[];
  setScript(script: ResponsesScript): void;
  /** Resolves once `count` requests have come in. */
  requested(count: number): Promise<void>;
  close(): Promise<void>;
}

interface Asked {
  readonly model: string;
  readonly input: readonly Json[];
  readonly max_output_tokens?: number;
  readonly store?: boolean;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const sendJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

/** Items from one outcome of a tool, or one prompt, to the next are one answer. */
const answersIn = (input: readonly Json[]): number => {
  const isOurs = (item: Json): boolean =>
    item['type'] === 'function_call_output' || item['role'] === 'user';
  return input.filter((item, at) => !isOurs(item) && (at === 0 || isOurs(input[at - 1]!))).length;
};

const NAME = /^[a-zA-Z0-9_-]+$/;

/** What the real API says against an input; null when it takes it. An item `a_of_b` was thought out in `b`. */
const objectionTo = ({ input, max_output_tokens, store }: Asked): string | null => {
  if (max_output_tokens !== undefined && max_output_tokens < 16)
    return "Invalid 'max_output_tokens': integer below minimum value.";
  const outputs = new Set(input.map(({ type, call_id }) => `${String(type)} ${String(call_id)}`));
  for (const [at, item] of input.entries()) {
    const { type, id, call_id, name, encrypted_content } = item;
    const next = input.slice(at + 1).find((later) => later['type'] !== 'reasoning');
    if (type === 'reasoning' && store === false && !encrypted_content && !item['content'])
      return `Item with id '${String(id)}' not found. Items are not persisted when \`store\` is set to false.`;
    if (
      type === 'reasoning' &&
      (!next || next['type'] === 'function_call_output' || next['role'] === 'user')
    )
      return `Item '${String(id)}' of type 'reasoning' was provided without its required following item.`;
    const [, thought] = /_of_(\w+)$/.exec(String(id)) ?? [];
    if (thought && !input.some((earlier) => earlier['id'] === thought))
      return `Item '${String(id)}' of type '${String(type)}' was provided without its required 'reasoning' item: '${thought}'.`;
    if (type === 'function_call' && !NAME.test(String(name)))
      return `Invalid 'input[${at}].name': string does not match pattern.`;
    if (type === 'function_call' && !outputs.has(`function_call_output ${String(call_id)}`))
      return `No tool output found for function call ${String(call_id)}.`;
    if (type === 'function_call_output' && !outputs.has(`function_call ${String(call_id)}`))
      return `No tool call found for function call output with call_id ${String(call_id)}.`;
  }
  return null;
};

const failBy = (fault: ResponsesFault, reply: ResponsesReply, response: ServerResponse): void => {
  if (fault.kind === 'status') {
    const { status, retryAfter, retryAfterMs } = fault;
    const body = fault.body ?? { error: { message: `mock error ${status}`, type: 'mock' } };
    return sendJson(response, status, body, {
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      ...(retryAfterMs === undefined ? {} : { 'retry-after-ms': String(retryAfterMs) }),
    });
  }
  if (fault.kind === 'hang') return;
  if (fault.kind === 'reset') return void response.socket?.resetAndDestroy();
  const events = eventsOf(reply);
  const half = events.slice(0, Math.max(2, Math.floor(events.length / 2))).join('');
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(half, () => {
    if (fault.kind === 'cut') setTimeout(() => response.socket?.resetAndDestroy(), 20);
    if (fault.kind === 'close') response.end();
    if (fault.kind === 'error_event')
      response.end(
        frame(fault.body ?? { type: 'error', code: 'server_is_overloaded', message: 'overloaded' }),
      );
    if (fault.kind === 'failed') {
      const error = fault.body ?? { code: 'server_error', message: 'The server had an error' };
      response.end(frame({ type: 'response.failed', response: finalOf({ ...reply, error }) }));
    }
  });
};

class Playing {
  script: ResponsesScript;
  readonly records: ResponsesRecord[] = [];
  private readonly attempts = new Map<string, number>();
  private waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(script: ResponsesScript) {
    this.script = script;
  }

  requested(count: number): Promise<void> {
    if (this.records.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ count, resolve }));
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { requireKey, models = [] } = this.script;
    const sent = request.headers.authorization ?? 'none';
    if (requireKey && sent !== `Bearer ${requireKey}`) {
      const message = `Incorrect API key provided: ${sent}`;
      return sendJson(response, 401, { error: { message, code: 'invalid_api_key' } });
    }
    if (request.url?.endsWith('/models'))
      return sendJson(response, 200, { object: 'list', data: models.map((id) => ({ id })) });
    if (request.url?.endsWith('/responses')) return this.respond(request, response);
    return sendJson(response, 404, { error: { message: `no route ${request.url}` } });
  }

  private async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const record: ResponsesRecord = {
      idempotencyKey: String(request.headers['idempotency-key'] ?? ''),
      headers: request.headers as Record<string, string>,
      body,
      outcome: null,
    };
    this.records.push(record);
    const isDue = ({ count }: { readonly count: number }): boolean => this.records.length >= count;
    for (const { resolve } of this.waiting.filter(isDue)) resolve();
    this.waiting = this.waiting.filter((one) => !isDue(one));
    response.once('close', () => (record.outcome ??= 'dropped by the client'));
    const asked = JSON.parse(body) as Asked;
    const message = objectionTo(asked);
    if (message !== null) {
      record.outcome = message;
      return sendJson(response, 400, { error: { message, type: 'invalid_request_error' } });
    }
    await this.play(this.script.replies[answersIn(asked.input)] ?? {}, record, response);
  }

  private async play(
    reply: ResponsesScript['replies'][number],
    record: ResponsesRecord,
    response: ServerResponse,
  ): Promise<void> {
    const attempt = this.attempts.get(record.idempotencyKey) ?? 0;
    this.attempts.set(record.idempotencyKey, attempt + 1);
    const faults = (reply.faults ?? []).flatMap((fault) =>
      Array<ResponsesFault>(fault.times ?? 1).fill(fault),
    );
    const fault = faults[attempt];
    if (fault) {
      record.outcome = fault.kind === 'status' ? String(fault.status) : fault.kind;
      return failBy(fault, reply, response);
    }
    response.writeHead(200, { 'content-type': reply.contentType ?? 'text/event-stream' });
    const events = eventsOf(reply);
    for (const part of reply.chunkMs ? events.slice(0, -1) : []) {
      response.write(part);
      await wait(reply.chunkMs ?? 0);
      if (response.destroyed) return;
    }
    record.outcome = 'answered';
    const rest = reply.chunkMs ? (events.at(-1) ?? '') : events.join('');
    if (reply.staysOpen) response.write(rest);
    else response.end(rest);
  }
}

/** Starts on a free loopback port. */
export const startResponsesServer = async (
  script: ResponsesScript = { replies: [] },
): Promise<ResponsesServer> => {
  const playing = new Playing(script);
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    playing.handle(request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    records: playing.records,
    setScript: (next) => void (playing.script = next),
    requested: (count) => playing.requested(count),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
};
