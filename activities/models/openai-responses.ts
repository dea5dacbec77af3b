/**
 * OpenAI's Responses API, and servers that speak it, through the `openai` SDK.
 *
 * Nothing is stored at the server: a turn must go on after anything was killed, and what the user
 * deletes here is gone. What must stay true: one call of `answer` is at most one request, and an answer
 * that was cut is an error, never a shorter answer.
 */
import type OpenAI from 'openai';

import { askOverHttp, fallbackIdOf, shortfall, type ModelServer } from './ask-over-http.js';
import { clientOf, listModels } from './openai-client.js';
import type { ModelAnswer, ModelRequest, Provider } from './provider.js';
import { AnswerBuilder, DOCUMENT } from './responses/answer.js';
import { failureIn, readable } from './responses/failures.js';
import { inputItems, wireTools } from './responses/input.js';
import { isRefused, noteRefusal, type Asked } from './responses/refused-parts.js';
import { AFTER_END_MS, type ByteWatch } from './wire/byte-watch.js';

/** The API refuses less. */
const OUTPUT_TOKENS_MIN = 16;
const CACHE_KEY_CHARS_MAX = 64;

/**
 * Fits nothing. The last event holds the whole answer in one line, and the tail that the watch keeps sees
 * only its end, which a text of the model may look like: the reader of the events tells the end.
 */
const NO_END_MARK = /(?!)/;

type StreamBody = OpenAI.Responses.ResponseCreateParamsStreaming;

const sessionOf = ({ idempotencyKey }: ModelRequest): string => idempotencyKey.split('/')[0] ?? '';

/** Key order is part of the bytes that providers cache: what never changes comes first. */
const bodyOf = (request: ModelRequest, asked: Asked): StreamBody => {
  const { model, outputTokensMax, system, messages } = request;
  const tools = wireTools(request.tools);
  const isThinking = !isRefused('include', asked);
  const body = {
    model,
    stream: true,
    store: false,
    ...(isThinking ? { include: ['reasoning.encrypted_content'] } : {}),
    prompt_cache_key: asked.session.slice(0, CACHE_KEY_CHARS_MAX),
    ...(outputTokensMax === null
      ? {}
      : { max_output_tokens: Math.max(OUTPUT_TOKENS_MIN, outputTokensMax) }),
    instructions: system,
    ...(tools.length === 0 ? {} : { tools }),
    input: inputItems(messages, isThinking && !isRefused('reasoning', asked)),
  };
  return body as unknown as StreamBody;
};

/** Adds all events of the stream; throws when the answer did not come to its end. */
const readEvents = async (
  client: OpenAI,
  request: ModelRequest,
  watch: ByteWatch,
  { builder, asked }: { readonly builder: AnswerBuilder; readonly asked: Asked },
): Promise<void> => {
  const over = new AbortController();
  let waiting: NodeJS.Timeout | undefined;
  try {
    const stream = await client.responses.create(bodyOf(request, asked), {
      headers: { 'Idempotency-Key': request.idempotencyKey },
      signal: AbortSignal.any([request.signal, watch.signal, over.signal]),
    });
    for await (const event of stream) {
      const told = failureIn(event);
      if (told) throw told;
      const text = builder.add(event);
      if (text !== '') request.onText(text);
      if (builder.isEnded()) waiting ??= setTimeout(() => over.abort(), AFTER_END_MS);
    }
  } catch (error) {
    // A connection that breaks after the last word took nothing away.
    if (!builder.isEnded()) throw noteRefusal(error, asked) ?? readable(error);
  } finally {
    clearTimeout(waiting);
  }
};

const readAnswer = async (
  server: ModelServer,
  request: ModelRequest,
  watch: ByteWatch,
): Promise<ModelAnswer> => {
  const { baseUrl } = server;
  const builder = new AnswerBuilder();
  const asked = { baseUrl, model: request.model, session: sessionOf(request) };
  const client = await clientOf(server, watch.fetch);
  await readEvents(client, request, watch, { builder, asked });
  if (!builder.isEnded()) throw shortfall(watch);
  return builder.build(fallbackIdOf(request));
};

export const makeOpenaiResponses = (server: ModelServer): Provider =>
  askOverHttp(server, {
    endMark: NO_END_MARK,
    asStream: (document) => `data: {"type":"${DOCUMENT}","response":${document}}\n\n`,
    answer: (request, watch) => readAnswer(server, request, watch),
    listModels: async (send, signal) => listModels(await clientOf(server, send), signal),
  });
