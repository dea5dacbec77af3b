/**
 * Events of a session as the daemon stores them, written short for tests of what is shown of them.
 */
import type { Approval } from '../../workflows/protocol/approvals.js';
import type { AnswerBlock, PromptResult, SessionEvent } from '../../workflows/protocol/events.js';
import {
  approvalIdOf,
  LEAD,
  messageIdOf,
  sessionIdOf,
  toolCallIdOf,
} from '../../workflows/protocol/ids.js';

const USAGE = {
  input_tokens: 1000,
  output_tokens: 50,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};

export const prompt = (messageId: string, text = 'Do it'): SessionEvent => ({
  kind: 'prompt',
  agent: LEAD,
  messageId: messageIdOf(messageId),
  text,
});

export const call = (
  turn: number,
  name: string,
  input: Readonly<Record<string, unknown>> | null,
  index = 0,
): AnswerBlock => ({
  kind: 'tool_call',
  callId: toolCallIdOf(LEAD, turn, index),
  name,
  input,
  raw: JSON.stringify(input),
});

export const answer = (
  turn: number,
  text: string,
  calls: readonly AnswerBlock[] = [],
): SessionEvent => ({
  kind: 'answer',
  agent: LEAD,
  turn,
  model: 'scripted/demo',
  blocks: [...(text === '' ? [] : [{ kind: 'text', text } as const]), ...calls],
  usage: USAGE,
  stopReason: calls.length > 0 ? 'tool_calls' : 'stop',
});

export const toolResult = (
  turn: number,
  text: string,
  isError = false,
  index = 0,
): SessionEvent => ({
  kind: 'tool_result',
  agent: LEAD,
  turn,
  callId: toolCallIdOf(LEAD, turn, index),
  text,
  isError,
});

export const approval = (fields: Partial<Approval> = {}): SessionEvent => ({
  kind: 'approval',
  agent: LEAD,
  approval: {
    id: approvalIdOf('q-0000abcd'),
    kind: 'permission',
    sessionId: sessionIdOf('11111111-2222-4333-8444-555555555555'),
    agent: LEAD,
    callId: toolCallIdOf(LEAD, 1, 0),
    tool: 'shell',
    summary: 'shell npm test',
    subject: 'npm test',
    grant: 'Bash(npm test)',
    state: 'pending',
    askedAt: '2026-01-01T00:00:00.000Z',
    answeredAt: null,
    answer: null,
    ...fields,
  },
});

export const result = (messageId: string, fields: Partial<PromptResult> = {}): SessionEvent => ({
  kind: 'result',
  agent: LEAD,
  messages: [messageIdOf(messageId)],
  outcome: 'done',
  exitCode: 0,
  text: 'All done.',
  reason: null,
  numTurns: 2,
  durationMs: 1500,
  durationApiMs: 900,
  usage: USAGE,
  costUsd: 0.0123,
  costEstimatedUsd: 0,
  permissionDenials: [],
  filesChanged: [],
  commits: [],
  ...fields,
});
