/**
 * One tool call as one line for people: `edit src/x.ts`, `shell npm test`.
 *
 * Also the place where text of models and tools is made safe for a terminal. What must stay true:
 * nothing that came from a model, a file or a command reaches a terminal with its control bytes.
 */
import type { AnswerBlock } from '../../../workflows/protocol/events.js';

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

/** The first line of a text; more lines show as an ellipsis. */
export const oneLine = (text: string): string => {
  const [first = '', ...rest] = plainText(text).trim().split('\n');
  const more = rest.some((line) => line.trim() !== '');
  return more ? `${first.trimEnd()} …` : first;
};

export const shorten = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(1, columns - 1))}…`;

/** What colours text or moves the cursor (CSI), sets titles and links (OSC, DCS, …), other escapes. */
const ESCAPES =
  // eslint-disable-next-line no-control-regex
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;
/** C0 (but tab and newline), DEL, C1, and the marks that turn the direction of text around. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

export const plainText = (text: string): string =>
  text
    .replace(/\r+\n/g, '\n')
    .replace(ESCAPES, '')
    .replace(CONTROLS, (character) => (character === '\r' ? '\n' : '\ufffd'));
