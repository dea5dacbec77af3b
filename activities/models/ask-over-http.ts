/**
 * What all model APIs over HTTP share: one request, watched for silence, its failures translated.
 *
 * A dialect knows its SDK, its wire format and how its streams end. What must stay true: one call of
 * `answer` is at most one request, a cut answer is an error and never a shorter answer, and no message
 * holds a key.
 */
import { createHash } from 'node:crypto';

import type { KeyHeader, ProviderSettings } from '../../config/settings.js';
import { watchBytes, type ByteWatch, type WatchOptions } from './wire/byte-watch.js';
import { modelErrorOf } from './wire/failures.js';
import { fetchInPlace } from './wire/fetch-in-place.js';
import { fetchBy, proxyName } from './wire/way-out.js';
import { ModelError, type ModelAnswer, type ModelRequest, type Provider } from './provider.js';

export interface ModelServer extends Pick<ProviderSettings, 'baseUrl' | 'headers'> {
  /** The provider's name in our settings, for messages. */
  readonly name: string;
  readonly key: string | null;
  /** In which header the key goes; the API's own where it is not said. */
  readonly keyHeader?: KeyHeader | 'x-api-key';
  /** The caller's environment, for its proxies. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Dialect extends Pick<WatchOptions, 'endMark' | 'asStream'> {
  /** Asks once, through `watch.fetch` and ended by `watch.signal`; throws whatever its SDK throws. */
  answer(request: ModelRequest, watch: ByteWatch): Promise<ModelAnswer>;
  /** Names the server offers; may throw. */
  listModels(send: typeof fetch, signal: AbortSignal): Promise<readonly string[]>;
}

/** Timers of Node hold at most 2^31 ms; the stall watch is what really limits a request. */
export const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** Why a stream that did not come to the end of its answer is none. SDKs end quietly when they are stopped. */
export const shortfall = (watch: ByteWatch): Error => {
  if (watch.ended() === 'endless answer') return new Error('endless answer');
  return watch.isPage()
    ? new ModelError('unavailable', 'no answer', 'it sent a web page; check its base_url')
    : new ModelError('unavailable', 'cut stream', 'its stream ended before the answer did');
};

/** Names the calls of an answer whose own ids can't be used; the same for every attempt of a turn. */
export const fallbackIdOf = ({ idempotencyKey }: ModelRequest): string =>
  createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 12);

/** Answers that are whole but say that there is none. */
const requireContent = (answer: ModelAnswer): ModelAnswer => {
  const isEmpty = answer.text.trim() === '' && answer.calls.length === 0;
  if (isEmpty && answer.stopReason === 'content_filter')
    throw new ModelError('rejected', 'content filter', "the provider's filter stopped the answer");
  if (answer.stopReason === 'error')
    throw new ModelError('unavailable', 'provider error', 'the provider broke the answer off');
  return answer;
};

/** Why a request failed, as the one kind of error that leaves here. */
const makeTranslation = (server: ModelServer) => {
  const proxy = proxyName(server.env, server.baseUrl);
  const way = proxy === null ? '' : ` through the proxy ${proxy}`;
  const asked = `${server.name} (${server.baseUrl}${way})`;
  const secrets = [server.key ?? '', ...Object.values(server.headers)];
  return (error: unknown, request: ModelRequest, watch: ByteWatch): ModelError => {
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
};

export const askOverHttp = (server: ModelServer, dialect: Dialect): Provider => {
  const { env } = server;
  const translate = makeTranslation(server);
  return {
    async answer(request) {
      const { stallMs } = request;
      const { endMark, asStream } = dialect;
      const watch = watchBytes({ stallMs, send: fetchBy({ env, stallMs }), endMark, asStream });
      try {
        return requireContent(await dialect.answer(request, watch));
      } catch (error) {
        throw translate(error, request, watch);
      } finally {
        watch.stop();
      }
    },
    async listModels(signal) {
      try {
        return await dialect.listModels(fetchInPlace(fetchBy({ env, stallMs: 0 })), signal);
      } catch {
        return [];
      }
    },
  };
};
