/**
 * What the Messages API refuses, in its words: a request that gets by here would be taken there.
 *
 * A signature is made from the thinking that it signs, so that a changed thought is noticed. What must
 * stay true: this file imports nothing of ours, like the server that uses it.
 */
import { createHash } from 'node:crypto';

type Fields = Readonly<Record<string, unknown>>;

export interface AskedMessage {
  readonly role: string;
  readonly content: readonly Fields[];
}
export interface Asked {
  readonly model: string;
  readonly max_tokens: unknown;
  readonly tools?: readonly Fields[];
  readonly system?: readonly Fields[];
  readonly messages: readonly AskedMessage[];
}

const BREAKPOINTS_MAX = 4;
const ID = /^[a-zA-Z0-9_-]+$/;

export const signatureOf = (thinking: string): string =>
  `signed-${createHash('sha256').update(thinking).digest('base64')}`;

const isBlank = (text: unknown): boolean => typeof text !== 'string' || text.trim() === '';

const blockFault = (block: Fields): string | null => {
  switch (block['type']) {
    case 'text':
      return isBlank(block['text']) ? 'text content blocks must contain non-whitespace text' : null;
    case 'thinking':
      return block['signature'] === signatureOf(String(block['thinking']))
        ? null
        : 'Invalid `signature` in `thinking` block';
    case 'tool_use': {
      const { id, name, input } = block;
      if (!ID.test(String(id)))
        return "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'";
      if (!ID.test(String(name))) return 'tool_use.name: String should match pattern';
      const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
      return isObject ? null : 'tool_use.input: Input should be a valid dictionary';
    }
    case 'tool_result':
      return isBlank(block['content']) ? 'tool_result: content cannot be empty' : null;
    default:
      return null;
  }
};

const idsOf = (content: readonly Fields[], type: string, member: string): readonly string[] =>
  content.filter((block) => block['type'] === type).map((block) => String(block[member]));

/** Calls and results of two neighbours. */
const pairFault = (before: AskedMessage | undefined, message: AskedMessage): string | null => {
  const called = before?.role === 'assistant' ? idsOf(before.content, 'tool_use', 'id') : [];
  const answered = idsOf(message.content, 'tool_result', 'tool_use_id');
  if (answered.some((id) => !called.includes(id)))
    return 'unexpected `tool_use_id` found in `tool_result` blocks';
  if (new Set(answered).size < answered.length) return 'each tool_use must have a single result';
  const first = message.content.slice(0, called.length);
  const isAnswered = called.every((id) => first.some((block) => block['tool_use_id'] === id));
  return isAnswered
    ? null
    : '`tool_use` ids were found without `tool_result` blocks immediately after';
};

const messageFault = (asked: Asked, index: number): string | null => {
  const message = asked.messages[index]!;
  const before = asked.messages[index - 1];
  if (message.content.length === 0) return 'all messages must have non-empty content';
  if (message.role === before?.role) return `roles must alternate between "user" and "assistant"`;
  if (message.role === 'assistant' && /thinking$/.test(String(message.content.at(-1)?.['type'])))
    return 'The final block in an assistant message cannot be `thinking`.';
  const faults = [...message.content.map(blockFault), pairFault(before, message)];
  return faults.find((fault) => fault !== null) ?? null;
};

/** Why the API would answer with 400; null when it would answer. */
export const faultOf = (asked: Asked, outputTokensMax: number): string | null => {
  const { max_tokens: wanted, messages, model } = asked;
  if (!Number.isInteger(wanted) || (wanted as number) < 1) return 'max_tokens: Field required';
  if ((wanted as number) > outputTokensMax)
    return `max_tokens: ${wanted as number} > ${outputTokensMax}, which is the maximum allowed number of output tokens for ${model}`;
  const breakpoints = JSON.stringify(asked).split('"cache_control"').length - 1;
  if (breakpoints > BREAKPOINTS_MAX)
    return `A maximum of 4 blocks with cache_control may be provided. Found ${breakpoints}.`;
  if (messages.length === 0) return 'messages: at least one message is required';
  if (messages[0]?.role !== 'user') return 'messages: first message must use the "user" role';
  if (messages.at(-1)?.role !== 'user')
    return 'This model does not support assistant message prefill.';
  const ids = messages.flatMap(({ content }) => idsOf(content, 'tool_use', 'id'));
  if (new Set(ids).size < ids.length) return '`tool_use` ids must be unique';
  for (const index of messages.keys()) {
    const fault = messageFault(asked, index);
    if (fault !== null) return `messages.${index}: ${fault}`;
  }
  return null;
};
