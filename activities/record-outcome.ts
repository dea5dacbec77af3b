/**
 * Writes how the work on prompts ended: the one result each of them gets, and the agent's rest.
 *
 * What must stay true: the event's key is the first message's id, and a message has one result in the
 * store, so that writing it again (a retry, a second daemon) is the same row.
 */
import type { PromptResult } from '../workflows/protocol/events.js';
import { toolCallIdOf, type AgentName } from '../workflows/protocol/ids.js';
import { ENDINGS } from '../workflows/protocol/states.js';
import type { RecordOutcomeRequest } from '../workflows/protocol/turn.js';
import { noteAgentState } from './agent-state.js';
import type { Store } from './stores/store.js';
import { RESULT_INDEX, type TranscriptRow } from './stores/transcript-store.js';

export interface OutcomeDeps {
  readonly store: Store;
  now(): Date;
}

/** The last words of the model in these turns; "" when it said none. */
const lastWords = (rows: readonly TranscriptRow[]): string => {
  for (const { body } of [...rows].reverse()) {
    if (body.kind !== 'answer') continue;
    const text = body.blocks.flatMap((block) => (block.kind === 'text' ? [block.text] : []));
    if (text.length > 0) return text.join('\n');
  }
  return '';
};

const denialsIn = (rows: readonly TranscriptRow[], agent: AgentName) =>
  rows.flatMap(({ turn, index, body }) =>
    body.kind === 'result' && body.denied
      ? [{ toolName: body.tool, callId: toolCallIdOf(agent, turn, index - RESULT_INDEX) }]
      : [],
  );

const resultOf = async (
  deps: OutcomeDeps,
  request: RecordOutcomeRequest,
): Promise<PromptResult> => {
  const { sessionId, agent, messages, outcome, reason, numTurns } = request;
  const fromTurn = request.turn - numTurns + 1;
  const ref = { sessionId, agent };
  const [rows, sums, changes, sentAt] = await Promise.all([
    deps.store.call('readTranscript', ref),
    deps.store.call('sumUsage', { ...ref, fromTurn }),
    deps.store.call('changesSince', { ...ref, fromTurn }),
    deps.store.call('firstSentAt', { ids: messages }),
  ]);
  const recent = rows.filter((row) => row.turn >= fromTurn);
  const words = lastWords(recent);
  const now = deps.now().getTime();
  return {
    messages,
    outcome,
    exitCode: request.exitCode ?? ENDINGS[outcome].exitCode,
    text: words === '' ? (reason ?? '') : words,
    reason,
    numTurns: sums.calls,
    durationMs: Math.max(0, now - new Date(sentAt ?? now).getTime()),
    durationApiMs: sums.apiMs,
    usage: sums.usage,
    costUsd: sums.costUsd,
    costEstimatedUsd: sums.estimatedUsd,
    permissionDenials: denialsIn(recent, agent),
    filesChanged: changes.paths,
    commits: changes.commits,
  };
};

/** The result alone: the agent itself may be at something else by now. */
export const recordPromptResult = async (
  deps: OutcomeDeps,
  request: RecordOutcomeRequest,
): Promise<void> => {
  const { sessionId, agent, messages } = request;
  const at = deps.now().toISOString();
  const [first] = messages;
  if (first === undefined) return;
  const result = await resultOf(deps, request);
  await deps.store.call('appendEvent', {
    sessionId,
    key: `outcome/${first}`,
    at,
    event: { kind: 'result', agent, ...result },
  });
};

export const makeRecordOutcome =
  (deps: OutcomeDeps) =>
  async (request: RecordOutcomeRequest): Promise<void> => {
    const { outcome, ends } = request;
    await noteAgentState(deps, request, { state: ends ? 'ended' : 'idle', outcome });
    await recordPromptResult(deps, request);
  };
