/**
 * Any server that speaks Anthropic Messages, through the `@anthropic-ai/sdk` package.
 *
 * The SDK's own retries, time limits, spans and look-ups of credentials are off, and its stream is read
 * event by event, since its own reader throws away what it does not know. What must stay true: one call
 * of `answer` is at most one request, and an answer that was cut is an error, never a shorter answer.
 */
import type Anthropic from '@anthropic-ai/sdk';
import type { ServerSentEvent } from '@anthropic-ai/sdk/core/streaming';

import { AnswerBuilder } from './anthropic/answer.js';
import { asObject, asText, isShallow, type Json } from './wire/json.js';
import { bodyOf } from './anthropic/messages.js';
import { emptiness, refusalIn, refusalOf } from './anthropic/refusals.js';
import {
  askOverHttp,
  fallbackIdOf,
  NO_TIMEOUT_MS,
  shortfall,
  type ModelServer,
} from './ask-over-http.js';
import type { ByteWatch } from './wire/byte-watch.js';
import { redact } from './wire/failures.js';
import type { ModelAnswer, ModelRequest, Provider } from './provider.js';

/** The most that one page of the list holds. */
const LISTED_MAX = 1_000;

/** The key goes out in one header alone: the SDK would send it as bearer whatever the server wants. */
const headersOf = ({ key, keyHeader = 'x-api-key', headers }: ModelServer) => {
  const keyed = keyHeader === 'bearer' ? { Authorization: `Bearer ${key}` } : { [keyHeader]: key };
  return { Authorization: null, ...(key === null ? {} : keyed), ...headers };
};

/** Everything is passed explicitly: the SDK would else look for keys in our environment and home. */
const clientOf = async (server: ModelServer, fetch: ByteWatch['fetch']): Promise<Anthropic> => {
  const { default: Sdk } = await import('@anthropic-ai/sdk');
  const defaultHeaders = headersOf(server);
  const client = new Sdk({
    apiKey: server.key ?? 'none',
    webhookKey: null,
    baseURL: server.baseUrl,
    maxRetries: 0,
    timeout: NO_TIMEOUT_MS,
    logLevel: 'off',
    openTelemetry: false,
    fetch,
    defaultHeaders,
  });
  // Its constructor has added those of the variable ANTHROPIC_CUSTOM_HEADERS.
  (client as unknown as { _options: { defaultHeaders: unknown } })._options.defaultHeaders =
    defaultHeaders;
  return client;
};

/** Events without a name are events all the same: some servers leave it out. */
const eventOf = ({ event: name, data }: ServerSentEvent): Json | null => {
  if (data === '' || name === 'ping') return null;
  try {
    const event = asObject(JSON.parse(data));
    if (!isShallow(event)) throw new Error('an event of its stream is nested too deeply');
    return name === 'error' || asText(event['type']) === '' ? { ...event, type: name } : event;
  } catch (error) {
    if (name === 'error') return { type: 'error', error: data };
    throw error;
  }
};

const readEvents = async (
  client: Anthropic,
  request: ModelRequest,
  watch: ByteWatch,
  builder: AnswerBuilder,
): Promise<void> => {
  const { Stream } = await import('@anthropic-ai/sdk/core/streaming');
  // Not by `messages.create`, which prints warnings about old models.
  const response = await client
    .post('/v1/messages', {
      body: bodyOf(request),
      stream: true,
      headers: { 'Idempotency-Key': request.idempotencyKey },
      signal: AbortSignal.any([request.signal, watch.signal]),
    })
    .asResponse();
  for await (const sent of Stream.rawEvents(response)) {
    const event = eventOf(sent);
    if (event === null) continue;
    const told = refusalIn(event);
    if (told) throw told;
    const text = builder.add(event);
    if (text !== '') request.onText(text);
  }
};

const readAnswer = async (
  server: ModelServer,
  request: ModelRequest,
  watch: ByteWatch,
): Promise<ModelAnswer> => {
  const builder = new AnswerBuilder();
  try {
    await readEvents(await clientOf(server, watch.fetch), request, watch, builder);
  } catch (error) {
    // A connection that breaks after the last word took nothing away.
    if (!builder.isWhole()) throw refusalOf(error);
  }
  if (watch.ended() === 'endless answer' || !builder.isWhole()) throw shortfall(watch);
  const answer = builder.build(fallbackIdOf(request));
  const secrets = [server.key ?? '', ...Object.values(server.headers)];
  const empty = emptiness(answer, redact(asText(builder.stopDetails['explanation']), secrets));
  if (empty) throw empty;
  return answer;
};

const listModels = async (client: Anthropic, signal: AbortSignal): Promise<readonly string[]> => {
  const page = await client.models.list({ limit: LISTED_MAX }, { signal });
  return page.data.map((model) => asObject(model)['id']).filter((id) => typeof id === 'string');
};

export const makeAnthropicMessages = (server: ModelServer): Provider =>
  askOverHttp(server, {
    endMark: /[\r\n](event:\s*message_stop|data:\s*\{"type":\s*"message_stop"[^\r\n]*)\s*$/,
    asStream: (document) => `data: ${document}\n\n`,
    answer: (request, watch) => readAnswer(server, request, watch),
    listModels: async (fetch, signal) => listModels(await clientOf(server, fetch), signal),
  });
