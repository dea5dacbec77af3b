/**
 * A Messages server that plays replies from a list, over real HTTP, and is as strict as the API.
 *
 * It has no state of a conversation: the n-th reply answers the request that holds n answers already, so
 * any number of sessions can play one script at once. Faults are counted by idempotency key. What must
 * stay true: nothing of ours but its own rules is imported, so that it can also run alone.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { faultOf, signatureOf, type Asked } from './anthropic-rules.js';
import {
  breakOff,
  failByStatus,
  listen,
  pieces,
  Playing,
  readBody,
  sendJson,
  wait,
  type StatusFault,
} from './played-model.js';

type Fields = Readonly<Record<string, unknown>>;

export interface MessagesCall {
  readonly name: string;
  /** A text is sent word for word, anything else as JSON. */
  readonly input: unknown;
  readonly id?: string;
}

export type MessagesFault =
  | StatusFault
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

class PlayingMessages extends Playing<MessagesScript, MessagesRecord> {
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
    if (fault) return failBy(fault, events, response);
    await this.stream(reply, events, response, () => (record.outcome = 'answered'));
  }
}

const textOf = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body));

const failBy = (
  fault: MessagesFault,
  events: readonly string[],
  response: ServerResponse,
): void => {
  if (fault.kind === 'status') {
    const body = fault.body ?? errorOf('mock_error', `mock ${fault.status}`);
    return failByStatus(fault, textOf(body), response);
  }
  const error = fault.error ?? { type: 'overloaded_error', message: 'Overloaded' };
  breakOff(fault, events, response, sse('error', { error }));
};

/** Starts on a free loopback port. */
export const startAnthropicServer = async (script: MessagesScript): Promise<MessagesServer> => {
  const playing = new PlayingMessages(script);
  const { port, close } = await listen((request, response) => playing.handle(request, response));
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    records: playing.records,
    setScript: (next) => void (playing.script = next),
    requested: (count) => playing.requested(count),
    close,
  };
};
