/**
 * A model's answer as a transcript row, and its calls as the summaries that rules and people judge.
 *
 * What must stay true: an answer is stored as the model gave it, wrong calls included; summaries are
 * made from the stored row alone, so that a retry returns the same ones.
 */
import type { AnswerBlock } from '../../workflows/protocol/events.js';
import { toolCallIdOf } from '../../workflows/protocol/ids.js';
import type { ToolCallSummary, TurnRef } from '../../workflows/protocol/turn.js';
import {
  ANSWER_INDEX,
  type TranscriptBody,
  type TranscriptRow,
} from '../stores/transcript-store.js';
import { hashArguments, parseArguments } from '../arguments-hash.js';
import { headOfText } from '../cut-text.js';
import type { Tool } from '../tools/tool.js';
import { callsOf } from './prompt.js';
import type { ModelAnswer } from './provider.js';

type AnswerBody = Extract<TranscriptBody, { readonly kind: 'answer' }>;

/** Calls of one turn that are carried out; each costs a summary in history. */
export const CALLS_MAX = 64;
const SUBJECT_BYTES_MAX = 1024;
const NAME_CHARS_MAX = 128;
/** Instead of arguments that nobody understood: they could be anything, and history is no place for them. */
const NOT_A_CALL = '(not a valid call)';

export const answerRow = (
  ref: TurnRef,
  model: string,
  answer: ModelAnswer,
  at: string,
): TranscriptRow => {
  const said: AnswerBlock[] = [];
  if (answer.thinking !== '') said.push({ kind: 'thinking', text: answer.thinking });
  if (answer.text !== '') said.push({ kind: 'text', text: answer.text });
  const called = answer.calls.map(({ name, raw }, index): AnswerBlock => {
    const callId = toolCallIdOf(ref.agent, ref.turn, index);
    return { kind: 'tool_call', callId, name, input: parseArguments(raw), raw };
  });
  const { stopReason, usage, native } = answer;
  const blocks = [...said, ...called];
  const body: AnswerBody = { kind: 'answer', model, blocks, stopReason, usage, native };
  return { turn: ref.turn, index: ANSWER_INDEX, at, body };
};

const cutSubject = (subject: string): string => {
  const bytes = Buffer.from(subject);
  if (bytes.length <= SUBJECT_BYTES_MAX) return subject;
  return `${headOfText(bytes, SUBJECT_BYTES_MAX - 3)}…`;
};

/** A call that can't be carried out passes the gate as a read: `runTool` answers it with an error. */
const judgedAs = (
  tools: readonly Tool[],
  name: string,
  raw: string,
): Pick<ToolCallSummary, 'permission' | 'subject' | 'isQuick'> => {
  const tool = tools.find((candidate) => candidate.name === name);
  const input = parseArguments(raw);
  const parsed = tool && input ? tool.parse(input) : null;
  if (!tool || !parsed?.ok) return { permission: 'read', subject: NOT_A_CALL, isQuick: true };
  const permission = tool.permission(parsed.input);
  const subject = cutSubject(tool.subject(parsed.input));
  return { permission, subject, ...(tool.isQuick ? { isQuick: true } : {}) };
};

export const summariesOf = (body: AnswerBody, tools: readonly Tool[]): readonly ToolCallSummary[] =>
  callsOf(body)
    .slice(0, CALLS_MAX)
    .map(({ name, raw }, index) => ({
      index,
      name: name.slice(0, NAME_CHARS_MAX),
      ...judgedAs(tools, name, raw),
      argumentsHash: hashArguments(raw),
    }));

/** Calls that are left out of the summaries; they need a result all the same. */
export const excessCalls = (body: AnswerBody) =>
  callsOf(body)
    .map(({ name }, index) => ({ index, tool: name }))
    .slice(CALLS_MAX);
