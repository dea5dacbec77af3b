/**
 * Reads request bodies and turns them into the types of `wire.ts`, or says which field is wrong.
 *
 * Parsed here, trusted inside. What must stay true: a body over the limit is read to its end without
 * being kept, so that the caller gets an answer instead of a broken connection.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import type { PermissionMode } from '../../workflows/protocol/agent.js';
import { promptTooLarge } from '../prompt-check.js';
import { badRequest, type Refusal } from '../refusal.js';
import type {
  CallerContext,
  DecideBody,
  PromptOptions,
  SendMessageBody,
  StartSessionBody,
} from './wire.js';

/** A prompt of 4 MB is six times that as JSON if it is all control bytes; the environment comes on top. */
export const BODY_BYTES_MAX = 32 * 1024 * 1024;
/** A reason travels in a signal, which the engine limits, and it is kept in history for good. */
const REASON_CHARACTERS_MAX = 10_000;
const REQUEST_ID_CHARACTERS_MAX = 128;
/** Bytes read and dropped for the sake of a clear answer; after that the connection is cut. */
const DROPPED_BYTES_MAX = 256 * 1024 * 1024;

const badField = (field: string, expected: string): Refusal =>
  badRequest('usage', `"${field}" must be ${expected}`, 'Correct the request body');

const readBytes = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
    else chunks.length = 0;
    if (bytes > DROPPED_BYTES_MAX) break;
  }
  if (bytes > BODY_BYTES_MAX) throw promptTooLarge();
  return Buffer.concat(chunks);
};

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const readFields = async (request: IncomingMessage): Promise<Fields> => {
  const bytes = await readBytes(request);
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (isFields(value)) return value;
  } catch {
    // Said below: whatever it is, it is no object.
  }
  throw badRequest('usage', 'the request body is not a JSON object', 'Correct the request body');
};

/** Id of a request that may come without a body. */
export const readRequestId = async (request: IncomingMessage): Promise<string> => {
  const isEmpty =
    !request.headers['transfer-encoding'] && !Number(request.headers['content-length']);
  const id = isEmpty ? null : textOrNull(await readFields(request), 'request_id');
  // Cut to fit, two ids could become one, and the second request would be taken for the first.
  if (id !== null && id.length > REQUEST_ID_CHARACTERS_MAX)
    throw badField('request_id', `at most ${REQUEST_ID_CHARACTERS_MAX} characters`);
  return id || randomUUID();
};

const text = (fields: Fields, name: string): string => {
  const value = fields[name];
  if (typeof value !== 'string') throw badField(name, 'a string');
  return value;
};

const textOrNull = (fields: Fields, name: string): string | null =>
  fields[name] === undefined || fields[name] === null ? null : text(fields, name);

const wholeOrNull = (fields: Fields, name: string, max: number): number | null => {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > max)
    throw badField(name, `a whole number from 0 to ${max}`);
  return value as number;
};

const flag = (fields: Fields, name: string): boolean => {
  const value = fields[name];
  if (value !== undefined && value !== null && typeof value !== 'boolean')
    throw badField(name, 'true or false');
  return value === true;
};

const MODES: Readonly<Record<string, PermissionMode>> = {
  default: 'default',
  bypass: 'bypass',
  bypassPermissions: 'bypass',
};

const modeOrNull = (fields: Fields): PermissionMode | null => {
  const name = textOrNull(fields, 'permission_mode');
  if (name === null) return null;
  const mode = Object.hasOwn(MODES, name) ? MODES[name] : undefined;
  if (!mode) throw badField('permission_mode', Object.keys(MODES).join(', '));
  return mode;
};

const optionsOf = (fields: Fields): PromptOptions => ({
  model: textOrNull(fields, 'model'),
  permission_mode: modeOrNull(fields),
  max_turns: wholeOrNull(fields, 'max_turns', 1_000_000),
  interactive: flag(fields, 'interactive'),
});

const environmentOf = (fields: Fields): Readonly<Record<string, string>> => {
  const { env } = fields as { readonly env?: unknown };
  if (!isFields(env) || !Object.values(env).every((value) => typeof value === 'string'))
    throw badField('env', 'an object of strings');
  return env as Readonly<Record<string, string>>;
};

const callerOf = (fields: Fields): CallerContext => ({
  env: environmentOf(fields),
  umask: wholeOrNull(fields, 'umask', 0o777) ?? 0o022,
  config_file: textOrNull(fields, 'config_file'),
});

export const parseStartSession = (fields: Fields): StartSessionBody => ({
  ...callerOf(fields),
  ...optionsOf(fields),
  session_id: text(fields, 'session_id'),
  message_id: text(fields, 'message_id'),
  text: text(fields, 'text'),
  project: text(fields, 'project'),
});

export const parseSendMessage = (fields: Fields): SendMessageBody => ({
  ...(fields['env'] === undefined ? {} : callerOf(fields)),
  ...optionsOf(fields),
  message_id: text(fields, 'message_id'),
  text: text(fields, 'text'),
});

export const parseDecide = (fields: Fields): DecideBody => {
  const decision = text(fields, 'decision');
  if (decision !== 'approve' && decision !== 'deny') throw badField('decision', 'approve or deny');
  const reason = textOrNull(fields, 'reason');
  if (reason !== null && reason.length > REASON_CHARACTERS_MAX)
    throw badField('reason', `at most ${REASON_CHARACTERS_MAX} characters`);
  return { decision, always: flag(fields, 'always'), ...(reason === null ? {} : { reason }) };
};
