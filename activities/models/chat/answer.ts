/**
 * Puts an answer together from the chunks of a Chat Completions stream.
 *
 * Servers that call themselves compatible differ: text comes in parts, thinking under several names,
 * usage in the choice. What must stay true: what the model sent is kept word for word, for us and for
 * sending it back.
 */
import type { Usage } from '../../../workflows/protocol/events.js';
import type { ModelAnswer } from '../provider.js';
import { asList, asObject, asText, type Json } from '../wire/json.js';
import { usageOf } from '../wire/token-counts.js';
import { CallFragments } from './call-fragments.js';
import { wireFunction, type WireCall } from './messages.js';

/** Content is text, or a list of parts of which some are thinking. */
const partsOf = (content: unknown, kind: 'text' | 'thinking'): string => {
  if (typeof content === 'string') return kind === 'text' ? content : '';
  return asList(content)
    .map(asObject)
    .filter((part) => part['type'] === kind)
    .map((part) => asText(part['text']) || partsOf(part[kind], 'text'))
    .join('');
};

const billOf = (sent: unknown): Usage | null => {
  const usage = asObject(sent);
  const details = asObject(usage['prompt_tokens_details']);
  return usageOf({
    input: usage['prompt_tokens'],
    output: usage['completion_tokens'],
    cached: details['cached_tokens'] ?? usage['prompt_cache_hit_tokens'],
    written: details['cache_write_tokens'],
  });
};

export class AnswerBuilder {
  private text = '';
  private refusal = '';
  private thinking = '';
  private thinkingField = 'reasoning_content';
  private readonly thinkingDetails: unknown[] = [];
  private readonly fragments = new CallFragments();
  private usage: Usage | null = null;
  private choiceIndex: unknown = null;
  /** Set once the provider said why it stopped: nothing of the answer is missing. */
  stopReason: string | null = null;

  /** Takes one chunk in and returns the text it brought. */
  add(chunk: unknown): string {
    const { usage, choices, x_groq: groq } = asObject(chunk);
    const choice = this.choiceOf(asList(choices).map(asObject));
    this.usage = billOf(usage ?? choice['usage'] ?? asObject(groq)['usage']) ?? this.usage;
    const reason = choice['finish_reason'];
    if (typeof reason === 'string' && reason !== '') this.stopReason = reason;
    return this.addDelta(asObject(choice['delta'] ?? choice['message']));
  }

  build(fallbackId: string): ModelAnswer {
    const text = this.text === '' ? this.refusal : this.text;
    return {
      text,
      thinking: this.thinking,
      calls: this.fragments.made().map(({ name, raw }) => ({ name, raw })),
      stopReason: this.text === '' && this.refusal !== '' ? 'refusal' : this.stopReason,
      usage: this.usage,
      native: this.nativeOf(text, fallbackId),
    };
  }

  /** The choice that came first: the text of another one is another answer. */
  private choiceOf(choices: readonly Json[]): Json {
    this.choiceIndex ??= choices[0]?.['index'];
    const isOurs = (index: unknown): boolean => (index ?? this.choiceIndex) === this.choiceIndex;
    return choices.find((choice) => isOurs(choice['index'])) ?? {};
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
    const calls = this.fragments.made();
    const ids = new Set(calls.map(({ id }) => id));
    const areUsable = !ids.has('') && ids.size === calls.length;
    const tool_calls = calls.map(({ id, name, raw, extra }, index): WireCall => {
      const ours = areUsable ? id : `call_${fallbackId}_${index}`;
      return { ...extra, id: ours, type: 'function', function: wireFunction(name, raw) };
    });
    return {
      role: 'assistant',
      content: text === '' ? null : text.toWellFormed(),
      ...(this.thinking === '' ? {} : { [this.thinkingField]: this.thinking }),
      ...(this.thinkingDetails.length === 0 ? {} : { reasoning_details: this.thinkingDetails }),
      ...(tool_calls.length === 0 ? {} : { tool_calls }),
    };
  }
}
