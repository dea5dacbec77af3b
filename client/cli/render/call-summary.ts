/**
 * One tool call as one line for people: `edit src/x.ts`, `shell npm test`.
 *
 * The arguments are the model's and may be anything at all. What must stay true: it is one line, and
 * holds nothing that a terminal would obey.
 */
import type { AnswerBlock } from '../../../workflows/protocol/events.js';
import { oneLine } from './plain-text.js';

type CallBlock = Extract<AnswerBlock, { readonly kind: 'tool_call' }>;

/** The arguments that say what a call is about, in the order they are looked for. */
const TELLING = ['path', 'command', 'operation', 'pattern', 'url'];

export const callSummary = (block: CallBlock): string => {
  const input = block.input ?? {};
  const telling = TELLING.map((key) => input[key]).find((value) => typeof value === 'string');
  const subject = telling ?? (block.input === null ? block.raw : JSON.stringify(input));
  const extra = [input['message'], input['paths'], input['name'], input['ref']]
    .flat()
    .filter((value) => typeof value === 'string')
    .join(' ');
  return oneLine(`${block.name} ${subject} ${extra}`);
};
