/**
 * Any server that speaks Chat Completions, through the `openai` SDK.
 *
 * The SDK's own retries and time limits are off: retries are Temporal's business, and silence is
 * noticed by the bytes. The SDK is loaded at the first use, since a daemon's start must not wait for
 * it. What must stay true: one call of `answer` is at most one request, and an answer that was cut is
 * an error, never a shorter answer.
 */
import { createHash } from 'node:crypto';
import type OpenAI from 'openai';

import type { ProviderSettings } from '../../config/settings.js';
import { AnswerBuilder } from './chat/answer.js';
import { watchBytes, type ByteWatch } from './chat/byte-watch.js';
import { errorIn, modelErrorOf } from './chat/failures.js';
import { fetchInPlace } from './chat/fetch-in-place.js';
import { wireMessages, wireTools } from './chat/messages.js';
import { fetchBy, proxyName } from './chat/way-out.js';
import { ModelError, type ModelAnswer, type ModelRequest, type Provider } from './provider.js';

export interface ChatServer extends Pick<ProviderSettings, 'baseUrl' | 'headers'> {
  /** The provider's name in our settings, for messages. */
  readonly name: string;
  readonly key: string | null;
  /** The caller's environment, for its proxies. */
  readonly env: Readonly<Record<string, string>>;
}

/** Timers of Node hold at most 2^31 ms; the stall watch is what really limits a request. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

const loadSdk = () => import('openai');

/** Loads the SDK and the fetch machinery ahead of the first model call. */
export const warmUp = async (): Promise<void> => {
  await loadSdk();
  await new Response('').text();
};

/** Everything is passed explicitly: the SDK would else read keys and headers from our environment. */
const clientOf = async (server: ChatServer, fetch: ByteWatch['fetch']): Promise<OpenAI> => {
  const { default: Sdk } = await loadSdk();
  return new Sdk({
    apiKey: server.key ?? 'none',
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    baseURL: server.baseUrl,
    maxRetries: 0,
    timeout: NO_TIMEOUT_MS,
    logLevel: 'off',
    fetch,
    defaultHeaders: { ...(server.key === null ? { Authorization: null } : {}), ...server.headers },
  });
};

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
  // The SDK ends quietly when it is stopped, whatever came before.
  if (watch.ended() === 'endless answer') throw new Error('endless answer');
  if (builder.stopReason === null && watch.isPage())
    throw new ModelError('unavailable', 'no answer', 'it sent a web page; check its base_url');
  if (builder.stopReason === null && !watch.sawEndMark())
    throw new ModelError('unavailable', 'cut stream', 'its stream ended before the answer did');
  const shortId = createHash('sha256').update(request.idempotencyKey).digest('hex').slice(0, 12);
  return builder.build(shortId);
};

/** Answers that are whole but say that there is none. */
const requireContent = (answer: ModelAnswer): ModelAnswer => {
  const isEmpty = answer.text.trim() === '' && answer.calls.length === 0;
  if (isEmpty && answer.stopReason === 'content_filter')
    throw new ModelError('rejected', 'content filter', "the provider's filter stopped the answer");
  if (answer.stopReason === 'error')
    throw new ModelError('unavailable', 'provider error', 'the provider broke the answer off');
  return answer;
};

export const makeOpenaiChat = (server: ChatServer): Provider => {
  const { env } = server;
  const proxy = proxyName(env, server.baseUrl);
  const asked = `${server.name} (${server.baseUrl}${proxy === null ? '' : ` through the proxy ${proxy}`})`;
  const secrets = [server.key ?? '', ...Object.values(server.headers)];

  const translate = (error: unknown, request: ModelRequest, watch: ByteWatch): ModelError => {
    if (request.signal.aborted) return new ModelError('aborted', 'aborted', 'stopped by us');
    const why = watch.ended();
    if (why === null) {
      const failed = modelErrorOf(error, asked, secrets);
      return failed.reason === 'connection reset' && watch.hasBegun()
        ? new ModelError('unavailable', 'cut stream', failed.message)
        : failed;
    }
    const words = `${asked} sent ${why === 'stall' ? `nothing for ${request.stallMs / 1000} s` : 'an answer without end'}`;
    return new ModelError('unavailable', why, words);
  };

  const answer = async (request: ModelRequest): Promise<ModelAnswer> => {
    const watch = watchBytes(request.stallMs, fetchBy({ env, stallMs: request.stallMs }));
    try {
      const client = await clientOf(server, watch.fetch);
      return requireContent(await readAnswer(client, request, watch));
    } catch (error) {
      throw translate(error, request, watch);
    } finally {
      watch.stop();
    }
  };

  const listModels = async (signal: AbortSignal): Promise<readonly string[]> => {
    try {
      const client = await clientOf(server, fetchInPlace(fetchBy({ env, stallMs: 0 })));
      const page = await client.models.list({ signal });
      const ids = page.data.map((model): unknown => (model as { id: unknown } | null)?.id);
      return ids.filter((id) => typeof id === 'string');
    } catch {
      return [];
    }
  };

  return { answer, listModels };
};
