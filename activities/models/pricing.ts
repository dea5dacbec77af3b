/**
 * What a model call cost, by the price that is known for its model.
 *
 * What must stay true: an unknown price gives null, never 0, and tokens that we counted ourselves are
 * marked as estimated.
 */
import type { ModelPrice, ModelRates } from '../../config/settings.js';
import type { Usage } from '../../workflows/protocol/events.js';
import type { UsageRow } from '../stores/usage-store.js';
import type { ModelAnswer, ModelRequest } from './provider.js';

/** Rule of thumb for English and code. */
const CHARS_PER_TOKEN = 4;
const PER_MILLION = 1_000_000;

/** A long input makes the whole call dearer with some models. */
const ratesOf = (usage: Usage, price: ModelPrice): ModelRates => {
  const { input_tokens: fresh, cache_read_input_tokens: read } = usage;
  const asked = fresh + read + usage.cache_creation_input_tokens;
  return price.tiers?.findLast(({ inputTokensAbove }) => asked > inputTokensAbove) ?? price;
};

export const costOf = (usage: Usage, price: ModelPrice | null): number | null => {
  if (price === null) return null;
  const rates = ratesOf(usage, price);
  return (
    (usage.input_tokens * rates.inputUsd +
      usage.output_tokens * rates.outputUsd +
      usage.cache_read_input_tokens * rates.cacheReadUsd +
      usage.cache_creation_input_tokens * rates.cacheWriteUsd) /
    PER_MILLION
  );
};

const tokensOf = (chars: number): number => Math.ceil(chars / CHARS_PER_TOKEN);

/** Our own count, for a provider that sent none. */
export const estimateUsage = (request: ModelRequest, answer: ModelAnswer): Usage => {
  const asked = request.system.length + JSON.stringify([request.tools, request.messages]).length;
  const called = answer.calls.reduce((sum, call) => sum + call.name.length + call.raw.length, 0);
  return {
    input_tokens: tokensOf(asked),
    output_tokens: tokensOf(answer.text.length + answer.thinking.length + called),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
  };
};

export const usageRowOf = (call: {
  readonly model: string;
  readonly request: ModelRequest;
  readonly answer: ModelAnswer;
  readonly price: ModelPrice | null;
  readonly durationMs: number;
}): UsageRow => {
  const usage = call.answer.usage ?? estimateUsage(call.request, call.answer);
  return {
    model: call.model,
    usage,
    costUsd: costOf(usage, call.price),
    estimated: call.answer.usage === null,
    durationMs: Math.round(call.durationMs),
  };
};
