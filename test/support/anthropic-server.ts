/**
 * A Messages server that plays replies from a list, over real HTTP, and is as strict as the API.
 *
 * It has no state of a conversation: the n-th reply answers the request that holds n answers already, so
 * any number of sessions can play one script at once. Faults are counted by idempotency key. What must
 * stay true: nothing of ours but its own rules is imported, so that it can also run alone.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { faultOf, signatureOf, type Asked } from './anthropic-rules.js';

type Fields = Readonly<Record<string, unknown>>;

export interface MessagesCall {
  readonly name: string;
  /** A text is sent word for word, anything else as JSON. */
  readonly input: unknown;
  readonly id?: string;
}

export type MessagesFault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly retryAfter?: string | number;
      readonly body?: unknown;
      readonly times?: number;
    }
  /**
   * cut: the connection breaks after half of the events · close: the response ends cleanly after half ·
   * reset: the connection breaks before any byte · hang: no byte ever · hang_midway: half, then none ·
   * error_event: half, then an error in the stream.
   */
  | {
      readonly kind: 'cut' | 'close' | 'reset' | 'hang' | 'hang_midway' | 'error_event';
      readonly times?: number;
      /** The `error` of an error event. */
      readonly error?: Fields;
    };

export interface MessagesReply {
  readonly thinking?: string;
  /** Data of a thought that nobody may read. */
  readonly redacted?: string;
  readonly text?: string;
  readonly calls?: readonly MessagesCall[];
  /** null = the provider never says why it stopped. */
  readonly stop?: string | null;
  readonly stopDetails?: Fields;
  /** null = none is sent. */
  readonly usage?: Fields | null;
  /** Before the first byte. */
  readonly delayMs?: number;
  /** Between two events. */
  readonly chunkMs?: number;
  readonly faults?: readonly MessagesFault[];
  /** The body as it is, event by event; nothing is added. */
  readonly raw?: readonly string[];
  readonly contentType?: string;
}

export interface MessagesScript {
  readonly replies: readonly MessagesReply[];
  /** Added before the first byte of every answer. */
  readonly latencyMs?: number;
  readonly models?: readonly string[];
  /** Any other key, or the right one in the other header, is answered with 401. */
  readonly requireKey?: { readonly header: 'x-api-key' | 'authorization'; readonly value: string };
  /** More `max_tokens` are refused. */
  readonly outputTokensMax?: number;
}

export interface MessagesRecord {
  /** Answers that the conversation held: the place of the reply in the script. */
  readonly answers: number;
  readonly idempotencyKey: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The request as it came. */
  readonly body: string;
  /** answered · the fault's kind · why it was refused · dropped by the client */
  outcome: string | null;
}

export interface MessagesServer {
  /** As the SDK takes it: without /v1 */
  readonly baseUrl: string;
  readonly records: readonly MessagesRecord[];
  setScript(script: MessagesScript): void;
  /** Resolves once `count` requests have come in. */
  requested(count: number): Promise<void>;
  close(): Promise<void>;
}

const DEFAULT_USAGE: Fields = {
  input_tokens: 1000,
  cache_creation_input_tokens: 200,
  cache_read_input_tokens: 300,
  output_tokens: 50,
};
const PAST_THE_END: MessagesReply = { text: 'done' };

/** One event, named as the API names it. */
export const sse = (type: string, fields: Fields = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

export const errorOf = (type: string, message: string): Fields => ({
  type: 'error',
  error: { type, message },
  request_id: 'req_1',
});

const pieces = (text: string, count: number): readonly string[] => {
  const length = Math.max(1, Math.ceil(text.length / count));
  const found: string[] = [];
  for (let from = 0; from < text.length; from += length)
    found.push(text.slice(from, from + length));
  return found;
};

const blockEvents = (
  index: number,
  block: Fields,
  deltas: readonly Fields[],
): readonly string[] => [
  sse('content_block_start', { index, content_block: block }),
  ...deltas.map((delta) => sse('content_block_delta', { index, delta })),
  sse('content_block_stop', { index }),
];

type Block = readonly [block: Fields, deltas: readonly Fields[]];

const thinkingBlock = (thinking: string): Block => [
  { type: 'thinking', thinking: '', signature: '' },
  [
    ...pieces(thinking, 3).map((piece) => ({ type: 'thinking_delta', thinking: piece })),
    { type: 'signature_delta', signature: signatureOf(thinking) },
  ],
];

const callBlock = ({ name, input, id }: MessagesCall, place: string): Block => {
  const raw = typeof input === 'string' ? input : JSON.stringify(input);
  return [
    { type: 'tool_use', id: id ?? `toolu_${place}`, name, input: {} },
    ['', ...pieces(raw, 3)].map((partial_json) => ({ type: 'input_json_delta', partial_json })),
  ];
};

const eventsOf = (reply: MessagesReply, answers: number): readonly string[] => {
  if (reply.raw) return reply.raw;
  const { thinking, redacted, text = '', calls = [], stopDetails = null } = reply;
  const { output_tokens, ...asked } =
    reply.usage === undefined ? DEFAULT_USAGE : (reply.usage ?? {});
  const stop_reason =
    reply.stop === undefined ? (calls.length > 0 ? 'tool_use' : 'end_turn') : reply.stop;
  const blocks: readonly Block[] = [
    ...(thinking ? [thinkingBlock(thinking)] : []),
    ...(redacted ? [[{ type: 'redacted_thinking', data: redacted }, []] as const] : []),
    ...(text === ''
      ? []
      : [
          [
            { type: 'text', text: '' },
            pieces(text, 4).map((piece) => ({ type: 'text_delta', text: piece })),
          ] as const,
        ]),
    ...calls.map((call, index) => callBlock(call, `${answers}_${index}`)),
  ];
  const [begun, ended] =
    reply.usage === null
      ? [{}, {}]
      : [{ usage: { ...asked, output_tokens: 1 } }, { usage: { output_tokens } }];
  return [
    sse('message_start', {
      message: { id: 'msg_1', type: 'message', role: 'assistant', content: [], ...begun },
    }),
    ...blocks.flatMap(([block, deltas], index) => blockEvents(index, block, deltas)),
    sse('ping'),
    sse('message_delta', {
      delta: { stop_reason, stop_sequence: null, stop_details: stopDetails },
      ...ended,
    }),
    sse('message_stop'),
  ];
};

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

const sendJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};

class Playing {
  script: MessagesScript;
  readonly records: MessagesRecord[] = [];
  private readonly attempts = new Map<string, number>();
  private waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(script: MessagesScript) {
    this.script = script;
  }

  requested(count: number): Promise<void> {
    if (this.records.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ count, resolve }));
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '', headers } = request;
    const { requireKey, models = [] } = this.script;
    if (!headers['anthropic-version'])
      return sendJson(
        response,
        400,
        errorOf('invalid_request_error', 'anthropic-version: required'),
      );
    if (requireKey && headers[requireKey.header] !== requireKey.value)
      return sendJson(
        response,
        401,
        errorOf('authentication_error', `invalid x-api-key: ${JSON.stringify(headers)}`),
      );
    if (url.startsWith('/v1/models')) {
      const data = models.map((id) => ({ type: 'model', id, display_name: id }));
      return sendJson(response, 200, { data, has_more: false, first_id: null, last_id: null });
    }
    if (url === '/v1/messages') return this.answer(request, response);
    return sendJson(response, 404, errorOf('not_found_error', `no route ${url}`));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const asked = JSON.parse(body) as Asked;
    const answers = asked.messages.filter(({ role }) => role === 'assistant').length;
    const record: MessagesRecord = {
      answers,
      idempotencyKey: String(request.headers['idempotency-key'] ?? ''),
      url: request.url ?? '',
      headers: request.headers as Record<string, string>,
      body,
      outcome: null,
    };
    this.note(record);
    const { models, outputTokensMax = 1e9 } = this.script;
    if (models && !models.includes(asked.model)) {
      record.outcome = 'unknown model';
      return sendJson(response, 404, errorOf('not_found_error', `model: ${asked.model}`));
    }
    const refused = faultOf(asked, outputTokensMax);
    if (refused !== null) {
      record.outcome = refused;
      return sendJson(response, 400, errorOf('invalid_request_error', refused));
    }
    response.once('close', () => (record.outcome ??= 'dropped by the client'));
    await this.play(this.script.replies[answers] ?? PAST_THE_END, record, response);
  }

  private note(record: MessagesRecord): void {
    this.records.push(record);
    const isDue = ({ count }: { readonly count: number }): boolean => this.records.length >= count;
    for (const { resolve } of this.waiting.filter(isDue)) resolve();
    this.waiting = this.waiting.filter((one) => !isDue(one));
  }

  private faultFor(reply: MessagesReply, { idempotencyKey }: MessagesRecord): MessagesFault | null {
    const attempt = this.attempts.get(idempotencyKey) ?? 0;
    this.attempts.set(idempotencyKey, attempt + 1);
    let before = 0;
    for (const fault of reply.faults ?? []) {
      before += fault.times ?? 1;
      if (attempt < before) return fault;
    }
    return null;
  }

  private async play(
    reply: MessagesReply,
    record: MessagesRecord,
    response: ServerResponse,
  ): Promise<void> {
    const fault = this.faultFor(reply, record);
    const delayMs = (this.script.latencyMs ?? 0) + (reply.delayMs ?? 0);
    if (delayMs > 0) await wait(delayMs);
    if (response.destroyed) return;
    const events = eventsOf(reply, record.answers);
    if (fault) {
      record.outcome = fault.kind === 'status' ? String(fault.status) : fault.kind;
      return failBy(fault, events, response);
    }
    response.writeHead(200, { 'content-type': reply.contentType ?? 'text/event-stream' });
    if (reply.chunkMs)
      for (const part of events.slice(0, -1)) {
        response.write(part);
        await wait(reply.chunkMs);
        if (response.destroyed) return;
      }
    // Recorded before the last byte leaves, so that whoever has the answer finds the record of it.
    record.outcome = 'answered';
    response.end(reply.chunkMs ? events.at(-1) : events.join(''));
  }
}

const failBy = (
  fault: MessagesFault,
  events: readonly string[],
  response: ServerResponse,
): void => {
  if (fault.kind === 'status') {
    const { status, retryAfter, body } = fault;
    const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
    return sendJson(response, status, body ?? errorOf('mock_error', `mock ${status}`), headers);
  }
  if (fault.kind === 'hang') return;
  if (fault.kind === 'reset') return void response.socket?.resetAndDestroy();
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const half = events.slice(0, Math.max(2, Math.floor(events.length / 2))).join('');
  response.write(half, () => {
    if (fault.kind === 'cut') setTimeout(() => response.socket?.resetAndDestroy(), 20);
    if (fault.kind === 'close') response.end();
    if (fault.kind === 'error_event') {
      const error = fault.error ?? { type: 'overloaded_error', message: 'Overloaded' };
      response.end(sse('error', { error }));
    }
  });
};

/** Starts on a free loopback port. */
export const startAnthropicServer = async (script: MessagesScript): Promise<MessagesServer> => {
  const playing = new Playing(script);
  const sockets = new Set<Socket>();
  const server: Server = createServer((request, response) => {
    playing.handle(request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}`,
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
