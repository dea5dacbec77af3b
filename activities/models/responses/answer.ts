/**
 * Puts an answer together from the events of a Responses stream.
 *
 * What must stay true: the answer ends with the event that says so and with nothing else, and its items
 * are kept word for word, for us and for sending them back.
 */
import type { Usage } from '../../../workflows/protocol/events.js';
import type { ModelAnswer } from '../provider.js';
import { asList, asObject, asText, wellFormed, type Json } from '../wire/json.js';
import { usageOf } from '../wire/token-counts.js';
import { OutputItems, rawOf, textsIn } from './items.js';

/** A server that ignores `stream` sends one document; it is read as an event of this name. */
export const DOCUMENT = 'document';
const FINAL = new Set(['response.completed', 'response.incomplete', DOCUMENT]);
const STOP_REASONS: Readonly<Record<string, string>> = { max_output_tokens: 'length' };

/** What is stored of an answer, to be told apart from what other APIs store. */
export interface NativeAnswer {
  readonly api: 'responses';
  readonly output: readonly Json[];
}

const billOf = (sent: unknown): Usage | null => {
  const { input_tokens: input, output_tokens: output, input_tokens_details } = asObject(sent);
  const details = asObject(input_tokens_details);
  return usageOf({
    input,
    output,
    cached: details['cached_tokens'],
    written: details['cache_write_tokens'],
  });
};

const ofType = (items: readonly Json[], type: string): readonly Json[] =>
  items.filter((item) => item['type'] === type);

/** Several messages of one answer are paragraphs. */
const joined = (texts: readonly string[]): string => texts.filter(Boolean).join('\n\n');

const textOf = ({ content }: Json): string =>
  typeof content === 'string' ? content : textsIn(content, 'output_text').join('');

const textIn = (made: readonly Json[]): string => joined(ofType(made, 'message').map(textOf));

/** The summary of a thought; where a model tells the thought itself, that. */
const thoughtOf = ({ summary, content }: Json): string =>
  joined(textsIn(summary, 'summary_text')) || joined(textsIn(content, 'reasoning_text'));

/** Null when the model did not refuse. */
const refusalIn = (made: readonly Json[]): string | null => {
  const parts = ofType(made, 'message').flatMap((item) =>
    textsIn(item['content'], 'refusal', 'refusal'),
  );
  return parts.length === 0 ? null : joined(parts);
};

/** A refusal without a word is no answer. */
const refusedBy = (words: string): string => (words.trim() === '' ? 'content_filter' : 'refusal');

/** Ids that are missing or used twice would make the results of calls ambiguous. */
const withCallIds = (items: readonly Json[], fallbackId: string): readonly Json[] => {
  const calls = ofType(items, 'function_call');
  const ids = new Set(calls.map((call) => asText(call['call_id'])));
  if (!ids.has('') && ids.size === calls.length) return items;
  return items.map((item) =>
    calls.includes(item) ? { ...item, call_id: `call_${fallbackId}_${calls.indexOf(item)}` } : item,
  );
};

export class AnswerBuilder {
  private readonly items = new OutputItems();
  private final: Json | null = null;
  /** Text that was reported so far, and the message it last came from. */
  private told = '';
  private teller: unknown = null;

  /** True once the server said that the answer is over: nothing of it is missing. */
  isEnded(): boolean {
    return this.final !== null;
  }

  /** Takes one event in and returns the text it brought. */
  add(sent: unknown): string {
    const event = asObject(sent);
    const type = asText(event['type']);
    if (this.final !== null) return '';
    if (FINAL.has(type)) return this.end(asObject(event['response']));
    if (type === 'response.output_item.added') this.items.begin(event);
    if (type === 'response.output_item.done') this.items.end(event);
    const piece = this.items.addPiece(event);
    if (piece?.kind !== 'output_text' || piece.text === '') return '';
    const gap = this.teller === null || this.teller === piece.of ? '' : '\n\n';
    this.teller = piece.of;
    this.told += gap + piece.text;
    return gap + piece.text;
  }

  build(fallbackId: string): ModelAnswer {
    const made = this.made();
    const calls = ofType(made, 'function_call');
    const text = textIn(made);
    const refusal = refusalIn(made);
    const native: NativeAnswer = {
      api: 'responses',
      output: wellFormed(withCallIds(made, fallbackId)),
    };
    return {
      text: text || (refusal ?? ''),
      thinking: joined(ofType(made, 'reasoning').map(thoughtOf)),
      calls: calls.map((call) => ({ name: asText(call['name']), raw: rawOf(call) })),
      stopReason: text === '' && refusal !== null ? refusedBy(refusal) : this.stopReason(calls),
      usage: billOf(this.final?.['usage']),
      native: made.length === 0 ? null : native,
    };
  }

  /** Returns the text that did not stream. */
  private end(response: Json): string {
    this.final = response;
    const text = textIn(this.made());
    return text.startsWith(this.told) ? text.slice(this.told.length) : '';
  }

  private made(): readonly Json[] {
    return this.items.made(asList(this.final?.['output']));
  }

  private stopReason(calls: readonly Json[]): string {
    const why = asText(asObject(this.final?.['incomplete_details'])['reason']);
    if (why !== '') return STOP_REASONS[why] ?? why;
    if (this.final?.['status'] === 'incomplete') return 'length';
    return calls.length > 0 ? 'tool_calls' : 'stop';
  }
}
