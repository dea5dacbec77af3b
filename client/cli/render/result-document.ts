/**
 * The result of a prompt in Claude's envelope: the last line of stream-json, and all of json.
 *
 * What must stay true: `is_error` is false exactly when the exit code is 0, and what is not known is
 * null and never 0.
 */
import { createHash } from 'node:crypto';

import type { SessionEvent, StoredEvent } from '../../../workflows/protocol/events.js';
import { ENDINGS } from '../../../workflows/protocol/states.js';
import type { Failure } from '../errors.js';

export type ResultEvent = Extract<SessionEvent, { readonly kind: 'result' }>;

/** What the events before the result told, as far as the result repeats it. */
export class PromptRecord {
  /** Arguments of calls that have no good result yet: a refusal names them. */
  private readonly inputs = new Map<string, unknown>();
  private readonly pending = new Set<string>();

  note(event: SessionEvent): void {
    if (event.kind === 'answer')
      for (const block of event.blocks)
        if (block.kind === 'tool_call') this.inputs.set(block.callId, block.input ?? {});
    if (event.kind === 'tool_result' && !event.isError) this.inputs.delete(event.callId);
    if (event.kind !== 'approval') return;
    if (event.approval.state === 'pending') this.pending.add(event.approval.id);
    else this.pending.delete(event.approval.id);
  }

  inputOf(callId: string): unknown {
    return this.inputs.get(callId) ?? {};
  }

  pendingApprovals(): readonly string[] {
    return [...this.pending];
  }
}

export const resultDocument = (
  sessionId: string,
  stored: StoredEvent & { readonly event: ResultEvent },
  record: PromptRecord,
  exitCode: number,
): Record<string, unknown> => {
  const result = stored.event;
  return {
    type: 'result',
    subtype: subtypeOf(result, exitCode),
    is_error: exitCode !== 0,
    result: result.text === '' ? (result.reason ?? '') : result.text,
    num_turns: result.numTurns,
    duration_ms: result.durationMs,
    duration_api_ms: result.durationApiMs,
    session_id: sessionId,
    total_cost_usd: result.costUsd,
    usage: result.usage,
    permission_denials: result.permissionDenials.map(({ toolName, callId }) => ({
      tool_name: toolName,
      tool_use_id: callId,
      tool_input: record.inputOf(callId),
    })),
    exit_code: exitCode,
    outcome: result.outcome,
    reason: result.reason,
    files_changed: result.filesChanged,
    commits: result.commits,
    approvals: record.pendingApprovals(),
    checks: [],
    cost_estimated_usd: result.costEstimatedUsd,
    uuid: stored.uuid,
  };
};

/** For a command that leaves before the result: what is known of the prompt, and that it failed. */
export const brokenDocument = (
  sessionId: string,
  messageId: string,
  record: PromptRecord,
  failure: Failure,
): Record<string, unknown> => ({
  type: 'result',
  subtype: isSignal(failure.exitCode) ? 'error_interrupted' : 'error_during_execution',
  is_error: true,
  result: failure.message,
  num_turns: null,
  duration_ms: null,
  duration_api_ms: null,
  session_id: sessionId,
  total_cost_usd: null,
  usage: null,
  permission_denials: [],
  exit_code: failure.exitCode,
  outcome: null,
  reason: failure.message,
  files_changed: [],
  commits: [],
  approvals: record.pendingApprovals(),
  checks: [],
  cost_estimated_usd: null,
  uuid: derivedUuid(`${messageId}/broken`),
});

const isSignal = (exitCode: number): boolean => exitCode === 130 || exitCode === 143;

const subtypeOf = (result: ResultEvent, exitCode: number): string =>
  isSignal(exitCode) ? 'error_interrupted' : ENDINGS[result.outcome].subtype;

/** A UUID made from what identifies the line, so that printing it again gives the same one. */
export const derivedUuid = (text: string): string => {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = ((parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
};
