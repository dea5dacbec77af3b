/**
 * A Responses server that plays replies from a list, over real HTTP.
 *
 * It has no state of a conversation: the n-th reply answers the request that holds the outcome of n
 * answers already. Faults are counted by idempotency key. What must stay true: this file imports nothing
 * of ours, and a request that the real API refuses is refused here with the same words.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import {
  breakOff,
  failByStatus,
  listen,
  Playing,
  readBody,
  sendJson,
  type StatusFault,
} from './played-model.js';
import { eventsOf, finalOf, frame, type Json, type ResponsesReply } from './responses-events.js';

export type ResponsesFault =
  | StatusFault
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

/** What a server says that breaks an answer off. */
const lastWordsOf = (
  { kind, body }: Exclude<ResponsesFault, StatusFault>,
  reply: ResponsesReply,
): string => {
  if (kind !== 'failed')
    return frame(body ?? { type: 'error', code: 'server_is_overloaded', message: 'overloaded' });
  const error = body ?? { code: 'server_error', message: 'The server had an error' };
  return frame({ type: 'response.failed', response: finalOf({ ...reply, error }) });
};

const failBy = (fault: ResponsesFault, reply: ResponsesReply, response: ServerResponse): void => {
  if (fault.kind === 'status') {
    const body = fault.body ?? { error: { message: `mock error ${fault.status}`, type: 'mock' } };
    return failByStatus(fault, JSON.stringify(body), response);
  }
  breakOff(fault, eventsOf(reply), response, lastWordsOf(fault, reply));
};

class PlayingResponses extends Playing<ResponsesScript, ResponsesRecord> {
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
    this.note(record);
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
    const fault = this.faultFor(reply, record);
    if (fault) return failBy(fault, reply, response);
    await this.stream(reply, eventsOf(reply), response, () => (record.outcome = 'answered'));
  }
}

/** Starts on a free loopback port. */
export const startResponsesServer = async (
  script: ResponsesScript = { replies: [] },
): Promise<ResponsesServer> => {
  const playing = new PlayingResponses(script);
  const { port, close } = await listen((request, response) => playing.handle(request, response));
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    records: playing.records,
    setScript: (next) => void (playing.script = next),
    requested: (count) => playing.requested(count),
    close,
  };
};
