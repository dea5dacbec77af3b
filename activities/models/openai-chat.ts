/**
 * Any server that speaks Chat Completions, through the `openai` SDK.
 *
 * What must stay true: one call of `answer` is at most one request, and an answer that was cut is an
 * error, never a shorter answer.
 */
import type OpenAI from 'openai';

import { AnswerBuilder } from './chat/answer.js';
import { askOverHttp, fallbackIdOf, shortfall, type ModelServer } from './ask-over-http.js';
import type { ByteWatch } from './wire/byte-watch.js';
import { errorIn } from './wire/failures.js';
import { wireMessages, wireTools } from './chat/messages.js';
import { clientOf, listModels } from './openai-client.js';
import type { ModelAnswer, ModelRequest, Provider } from './provider.js';

type StreamBody = OpenAI.Chat.ChatCompletionCreateParamsStreaming;

/** Key order is part of the bytes that providers cache: what never changes comes first. */
const bodyOf = (request: ModelRequest): StreamBody => {
  const tools = wireTools(request.tools);
  const body = {
    model: request.model,
    stream: true,
    stream_options: { include_usage: true },
    ...(tools.length === 0 ? {} : { tools }),
    messages: wireMessages(request.system, request.messages),
  };
  return body as unknown as StreamBody;
};

const readAnswer = async (
  client: OpenAI,
  request: ModelRequest,
  watch: ByteWatch,
): Promise<ModelAnswer> => {
  const builder = new AnswerBuilder();
  try {
    const stream = await client.chat.completions.create(bodyOf(request), {
      headers: { 'Idempotency-Key': request.idempotencyKey },
      signal: AbortSignal.any([request.signal, watch.signal]),
    });
    for await (const chunk of stream) {
      const told = errorIn(chunk);
      if (told) throw told;
      const text = builder.add(chunk);
      if (text !== '') request.onText(text);
    }
  } catch (error) {
    // A connection that breaks after the last word took nothing away.
    if (builder.stopReason === null) throw error;
  }
  const isWhole = builder.stopReason !== null || (watch.sawEndMark() && !watch.isPage());
  if (watch.ended() === 'endless answer' || !isWhole) throw shortfall(watch);
  return builder.build(fallbackIdOf(request));
};

export const makeOpenaiChat = (server: ModelServer): Provider =>
  askOverHttp(server, {
    endMark: /[\r\n]data:\s*\[DONE\]\s*$/,
    asStream: (document) => `data: ${document}\n\ndata: [DONE]\n\n`,
    answer: async (request, watch) =>
      readAnswer(await clientOf(server, watch.fetch), request, watch),
    listModels: async (fetch, signal) => listModels(await clientOf(server, fetch), signal),
  });
