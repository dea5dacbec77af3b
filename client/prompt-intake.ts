/**
 * Takes prompts in: checks, keys, session row, message row, then the word to the agent.
 *
 * The order is the promise: what the agent is told is in the store already, and the caller hears of it
 * last. A prompt may be sent again with its ids at any time. What must stay true: the same id twice is
 * one prompt, also when its agent has ended meanwhile.
 */
import type { SessionRow } from '../activities/stores/sessions-store.js';
import { isStoreError, type Store } from '../activities/stores/store.js';
import { writeSecrets } from '../config/secrets.js';
import type { InboxItem } from '../workflows/protocol/agent.js';
import { LEAD, messageIdOf, sessionIdOf } from '../workflows/protocol/ids.js';
import type { AgentLine } from './agent-line.js';
import { makeAcceptedPrompts, type AcceptedPrompts } from './accepted-prompts.js';
import { makeCallOrder } from './call-order.js';
import type {
  AcceptedBody,
  CallerContext,
  PromptOptions,
  SendMessageBody,
  StartSessionBody,
} from './http/wire.js';
import {
  checkMessageId,
  checkProject,
  checkSessionId,
  checkText,
  isInsideGit,
  titleOf,
} from './prompt-check.js';
import { conflict } from './refusal.js';
import { findSession, newestReadPrompt, promptOffset } from './session-lookup.js';
import {
  planPrompt,
  recallPlan,
  type PromptPlan,
  type SettingsSources,
} from './session-settings.js';

export interface IntakeDeps extends SettingsSources {
  readonly store: Store;
  readonly toolNames: readonly string[];
  readonly readGitHead: (project: string) => Promise<string | null>;
  readonly now: () => Date;
}

export interface PromptIntake {
  startSession(body: StartSessionBody): Promise<AcceptedBody>;
  sendMessage(sessionId: string, body: SendMessageBody): Promise<AcceptedBody>;
  /** The answer that the newest prompt got, or would get now; null before the first one. */
  newestPrompt(session: SessionRow): Promise<AcceptedBody | null>;
}

interface Prompt {
  readonly sessionId: string;
  readonly messageId: string;
  readonly text: string;
  /** Real path. */
  readonly project: string;
  readonly caller: CallerContext | null;
  readonly options: PromptOptions;
  /** It begins its session, now or when it was sent before. */
  readonly isFirst: boolean;
}

const reused = (messageId: string): Error =>
  conflict(
    'message_conflict',
    `message id ${messageId} was used for another prompt`,
    'Use a new id',
  );

/** Before anything else is written: what is refused here must leave nothing behind. */
const checkUnused = async (store: Store, prompt: Prompt): Promise<void> => {
  const { sessionId, messageId, text } = prompt;
  const [stored] = await store.call('getMessages', { ids: [messageId] });
  const isOther = stored && (stored.sessionId !== sessionId || stored.text !== text);
  if (isOther) throw reused(messageId);
};

/** False when it is there already, word for word. */
const storeMessage = async (store: Store, prompt: Prompt, sentAt: string): Promise<boolean> => {
  const { sessionId, messageId: id, text } = prompt;
  try {
    return await store.call('storeMessage', { id, sessionId, agent: LEAD, text, sentAt });
  } catch (error) {
    if (isStoreError(error) && error.code === 'REFUSED') throw reused(id);
    throw error;
  }
};

/** Writes the row of a session that is new, or the model of one that changes it. */
const storeSession = async (
  store: Store,
  session: SessionRow,
  known: SessionRow | null,
): Promise<void> => {
  const { id, model } = session;
  if (!known) await store.call('createSession', session);
  else if (known.model !== model) await store.call('setSessionModel', { id, model });
};

/** Writes everything but the word to the agent; false when the prompt was there already. */
const writeDown = async (
  { store, secretsFolder, now }: IntakeDeps,
  prompt: Prompt,
  secrets: PromptPlan['secrets'],
  [session, known]: readonly [SessionRow, SessionRow | null],
): Promise<boolean> => {
  // Said in one breath they share one commit of the store, which keeps their order.
  const [, isFresh] = await Promise.all([
    storeSession(store, session, known),
    storeMessage(store, prompt, now().toISOString()),
  ]);
  // After the store has said yes: a prompt it refuses must not replace the session's keys.
  if (secrets) await writeSecrets(secretsFolder, prompt.sessionId, secrets);
  return isFresh;
};

/** Tells the agent, who may have ended: its turns are counted only once it surely writes no more. */
const tellAgent = async (
  deps: IntakeDeps,
  line: AgentLine,
  session: SessionRow & { readonly isNew: boolean },
  item: InboxItem,
): Promise<void> => {
  const sessionId = sessionIdOf(session.id);
  if (!session.isNew && (await line.deliver(sessionId, item)) === 'told') return;
  const turn = await deps.store.call('lastTurn', { sessionId, agent: LEAD });
  const { project, title, model } = session;
  const start = { version: 1, sessionId, agent: LEAD, role: 'lead', carry: null } as const;
  await line.begin({ ...start, project, title, model, turn }, item);
};

const answerTo = async (
  deps: IntakeDeps,
  prompt: Pick<Prompt, 'sessionId' | 'messageId' | 'project'>,
  plan: Omit<PromptPlan, 'secrets'>,
  { from, isFirst }: { readonly from: number; readonly isFirst: boolean },
): Promise<AcceptedBody> => {
  const { sessionId, messageId, project } = prompt;
  const notices = [...plan.notices];
  if (isFirst && !(await isInsideGit(project)))
    notices.push(`${project} is not a git repository: nothing can be compared or committed`);
  return {
    session_id: sessionId,
    message_id: messageId,
    from,
    model: plan.model,
    project,
    permission_mode: plan.settings.permissionMode,
    tools: deps.toolNames,
    api_key_source: plan.apiKeySource,
    notices,
  };
};

const noOptions: PromptOptions = {
  model: null,
  permission_mode: null,
  max_turns: null,
  interactive: false,
};

const optionsOf = (body: Partial<PromptOptions>): PromptOptions => ({
  model: body.model ?? noOptions.model,
  permission_mode: body.permission_mode ?? noOptions.permission_mode,
  max_turns: body.max_turns ?? noOptions.max_turns,
  interactive: body.interactive ?? noOptions.interactive,
});

const callerOf = (body: Partial<CallerContext>): CallerContext | null =>
  body.env === undefined
    ? null
    : { env: body.env, umask: body.umask ?? 0o022, config_file: body.config_file ?? null };

interface Intake {
  readonly deps: IntakeDeps;
  readonly line: AgentLine;
  readonly accepted: AcceptedPrompts;
}

const newSession = (
  { sessionId: id, project, text }: Prompt,
  { model, settings }: PromptPlan,
  baseCommit: string | null,
  createdAt: string,
): SessionRow => {
  const { permissionMode } = settings;
  return { id, project, title: titleOf(text), model, permissionMode, createdAt, baseCommit };
};

const take = async (
  { deps, line, accepted }: Intake,
  prompt: Prompt,
  known: SessionRow | null,
): Promise<AcceptedBody> => {
  const { sessionId, messageId, text, project } = prompt;
  const { store, readGitHead, now } = deps;
  const earlier = accepted.recall(sessionId, messageId, text);
  if (earlier === 'different') throw reused(messageId);
  if (earlier) return earlier;
  const [plan, from, head] = await Promise.all([
    planPrompt({ ...prompt, session: known }, deps),
    store.call('lastOffset', { sessionId }),
    known ? null : readGitHead(project),
    checkUnused(store, prompt),
  ]);
  const { model, settings } = plan;
  const session = known ? { ...known, model } : newSession(prompt, plan, head, now().toISOString());
  const isFresh = await writeDown(deps, prompt, plan.secrets, [session, known]);
  const read = isFresh ? null : await promptOffset(store, sessionId, messageId);
  if (read === null) {
    const item = { messageId: messageIdOf(messageId), settings };
    await tellAgent(deps, line, { ...session, isNew: known === null }, item);
  }
  const { isFirst } = prompt;
  const answer = await answerTo(deps, prompt, plan, { from: read ?? from, isFirst });
  accepted.remember(answer, text);
  return answer;
};

const startSession = async (intake: Intake, body: StartSessionBody): Promise<AcceptedBody> => {
  const { session_id: sessionId, message_id: messageId } = body;
  checkSessionId(sessionId);
  checkMessageId(messageId);
  const text = checkText(body.text);
  const project = await checkProject(body.project);
  const known = await intake.deps.store.call('getSession', { id: sessionId });
  if (known && known.project !== project)
    throw conflict(
      'session_conflict',
      `session ${sessionId} works in ${known.project}`,
      'Use a new session id',
    );
  const prompt = { sessionId, messageId, text, project, isFirst: true };
  return take(intake, { ...prompt, caller: callerOf(body), options: optionsOf(body) }, known);
};

const sendMessage = async (
  intake: Intake,
  sessionId: string,
  body: SendMessageBody,
): Promise<AcceptedBody> => {
  const { message_id: messageId } = body;
  checkMessageId(messageId);
  const text = checkText(body.text);
  const known = await findSession(intake.deps.store, sessionId);
  const project = await checkProject(known.project);
  const prompt = { sessionId, messageId, text, project, isFirst: false };
  return take(intake, { ...prompt, caller: callerOf(body), options: optionsOf(body) }, known);
};

/** A prompt that is not read yet waits for the work on an earlier one: that is what there is to see. */
const offsetToSee = async (
  store: Store,
  { session_id: sessionId, message_id: messageId, from }: AcceptedBody,
): Promise<number> => {
  if ((await promptOffset(store, sessionId, messageId, from)) !== null) return from;
  const earlier = await newestReadPrompt(store, sessionId);
  return earlier && !earlier.isOver ? Math.min(earlier.from, from) : from;
};

const newestPrompt = async (
  { deps, accepted }: Intake,
  session: SessionRow,
): Promise<AcceptedBody | null> => {
  const { id: sessionId, project } = session;
  const known = accepted.newestOf(sessionId);
  if (known) return { ...known, from: await offsetToSee(deps.store, known), notices: [] };
  const newest = await newestReadPrompt(deps.store, sessionId);
  if (!newest) return null;
  const plan = await recallPlan(session, deps);
  const { messageId, from } = newest;
  return answerTo(deps, { sessionId, project, messageId }, plan, { from, isFirst: false });
};

export const makePromptIntake = (deps: IntakeDeps, line: AgentLine): PromptIntake => {
  const inOrder = makeCallOrder();
  const intake: Intake = { deps, line, accepted: makeAcceptedPrompts() };
  return {
    startSession: (body) => inOrder(body.session_id, () => startSession(intake, body)),
    sendMessage: async (idOrPrefix, body) => {
      const { id } = await findSession(deps.store, idOrPrefix);
      return inOrder(id, () => sendMessage(intake, id, body));
    },
    newestPrompt: (session) => newestPrompt(intake, session),
  };
};
