/**
 * What an agent makes of a signal: a word of the protocol, or null for anything else. Pure.
 *
 * Anybody who reaches the Temporal server can send a signal, by hand too, and one that makes its handler
 * throw would hold the agent for ever. What must stay true: no value at all throws here, and what is not
 * clearly a permission is none.
 */
import type { ApprovalDecision, InboxItem, PromptSettings } from '../protocol/agent.js';
import { approvalIdOf, messageIdOf } from '../protocol/ids.js';

type Fields = Readonly<Record<string, unknown>>;

/** Longer ids are nobody's, and would be carried along for the rest of the session. */
const ID_CHARS_MAX = 200;
const REASON_CHARS_MAX = 2000;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

const readId = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' && value.length <= ID_CHARS_MAX ? value : null;

const readSettings = (value: unknown): PromptSettings => {
  const { permissionMode, onAsk, maxTurns, model } = fieldsOf(value);
  return {
    permissionMode: permissionMode === 'bypass' ? 'bypass' : 'default',
    onAsk: onAsk === 'park' ? 'park' : 'deny',
    maxTurns: typeof maxTurns === 'number' && maxTurns > 0 ? maxTurns : 0,
    model: typeof model === 'string' && model !== '' ? model : null,
  };
};

export const readItem = (value: unknown): InboxItem | null => {
  const { messageId, settings } = fieldsOf(value);
  const id = readId(messageId);
  return id === null ? null : { messageId: messageIdOf(id), settings: readSettings(settings) };
};

export const readDecision = (value: unknown): ApprovalDecision | null => {
  const { approvalId, decision, always, reason } = fieldsOf(value);
  const id = readId(approvalId);
  if (id === null || (decision !== 'approve' && decision !== 'deny')) return null;
  return {
    approvalId: approvalIdOf(id),
    decision,
    always: always === true,
    reason: typeof reason === 'string' ? reason.slice(0, REASON_CHARS_MAX) : null,
  };
};

/** Null: a word without an id is heard each time it is said. */
export const readRequestId = (value: unknown): string | null =>
  readId(fieldsOf(value)['requestId']);
