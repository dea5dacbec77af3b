/**
 * What the command line asks of the daemon about sessions, as functions over a connection.
 *
 * What must stay true: ids of sessions, prompts and requests are chosen before the first attempt and
 * kept for every later one, so that a call that was cut is never done twice.
 */
import { randomUUID } from 'node:crypto';

import type {
  AcceptedBody,
  ApprovalsBody,
  DecideBody,
  SendMessageBody,
  SessionBody,
  SessionDocument,
  SessionsBody,
  StartSessionBody,
} from '../http/wire.js';
import type { PromptArguments } from './arguments.js';
import type { Connection } from './connection.js';
import { usageError } from './errors.js';
import type { CommandIo } from './io.js';

/** All that goes with the prompts of one command. */
export interface Caller {
  readonly options: PromptArguments;
  readonly project: string;
  readonly configFile: string | null;
  readonly interactive: boolean;
  readonly env: CommandIo['env'];
}

/** Opens a session with its first prompt. */
export const startSession = (
  connection: Connection,
  caller: Caller,
  text: string,
): Promise<AcceptedBody> => {
  const body: StartSessionBody = {
    session_id: randomUUID(),
    project: caller.project,
    ...promptBody(caller, text),
  };
  return connection.call({ method: 'POST', path: '/v1/sessions', body });
};

/** Adds a prompt to a session; a busy one reads it before its next model call. */
export const sendPrompt = (
  connection: Connection,
  caller: Caller,
  sessionId: string,
  text: string,
): Promise<AcceptedBody> => {
  const body: SendMessageBody = promptBody(caller, text);
  return connection.call({ method: 'POST', path: `/v1/sessions/${sessionId}/messages`, body });
};

const promptBody = ({ options, configFile, interactive, env }: Caller, text: string) => ({
  message_id: randomUUID(),
  text,
  env: Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ),
  umask: process.umask(),
  config_file: configFile,
  model: options.model,
  permission_mode: options.permissionMode,
  max_turns: options.maxTurns,
  interactive,
});

/** The session that -c or -r means; null for a new one. */
export const chosenSession = async (
  connection: Connection,
  { options, project }: Pick<Caller, 'options' | 'project'>,
): Promise<SessionDocument | null> => {
  const { session: choice } = options;
  if (choice.kind === 'new') return null;
  if (choice.kind === 'newest') {
    const [newest] = await listSessions(connection, { all: '1', project });
    if (newest !== undefined) return newest;
    throw usageError(`no session to go on with (${project})`, 'Start one with loomkin "prompt".');
  }
  const session = await namedSession(connection, choice.prefix);
  if (options.project === null || session.project === project) return session;
  throw usageError(
    `session ${session.id} works in ${session.project}, not in ${project}`,
    'Leave --project out, or start a new session there.',
  );
};

const namedSession = async (connection: Connection, prefix: string): Promise<SessionDocument> => {
  const found = await listSessions(connection, { all: '1', prefix });
  const exact = found.find(({ id }) => id === prefix);
  if (found.length === 1 || exact !== undefined) return exact ?? found[0]!;
  if (found.length === 0)
    throw usageError(`no session with this id (${prefix})`, 'loomkin ps --all lists them.');
  throw usageError(
    `several sessions begin like this (${prefix})`,
    `Give more of the id: ${found.map(({ id }) => id).join(', ')}`,
  );
};

const listSessions = async (
  connection: Connection,
  query: Readonly<Record<string, string>>,
): Promise<SessionsBody['sessions']> => {
  const path = `/v1/sessions?${new URLSearchParams(query).toString()}`;
  return (await connection.call<SessionsBody>({ method: 'GET', path })).sessions;
};

/** The last prompt of a session, to follow from its beginning. */
export const lastPrompt = async (
  connection: Connection,
  sessionId: string,
): Promise<AcceptedBody> => {
  const call = { method: 'GET', path: `/v1/sessions/${sessionId}` } as const;
  const { last_prompt: last } = await connection.call<SessionBody>(call);
  if (last !== null) return last;
  throw usageError(`this session has no prompt yet (${sessionId})`, 'Give it one.');
};

export const interruptSession = async (
  connection: Connection,
  sessionId: string,
): Promise<void> => {
  await connection.call({ method: 'POST', path: `/v1/sessions/${sessionId}/interrupt`, body: {} });
};

export const isPending = async (connection: Connection, approvalId: string): Promise<boolean> => {
  const call = { method: 'GET', path: '/v1/approvals' } as const;
  const { approvals } = await connection.call<ApprovalsBody>(call);
  return approvals.some(({ id, state }) => id === approvalId && state === 'pending');
};

export const decide = async (
  connection: Connection,
  approvalId: string,
  body: DecideBody,
): Promise<void> => {
  await connection.call({ method: 'POST', path: `/v1/approvals/${approvalId}`, body });
};
