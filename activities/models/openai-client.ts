/**
 * The `openai` SDK, as both of its APIs use it: one request at a time, and nothing that we did not say.
 *
 * The SDK's own retries and time limits are off: retries are Temporal's business, and silence is
 * noticed by the bytes. What must stay true: it is loaded at the first use, since a daemon's start must
 * not wait for it, and reads neither keys nor headers from our environment.
 */
import type OpenAI from 'openai';

import { NO_TIMEOUT_MS, type ModelServer } from './ask-over-http.js';

const loadSdk = () => import('openai');

/** Loads the SDK and the fetch machinery ahead of the first model call. */
export const warmUp = async (): Promise<void> => {
  await loadSdk();
  await new Response('').text();
};

export const clientOf = async (
  server: Pick<ModelServer, 'key' | 'baseUrl' | 'headers'>,
  send: typeof fetch,
): Promise<OpenAI> => {
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
    fetch: send,
    defaultHeaders: { ...(server.key === null ? { Authorization: null } : {}), ...server.headers },
  });
};

export const listModels = async (
  client: OpenAI,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const page = await client.models.list({ signal });
  const ids = page.data.map((model): unknown => (model as { id: unknown } | null)?.id);
  return ids.filter((id) => typeof id === 'string');
};
