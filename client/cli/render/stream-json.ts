/**
 * stream-json: Claude's envelope, one JSON object a line, so that its wrappers read us unchanged.
 *
 * Their names stay inside this file and `result-document.ts`. What must stay true: the init line comes
 * only after the prompt is durable, every line has session_id and uuid, and a line printed again after
 * a reconnect would carry the same uuid.
 */
import type { AnswerBlock, SessionEvent, StoredEvent } from '../../../workflows/protocol/events.js';
import { VERSION } from '../../../config/build-info.js';
import { approvalDocument } from '../../http/approval-document.js';
import type { AcceptedBody } from '../../http/wire.js';
import { jsonLine } from './json-line.js';
import { NOTHING } from './renderer.js';
import type { Rendered, Renderer } from './renderer.js';
import { brokenDocument, derivedUuid, PromptRecord, resultDocument } from './result-document.js';
import type { ResultEvent } from './result-document.js';

type Line = Readonly<Record<string, unknown>>;

const STOP_REASONS: Readonly<Record<string, string>> = {
  stop: 'end_turn',
  tool_calls: 'tool_use',
  length: 'max_tokens',
  content_filter: 'refusal',
};

export const streamJsonRenderer = (): Renderer => {
  let accepted: AcceptedBody | null = null;
  const record = new PromptRecord();
  const sessionId = (): string => accepted?.session_id ?? '';
  return {
    accepted: (body) => {
      accepted = body;
      return print([initLine(body), ...body.notices.map((text, n) => noticeLine(body, text, n))]);
    },
    event: (stored) => {
      record.note(stored.event);
      const line = eventLine(stored);
      if (line === null) return NOTHING;
      return print([{ ...line, session_id: sessionId(), uuid: stored.uuid }]);
    },
    delta: () => NOTHING,
    result: (stored, exitCode) => {
      const result = stored as StoredEvent & { readonly event: ResultEvent };
      return print([resultDocument(sessionId(), result, record, exitCode)]);
    },
    broken: (failure) => {
      const messageId = accepted?.message_id ?? '';
      return print([brokenDocument(sessionId(), messageId, record, failure)]);
    },
  };
};

const print = (lines: readonly Line[]): Rendered => ({
  out: lines.map(jsonLine).join(''),
});

const initLine = (body: AcceptedBody): Line => ({
  type: 'system',
  subtype: 'init',
  session_id: body.session_id,
  model: body.model,
  cwd: body.project,
  tools: body.tools,
  mcp_servers: [],
  permissionMode: body.permission_mode === 'bypass' ? 'bypassPermissions' : body.permission_mode,
  slash_commands: [],
  apiKeySource: body.api_key_source,
  loomkin_version: VERSION,
  agent: 'lead',
  uuid: derivedUuid(`${body.message_id}/init`),
});

const noticeLine = (body: AcceptedBody, text: string, index: number): Line => ({
  type: 'system',
  subtype: 'loomkin_notice',
  text,
  session_id: body.session_id,
  uuid: derivedUuid(`${body.message_id}/notice/${index}`),
});

/** Null for results of other prompts, and for kinds that this version does not know. */
const eventLine = ({ event, uuid }: StoredEvent): Line | null => {
  switch (event.kind) {
    case 'prompt':
      return userLine([{ type: 'text', text: event.text }]);
    case 'answer':
      return assistantLine(event, uuid);
    case 'tool_result': {
      const { callId, text, isError } = event;
      return userLine([
        { type: 'tool_result', tool_use_id: callId, content: text, is_error: isError },
      ]);
    }
    case 'result':
      return null;
    case 'state':
    case 'effect':
    case 'approval':
    case 'retry':
    case 'notice':
      return { type: 'system', ...systemLine(event) };
    default:
      return null;
  }
};

const userLine = (content: readonly Line[]): Line => ({
  type: 'user',
  message: { role: 'user', content },
  parent_tool_use_id: null,
});

const assistantLine = (
  event: Extract<SessionEvent, { readonly kind: 'answer' }>,
  uuid: string,
): Line => ({
  type: 'assistant',
  message: {
    id: `msg_${uuid.replaceAll('-', '')}`,
    type: 'message',
    role: 'assistant',
    model: event.model,
    content: event.blocks.map(contentBlock),
    stop_reason: stopReason(event),
    stop_sequence: null,
    usage: event.usage,
  },
  parent_tool_use_id: null,
});

const stopReason = ({ stopReason: reason }: { stopReason: string | null }): string | null =>
  reason === null ? null : (STOP_REASONS[reason] ?? reason);

const contentBlock = (block: AnswerBlock): Line => {
  switch (block.kind) {
    case 'text':
      return { type: 'text', text: block.text };
    case 'thinking':
      return { type: 'thinking', thinking: block.text, signature: '' };
    case 'tool_call':
      return { type: 'tool_use', id: block.callId, name: block.name, input: block.input ?? {} };
  }
};

type OwnEvent = Extract<
  SessionEvent,
  { readonly kind: 'state' | 'effect' | 'approval' | 'retry' | 'notice' }
>;

const systemLine = (event: OwnEvent): Line => {
  switch (event.kind) {
    case 'state': {
      const { agent, state, waitingFor } = event;
      return { subtype: 'loomkin_state', agent, state, waiting_for: waitingFor };
    }
    case 'effect': {
      const { callId, effect, outcome, recovered, paths } = event;
      return {
        subtype: 'loomkin_effect',
        call_id: callId,
        kind: effect,
        outcome,
        recovered,
        paths,
      };
    }
    case 'approval':
      return { subtype: 'loomkin_approval', approval: approvalDocument(event.approval) };
    case 'retry': {
      const { reason, attempt, until } = event;
      return { subtype: 'loomkin_retry', reason, attempt, until };
    }
    case 'notice':
      return { subtype: 'loomkin_notice', text: event.text };
  }
};
