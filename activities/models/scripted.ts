/**
 * The scripted model: plays a script through the whole real stack, without a network.
 *
 * The n-th stored answer of an agent takes reply n, so a restart changes nothing; a fault hits the
 * first attempts of its turn, as the store counts real failures. What must stay true: it has no
 * memory of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Script, ScriptFault, ScriptReply } from '../../config/script-file.js';
import { ModelError, type ModelAnswer, type ModelRequest, type Provider } from './provider.js';

/** Where in the script this call stands. */
export interface ScriptPosition {
  readonly agent: string;
  /** Answers stored for the agent so far. */
  readonly answers: number;
  /** Real failures of this turn so far. */
  readonly failures: number;
  /** Replaces `${cwd}`. */
  readonly project: string;
}

const CHUNKS_MAX = 8;
const REFUSAL = "I can't help with that.";

const replyAt = (script: Script, { agent, answers }: ScriptPosition): ScriptReply => {
  const replies = script.agents.get(agent) ?? script.agents.get('*');
  const reply = replies?.[answers];
  if (reply) return reply;
  const words = replies
    ? `ends after ${replies.length} replies, and agent ${agent} asked for reply ${answers + 1}`
    : `has no replies for agent ${agent} and none for "*"`;
  throw new ModelError('script', 'script ended', `script ${script.name} ${words}`);
};

/** What the tools answered since the model last spoke. */
const lastResults = ({ messages }: ModelRequest): string => {
  const since = messages.findLastIndex((message) => message.role === 'assistant') + 1;
  return messages
    .slice(since)
    .flatMap((message) => (message.role === 'tool' ? [message.text] : []))
    .join('\n');
};

const checkExpectation = (
  script: Script,
  position: ScriptPosition,
  reply: ScriptReply,
  request: ModelRequest,
): void => {
  const results = lastResults(request);
  if (!reply.expect || reply.expect.test(results)) return;
  const shown = results.length > 300 ? `${results.slice(0, 300)}…` : results;
  throw new ModelError(
    'script',
    'expect failed',
    `script ${script.name}, agent ${position.agent}, reply ${position.answers + 1}: the last results do not match /${reply.expect.source}/; they were: ${JSON.stringify(shown)}`,
  );
};

const faultAt = ({ faults }: ScriptReply, failures: number): ScriptFault | null => {
  let before = 0;
  for (const fault of faults) {
    before += fault.times;
    if (failures < before) return fault;
  }
  return null;
};

/** Replaces `${cwd}` in every text of a value. */
const placed = (value: unknown, project: string): unknown => {
  if (typeof value === 'string') return value.replaceAll('${cwd}', project);
  if (Array.isArray(value)) return value.map((item) => placed(item, project));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, placed(member, project)]),
  );
};

const unavailable = (reason: string, words: string, retryAfterMs: number | null = null) =>
  new ModelError('unavailable', reason, `the script plays ${words}`, retryAfterMs);

const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw new ModelError('aborted', 'aborted', 'stopped by us');
  }
};

const streamText = async (text: string, chunkMs: number, request: ModelRequest): Promise<void> => {
  const length = Math.max(1, Math.ceil(text.length / CHUNKS_MAX));
  for (let from = 0; from < text.length; from += length) {
    if (chunkMs > 0) await wait(chunkMs, request.signal);
    request.onText(text.slice(from, from + length));
  }
};

/** Faults that end the request before the answer is whole. */
const failBy = async (
  { kind, retryAfterMs }: ScriptFault,
  text: string,
  request: ModelRequest,
): Promise<void> => {
  switch (kind) {
    case '429':
    case '500':
    case '503':
    case '529':
      throw unavailable(kind, `an answer of status ${kind}`, retryAfterMs);
    case 'reset':
      throw unavailable('connection reset', 'a connection that was reset');
    case 'overflow':
      throw new ModelError(
        'rejected',
        'context overflow',
        'the script plays an overflowing window',
      );
    case 'hang':
      await wait(request.stallMs, request.signal);
      throw unavailable('stall', `a server that sends nothing for ${request.stallMs / 1000} s`);
    case 'cut':
      await streamText(text.slice(0, Math.ceil(text.length / 2)), 0, request);
      throw unavailable('cut stream', 'a stream that is cut');
    case 'malformed':
    case 'empty':
    case 'refusal':
      return;
  }
};

const answerOf = (reply: ScriptReply, fault: ScriptFault | null, text: string): ModelAnswer => {
  const usage = reply.usage;
  const plain = { thinking: '', usage, native: null };
  if (fault?.kind === 'empty') return { ...plain, text: '', calls: [], stopReason: 'stop' };
  if (fault?.kind === 'refusal')
    return { ...plain, text: REFUSAL, calls: [], stopReason: 'refusal' };
  const calls = reply.calls.map(({ tool, input }) => ({ name: tool, raw: JSON.stringify(input) }));
  if (fault?.kind !== 'malformed')
    return { ...plain, text, calls, stopReason: calls.length > 0 ? 'tool_calls' : 'stop' };
  const intact = calls.length > 0 ? calls : [{ name: 'read', raw: '{"path":"a"}' }];
  const broken = intact.map(({ name, raw }) => ({ name, raw: raw.slice(0, -1) }));
  return { ...plain, text, calls: broken, stopReason: 'tool_calls' };
};

export const makeScripted = (script: Script, position: ScriptPosition): Provider => ({
  async answer(request) {
    const reply = replyAt(script, position);
    checkExpectation(script, position, reply, request);
    const said = { text: reply.text, calls: reply.calls };
    const { text, calls } = placed(said, position.project) as typeof said;
    const fault = faultAt(reply, position.failures);
    if (reply.delayMs > 0) await wait(reply.delayMs, request.signal);
    if (fault) await failBy(fault, text, request);
    const told = { ...reply, calls, usage: reply.usage ?? script.usage };
    const answer = answerOf(told, fault, text);
    await streamText(answer.text, reply.chunkMs, request);
    if (request.signal.aborted) throw new ModelError('aborted', 'aborted', 'stopped by us');
    return answer;
  },
  listModels: () => Promise.resolve([]),
});
