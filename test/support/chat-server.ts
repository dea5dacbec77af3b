/**
 * A Chat Completions server that plays replies from a list, over real HTTP.
 *
 * It has no state of a conversation: the n-th reply answers the request that holds n answers already, so
 * any number of sessions can play one script at once. Faults are counted by idempotency key. What must
 * stay true: this file imports nothing of the product, since `chat-server-main.mjs` also runs it alone.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

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

export interface ChatCall {
  readonly name: string;
  /** A text is sent word for word, anything else as JSON. */
  readonly arguments: unknown;
  readonly id?: string;
}

export type ChatFault =
  | StatusFault
  /**
   * cut: the connection breaks after half of the frames · close: the response ends cleanly after half ·
   * reset: the connection breaks before any byte · hang: no byte ever · hang_midway: half, then none ·
   * error_event: half, then an error in the stream.
   */
  | {
      readonly kind: 'cut' | 'close' | 'reset' | 'hang' | 'hang_midway' | 'error_event';
      readonly times?: number;
      readonly body?: unknown;
    };

export interface ChatReply {
  readonly text?: string;
  readonly thinking?: string;
  readonly refusal?: string;
  readonly calls?: readonly ChatCall[];
  /** null = the provider never says why it stopped. */
  readonly finish?: string | null;
  /** null = none is sent. */
  readonly usage?: Readonly<Record<string, unknown>> | null;
  /** Before the first byte. */
  readonly delayMs?: number;
  /** Between two frames. */
  readonly chunkMs?: number;
  /** Frames that the text is split into. */
  readonly chunks?: number;
  readonly faults?: readonly ChatFault[];
  /** The body as it is, frame by frame; nothing is added. */
  readonly raw?: readonly string[];
  readonly contentType?: string;
}

export interface ChatScript {
  readonly replies: readonly ChatReply[];
  /** Used instead of `replies` when the first prompt of the conversation holds `match`. */
  readonly conversations?: readonly {
    readonly match: string;
    readonly replies: readonly ChatReply[];
  }[];
  /** Added before the first byte of every answer. */
  readonly latencyMs?: number;
  readonly models?: readonly string[];
  /** Any other key is answered with 401. */
  readonly requireKey?: string;
  /** False: bodies are not kept (benchmarks). */
  readonly keepBodies?: boolean;
}

export interface ChatRecord {
  /** Answers that the conversation held: the place of the reply in the script. */
  readonly answers: number;
  readonly idempotencyKey: string;
  readonly model: string;
  readonly receivedAtMs: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The request as it came; "" when bodies are not kept. */
  readonly body: string;
  readonly bodyBytes: number;
  /** When the last byte of the answer was written; null while it is not. */
  endedAtMs: number | null;
  /** answered · the fault's kind · dropped by the client */
  outcome: string | null;
}

export interface ChatServer {
  /** As the SDK takes it: …/v1 */
  readonly baseUrl: string;
  readonly port: number;
  readonly records: readonly ChatRecord[];
  setScript(script: ChatScript): void;
  /** Resolves once `count` requests have come in. */
  requested(count: number): Promise<void>;
  close(): Promise<void>;
}

const DEFAULT_USAGE = { prompt_tokens: 1000, completion_tokens: 50, total_tokens: 1050 };
const PAST_THE_END: ChatReply = { text: 'done' };

const nowMs = (): number => performance.timeOrigin + performance.now();

const frame = (delta: unknown, finish: string | null = null): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'mock',
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;

const callFrames = (call: ChatCall, index: number, answers: number): readonly string[] => {
  const raw = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments);
  const id = call.id ?? `call_${answers}_${index}`;
  const open = { index, id, type: 'function', function: { name: call.name, arguments: '' } };
  const rest = pieces(raw, 3).map((part) => ({ index, function: { arguments: part } }));
  return [open, ...rest].map((fragment) => frame({ tool_calls: [fragment] }));
};

const framesOf = (reply: ChatReply, answers: number): readonly string[] => {
  if (reply.raw) return reply.raw;
  const calls = reply.calls ?? [];
  const finish =
    reply.finish === undefined ? (calls.length > 0 ? 'tool_calls' : 'stop') : reply.finish;
  const usage = reply.usage === undefined ? DEFAULT_USAGE : reply.usage;
  return [
    frame({ role: 'assistant', content: null }),
    ...(reply.thinking ? [frame({ reasoning_content: reply.thinking })] : []),
    ...(reply.refusal ? [frame({ refusal: reply.refusal })] : []),
    ...pieces(reply.text ?? '', reply.chunks ?? 4).map((content) => frame({ content })),
    ...calls.flatMap((call, index) => callFrames(call, index, answers)),
    frame({}, finish),
    ...(usage
      ? [`data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [], usage })}\n\n`]
      : []),
    'data: [DONE]\n\n',
  ];
};

interface Asked {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
}

class PlayingChat extends Playing<ChatScript, ChatRecord> {
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '';
    if (url.startsWith('/__')) return this.control(url, request, response);
    const { requireKey, models } = this.script;
    if (requireKey && request.headers.authorization !== `Bearer ${requireKey}`)
      return sendJson(response, 401, {
        error: {
          message: `Incorrect API key provided: ${request.headers.authorization ?? 'none'}`,
          type: 'invalid_request_error',
          code: 'invalid_api_key',
        },
      });
    if (url.endsWith('/models'))
      return sendJson(response, 200, {
        object: 'list',
        data: (models ?? []).map((id) => ({ id, object: 'model', created: 1, owned_by: 'mock' })),
      });
    if (url.endsWith('/chat/completions')) return this.complete(request, response);
    return sendJson(response, 404, { error: { message: `no route ${url}` } });
  }

  private async complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const receivedAtMs = nowMs();
    const body = await readBody(request);
    const asked = JSON.parse(body) as Asked;
    const { models } = this.script;
    const answers = asked.messages.filter(({ role }) => role === 'assistant').length;
    const record: ChatRecord = {
      answers,
      idempotencyKey: String(request.headers['idempotency-key'] ?? ''),
      model: asked.model,
      receivedAtMs,
      headers: request.headers as Record<string, string>,
      body: this.script.keepBodies === false ? '' : body,
      bodyBytes: Buffer.byteLength(body),
      endedAtMs: null,
      outcome: null,
    };
    this.note(record);
    if (models && !models.includes(asked.model)) {
      record.outcome = 'unknown model';
      const message = `The model \`${asked.model}\` does not exist or you do not have access to it.`;
      return sendJson(response, 404, { error: { message, code: 'model_not_found' } });
    }
    response.once('close', () => (record.outcome ??= 'dropped by the client'));
    await this.play(this.replyFor(asked, answers), record, response);
  }

  private replyFor(asked: Asked, answers: number): ChatReply {
    const prompts = asked.messages
      .filter(({ role }) => role === 'user')
      .map((m) => String(m.content));
    const own = this.script.conversations?.find(({ match }) =>
      prompts.some((prompt) => prompt.includes(match)),
    );
    return (own?.replies ?? this.script.replies)[answers] ?? PAST_THE_END;
  }

  private async play(
    reply: ChatReply,
    record: ChatRecord,
    response: ServerResponse,
  ): Promise<void> {
    const fault = this.faultFor(reply, record);
    const delayMs = (this.script.latencyMs ?? 0) + (reply.delayMs ?? 0);
    if (delayMs > 0) await wait(delayMs);
    if (response.destroyed) return;
    const frames = framesOf(reply, record.answers);
    if (fault) return failBy(fault, frames, response);
    await this.stream(reply, frames, response, () => {
      record.outcome = 'answered';
      record.endedAtMs = nowMs();
    });
  }

  private async control(
    url: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (url.startsWith('/__script'))
      this.script = JSON.parse(await readBody(request)) as ChatScript;
    if (url.startsWith('/__reset')) this.records.length = 0;
    sendJson(response, 200, { records: this.records });
  }
}

const failBy = (fault: ChatFault, frames: readonly string[], response: ServerResponse): void => {
  if (fault.kind === 'status') {
    const body = fault.body ?? { error: { message: `mock error ${fault.status}`, type: 'mock' } };
    return failByStatus(fault, JSON.stringify(body), response);
  }
  const error = fault.body ?? { error: { message: 'overloaded', code: 529 } };
  breakOff(fault, frames, response, `data: ${JSON.stringify(error)}\n\n`);
};

/** Starts on a free loopback port. */
export const startChatServer = async (script: ChatScript): Promise<ChatServer> => {
  const playing = new PlayingChat(script);
  const { port, close } = await listen((request, response) => playing.handle(request, response));
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    port,
    records: playing.records,
    setScript: (next) => void (playing.script = next),
    requested: (count) => playing.requested(count),
    close,
  };
};
