/**
 * The part of a request that is the same for every agent of this build, and the conversation after it.
 *
 * System text and tools come first and never change within a session. What must stay true: a longer
 * transcript gives the same messages as a shorter one, and more after them.
 */
import type { AnswerBlock } from '../../workflows/protocol/events.js';
import type { TranscriptBody, TranscriptRow } from '../stores/transcript-store.js';
import type { Tool } from '../tools/tool.js';
import type { ModelMessage, ToolDefinition } from './provider.js';

export const toolDefinitions = (tools: readonly Tool[]): readonly ToolDefinition[] =>
  tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));

type AnswerBody = Extract<TranscriptBody, { readonly kind: 'answer' }>;
type ToolCallBlock = Extract<AnswerBlock, { readonly kind: 'tool_call' }>;

export const callsOf = (body: AnswerBody): readonly ToolCallBlock[] =>
  body.blocks.filter((block): block is ToolCallBlock => block.kind === 'tool_call');

const answerMessage = (body: AnswerBody, model: string): ModelMessage => ({
  role: 'assistant',
  text: body.blocks.flatMap((block) => (block.kind === 'text' ? [block.text] : [])).join(''),
  calls: callsOf(body).map(({ callId, name, raw }) => ({ id: callId, name, raw })),
  // Another model can't read what is private to this one.
  native: body.model === model ? body.native : null,
});

const messageOf = (body: TranscriptBody, model: string): ModelMessage => {
  switch (body.kind) {
    case 'context':
    case 'prompt':
      return { role: 'user', text: body.text };
    case 'notice':
      return { role: 'user', text: `<host>\n${body.text}\n</host>` };
    case 'answer':
      return answerMessage(body, model);
    case 'result':
      return { role: 'tool', callId: body.callId, text: body.text, isError: body.isError };
  }
};

/** Rows in their order; `model` is who will read them, as `provider/model`. */
export const conversationOf = (
  rows: readonly TranscriptRow[],
  model: string,
): readonly ModelMessage[] => rows.map(({ body }) => messageOf(body, model));
