/**
 * Rows that tests store, each complete and each overridable in part.
 */
import type { AgentOperations } from '../../activities/stores/agents-store.js';
import type { EffectOperations, EffectOutcome } from '../../activities/stores/effects-store.js';
import type { MessageRow } from '../../activities/stores/messages-store.js';
import type { SessionRow } from '../../activities/stores/sessions-store.js';
import {
  ANSWER_INDEX,
  RESULT_INDEX,
  type EffectNote,
  type TranscriptBody,
  type TranscriptRow,
} from '../../activities/stores/transcript-store.js';
import type { UsageRow } from '../../activities/stores/usage-store.js';
import type { Approval } from '../../workflows/protocol/approvals.js';
import type { PromptResult, SessionEvent } from '../../workflows/protocol/events.js';
import {
  agentNameOf,
  approvalIdOf,
  messageIdOf,
  sessionIdOf,
  toolCallIdOf,
} from '../../workflows/protocol/ids.js';

export const S = '11111111-1111-4111-8111-111111111111';
export const LEAD = agentNameOf('lead');
export const REF = { sessionId: S, agent: 'lead' };

/** The n-th second of a day in the store's time. */
export const second = (n: number): string =>
  new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
export const AT = second(0);

export const session = (over: Partial<SessionRow> = {}): SessionRow => ({
  id: S,
  project: '/code/project',
  title: 'refactor the auth module',
  model: 'scripted/edit',
  permissionMode: 'default',
  createdAt: AT,
  baseCommit: null,
  ...over,
});

export const message = (id: string, over: Partial<MessageRow> = {}): MessageRow => ({
  id,
  sessionId: S,
  agent: 'lead',
  text: `text of ${id}`,
  sentAt: AT,
  ...over,
});

type StateArgs = Parameters<AgentOperations['setAgentState']>[0];

export const state = (over: Partial<StateArgs> = {}): StateArgs => ({
  sessionId: S,
  name: 'lead',
  role: 'lead',
  model: 'scripted/edit',
  state: 'thinking',
  waitingFor: null,
  outcome: null,
  tool: null,
  turn: 1,
  at: AT,
  ...over,
});

export const usage = (over: Partial<UsageRow> = {}): UsageRow => ({
  model: 'scripted/edit',
  usage: {
    input_tokens: 1000,
    output_tokens: 50,
    cache_creation_input_tokens: 3,
    cache_read_input_tokens: 7,
  },
  costUsd: 0.25,
  estimated: false,
  durationMs: 1200.5,
  ...over,
});

export const prompt = (turn: number, index: number, id: string): TranscriptRow => ({
  turn,
  index,
  at: AT,
  body: { kind: 'prompt', messageId: id, text: `text of ${id}` },
});

export const answer = (turn: number, text = `answer ${turn}`, native: unknown = null) =>
  ({
    turn,
    index: ANSWER_INDEX,
    at: AT,
    body: {
      kind: 'answer',
      model: 'scripted/edit',
      blocks: [{ kind: 'text', text }],
      stopReason: 'stop',
      usage: usage().usage,
      native,
    } satisfies TranscriptBody,
  }) satisfies TranscriptRow;

export const result = (turn: number, call: number, text = `result ${turn}.${call}`) =>
  ({
    turn,
    index: RESULT_INDEX + call,
    at: AT,
    body: {
      kind: 'result',
      callId: toolCallIdOf(LEAD, turn, call),
      tool: 'edit',
      text,
      isError: false,
      resultHash: 'hash',
      interrupted: false,
      denied: false,
    } satisfies TranscriptBody,
  }) satisfies TranscriptRow;

export const note = (over: Partial<EffectNote> = {}): EffectNote => ({
  effect: 'reconcilable',
  outcome: 'applied',
  recovered: false,
  paths: ['src/a.ts'],
  commit: null,
  ...over,
});

export const approval = (id: string, over: Partial<Approval> = {}): Approval => ({
  id: approvalIdOf(id),
  kind: 'permission',
  sessionId: sessionIdOf(S),
  agent: LEAD,
  callId: toolCallIdOf(LEAD, 1, 0),
  tool: 'shell',
  summary: 'shell rm -rf build',
  subject: 'rm -rf build',
  grant: 'Bash(rm *)',
  state: 'pending',
  askedAt: AT,
  answeredAt: null,
  answer: null,
  ...over,
});

export const notice = (text: string): SessionEvent => ({ kind: 'notice', agent: LEAD, text });

export const promptResult = (
  messages: readonly string[],
  over: Partial<PromptResult> = {},
): SessionEvent => ({
  kind: 'result',
  agent: LEAD,
  messages: messages.map(messageIdOf),
  outcome: 'done',
  exitCode: 0,
  text: 'done',
  reason: null,
  numTurns: 1,
  durationMs: 10,
  durationApiMs: 5,
  usage: usage().usage as PromptResult['usage'],
  costUsd: null,
  costEstimatedUsd: 0,
  permissionDenials: [],
  filesChanged: [],
  commits: [],
  ...over,
});

type ClaimArgs = Parameters<EffectOperations['claimEffect']>[0];

export const fileClaim = (key: string, path: string, over: Partial<ClaimArgs> = {}): ClaimArgs => ({
  key,
  sessionId: S,
  tool: 'edit',
  effect: 'reconcilable',
  claim: {
    kind: 'file',
    path,
    temp: '.lk-0123456789abcdef',
    preHash: null,
    postHash: 'post',
    mode: 0o644,
    text: `edited ${path}`,
  },
  at: AT,
  preImage: null,
  postImage: null,
  ...over,
});

export const processClaim = (key: string): ClaimArgs =>
  fileClaim(key, '', {
    tool: 'shell',
    claim: { kind: 'process', dir: key, bootId: 'boot', nonce: 'nonce' },
  });

export const outcome = (over: Partial<EffectOutcome> = {}): EffectOutcome => ({
  state: 'applied',
  text: 'edited',
  isError: false,
  note: note(),
  at: second(1),
  ...over,
});
