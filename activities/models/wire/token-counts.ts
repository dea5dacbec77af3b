/**
 * What servers say that a call cost, in tokens: any of it may be missing or absurd.
 *
 * What must stay true: half a bill is none, since what can't be is counted better by ourselves.
 */
import type { Usage } from '../../../workflows/protocol/events.js';

/** More tokens than any request has: a number beyond it is a mistake of the server. */
const TOKENS_MAX = 1e9;

export const isTokenCount = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= TOKENS_MAX;

const asTokenCount = (value: unknown): number => (isTokenCount(value) ? Math.round(value) : 0);

/** As OpenAI's APIs send it: `cached` and `written` are parts of `input`. */
export interface SentCounts {
  readonly input: unknown;
  readonly output: unknown;
  readonly cached: unknown;
  readonly written: unknown;
}

/** Tokens read from a cache are counted apart from the input, as Anthropic's names have it. */
export const usageOf = (sent: SentCounts): Usage | null => {
  const [input, output] = [asTokenCount(sent.input), asTokenCount(sent.output)];
  if (input === 0 && output === 0) return null;
  if (![sent.input ?? 0, sent.output ?? 0].every(isTokenCount)) return null;
  const [cached, written] = [asTokenCount(sent.cached), asTokenCount(sent.written)];
  return {
    input_tokens: Math.max(0, input - cached - written),
    output_tokens: output,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: cached,
  };
};
