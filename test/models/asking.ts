/**
 * Asks one provider one thing: the smallest request, and what became of it.
 */
import {
  isModelError,
  type ModelRequest,
  type Provider,
} from '../../activities/models/provider.js';

export const requestOf = (change: Partial<ModelRequest> = {}): ModelRequest => ({
  model: 'mock-1',
  system: 'You are a test.',
  messages: [{ role: 'user', text: 'hello' }],
  tools: [],
  outputTokensMax: null,
  idempotencyKey: 'session/lead.1',
  stallMs: 5_000,
  signal: new AbortController().signal,
  onText: () => undefined,
  ...change,
});

/** The error of a request that must fail, with how long it took. */
export const failureOf = async (provider: Provider, request: ModelRequest) => {
  const startedAt = performance.now();
  try {
    await provider.answer(request);
  } catch (error) {
    if (!isModelError(error)) throw error;
    return { error, tookMs: performance.now() - startedAt };
  }
  throw new Error('the request was answered, it should have failed');
};
