/**
 * What the command line asks of the daemon about sessions, as functions over a connection.
 *
 * What must stay true: ids of sessions, prompts and requests are chosen before the first attempt and
 * kept for every later one, so that a call that was cut is never done twice.
 */
import { randomUUID } from 'node:crypto';

import type {
  AcceptedBody,
  ApprovalDocument,
  ApprovalsBody,
  DecideBody,
  SendMessageBody,
  SessionBody,
  SessionDocument,
  SessionsBody,
  StartSessionBody,
} from '../../http/wire.js';
import type { PromptArguments } from '../arguments.js';
import { usageError } from '../errors.js';
import type { CommandIo } from '../io.js';
import type { Connection } from './lasting-connection.js';

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

/** A prompt to follow. */
export interface FollowedPrompt {
  readonly accepted: AcceptedBody;
  /** Up to here its events tell what was before; from there on, what is now. */
  readonly pastUntil: number;
}

/** One that was sent just now: all of its events are still to come. */
export const sentNow = (accepted: AcceptedBody): FollowedPrompt => ({
  accepted,
  pastUntil: accepted.from,
});

/** The last prompt of a session, to follow from its beginning. */
export const lastPrompt = async (
  connection: Connection,
  sessionId: string,
): Promise<FollowedPrompt> => {
  const call = { method: 'GET', path: `/v1/sessions/${sessionId}` } as const;
  const { last_prompt: last, last_offset: until } = await connection.call<SessionBody>(call);
  if (last !== null) return { accepted: last, pastUntil: until ?? last.from };
  throw usageError(`this session has no prompt yet (${sessionId})`, 'Give it one.');
};

export const interruptSession = async (
  connection: Connection,
  sessionId: string,
): Promise<void> => {
  // Chosen here: a repeat of the call is the same request.
  const body = { request_id: randomUUID() };
  await connection.call({ method: 'POST', path: `/v1/sessions/${sessionId}/interrupt`, body });
};

/** All that wait for an answer, whatever session asks. */
const pendingApprovals = async (connection: Connection): Promise<readonly ApprovalDocument[]> => {
  const call = { method: 'GET', path: '/v1/approvals' } as const;
  const { approvals } = await connection.call<ApprovalsBody>(call);
  return approvals.filter(({ state }) => state === 'pending');
};

export const isPending = async (connection: Connection, approvalId: string): Promise<boolean> =>
  (await pendingApprovals(connection)).some(({ id }) => id === approvalId);

/** What a session waits to be told, oldest first. */
export const openQuestions = async (
  connection: Connection,
  sessionId: string,
): Promise<readonly ApprovalDocument[]> =>
  (await pendingApprovals(connection))
    .filter(({ session_id: asking }) => asking === sessionId)
    .toSorted((a, b) => a.asked_at.localeCompare(b.asked_at));

export const decide = async (
  connection: Connection,
  approvalId: string,
  body: DecideBody,
): Promise<void> => {
  await connection.call({ method: 'POST', path: `/v1/approvals/${approvalId}`, body });
};
