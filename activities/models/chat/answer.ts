/**
 * Puts an answer together from the chunks of a Chat Completions stream.
 *
 * Servers that call themselves compatible differ: text comes in parts, thinking under several names,
 * usage in the choice. What must stay true: what the model sent is kept word for word, for us and for
 * sending it back.
 */
import type { Usage } from '../../../workflows/protocol/events.js';
import type { ModelAnswer } from '../provider.js';
import { CallFragments } from './call-fragments.js';
import { wireFunction, type WireCall } from './messages.js';

type Json = Readonly<Record<string, unknown>>;

const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const asText = (value: unknown): string => (typeof value === 'string' ? value : '');
const asCount = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.round(value) : 0;

/** Content is text, or a list of parts of which some are thinking. */
const partsOf = (content: unknown, kind: 'text' | 'thinking'): string => {
  if (typeof content === 'string') return kind === 'text' ? content : '';
  return asList(content)
    .map(asObject)
    .filter((part) => part['type'] === kind)
    .map((part) => asText(part['text']) || partsOf(part[kind], 'text'))
    .join('');
};

/** Tokens read from a cache are counted apart from the input, as Anthropic's names have it. */
const usageOf = (sent: unknown): Usage | null => {
  const usage = asObject(sent);
  const details = asObject(usage['prompt_tokens_details']);
  const prompt = asCount(usage['prompt_tokens']);
  const cached = asCount(details['cached_tokens'] ?? usage['prompt_cache_hit_tokens']);
  const written = asCount(details['cache_write_tokens']);
  const output = asCount(usage['completion_tokens']);
  if (prompt === 0 && output === 0) return null;
  return {
    input_tokens: Math.max(0, prompt - cached - written),
    output_tokens: output,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: cached,
  };
};

export class AnswerBuilder {
  private text = '';
  private refusal = '';
  private thinking = '';
  private thinkingField = 'reasoning_content';
  private readonly thinkingDetails: unknown[] = [];
  private readonly fragments = new CallFragments();
  private usage: Usage | null = null;
  /** Set once the provider said why it stopped: nothing of the answer is missing. */
  stopReason: string | null = null;

  /** Takes one chunk in and returns the text it brought. */
  add(chunk: unknown): string {
    const { usage, choices, x_groq: groq } = asObject(chunk);
    const choice = asObject(asList(choices)[0]);
    this.usage = usageOf(usage ?? choice['usage'] ?? asObject(groq)['usage']) ?? this.usage;
    const reason = choice['finish_reason'];
    if (typeof reason === 'string' && reason !== '') this.stopReason = reason;
    return this.addDelta(asObject(choice['delta'] ?? choice['message']));
  }

  build(fallbackId: string): ModelAnswer {
    const text = this.text === '' ? this.refusal : this.text;
    return {
      text,
      thinking: this.thinking,
      calls: this.fragments.calls.map(({ name, raw }) => ({ name, raw })),
      stopReason: this.text === '' && this.refusal !== '' ? 'refusal' : this.stopReason,
      usage: this.usage,
      native: this.nativeOf(text, fallbackId),
    };
  }

  private addDelta(delta: Json): string {
    const text = partsOf(delta['content'], 'text');
    this.text += text;
    this.refusal += asText(delta['refusal']);
    this.addThinking(delta);
    for (const call of asList(delta['tool_calls'])) this.fragments.add(asObject(call));
    return text;
  }

  private addThinking(delta: Json): void {
    this.thinking += partsOf(delta['content'], 'thinking');
    this.thinkingDetails.push(...asList(delta['reasoning_details']));
    for (const field of ['reasoning_content', 'reasoning']) {
      const thought = asText(delta[field]);
      if (thought === '') continue;
      this.thinkingField = field;
      this.thinking += thought;
      return;
    }
  }

  /** Ids that are missing or used twice would make the results of calls ambiguous. */
  private nativeOf(text: string, fallbackId: string): unknown {
    const { calls } = this.fragments;
    const ids = new Set(calls.map(({ id }) => id));
    const areUsable = !ids.has('') && ids.size === calls.length;
    const tool_calls = calls.map(({ id, name, raw, extra }, index): WireCall => {
      const ours = areUsable ? id : `call_${fallbackId}_${index}`;
      return { ...extra, id: ours, type: 'function', function: wireFunction(name, raw) };
    });
    return {
      role: 'assistant',
      content: text === '' ? null : text,
      ...(this.thinking === '' ? {} : { [this.thinkingField]: this.thinking }),
      ...(this.thinkingDetails.length === 0 ? {} : { reasoning_details: this.thinkingDetails }),
      ...(tool_calls.length === 0 ? {} : { tool_calls }),
    };
  }
}
