/**
 * Finds sessions and what is known of a prompt in the store; reads only.
 *
 * What must stay true: a prefix that fits several sessions is refused with all of them named, never
 * guessed.
 */
import type { SessionRow } from '../activities/stores/sessions-store.js';
import type { Store } from '../activities/stores/store.js';
import type { StoredEvent } from '../workflows/protocol/events.js';
import { badRequest, notFound } from './refusal.js';

const PREFIX_CHARACTERS_MIN = 4;
const RECENT_MS = 24 * 3600 * 1000;
const PAGE = 200;

export interface SessionQuery {
  /** Ended ones of any age too. */
  readonly all: boolean;
  /** Real path; null = any. With it the newest by last message comes first. */
  readonly project: string | null;
  readonly prefix: string | null;
}

const checkPrefix = (prefix: string): string => {
  const lower = prefix.toLowerCase();
  if (lower.length < PREFIX_CHARACTERS_MIN || !/^[0-9a-f-]{4,36}$/.test(lower))
    throw badRequest(
      'usage',
      `not a session id: ${JSON.stringify(prefix.slice(0, 60))}`,
      `Give the id or at least its first ${PREFIX_CHARACTERS_MIN} characters; \`loomkin ps\` lists them`,
    );
  return lower;
};

export const findSession = async (store: Store, idOrPrefix: string): Promise<SessionRow> => {
  const prefix = checkPrefix(idOrPrefix);
  const found = await store.call('findSessions', { prefix });
  const [only] = found;
  if (only && found.length === 1) return only;
  if (!only) throw notFound(`no session ${prefix}`, 'List them with `loomkin ps --all`');
  const ids = found.map(({ id }) => id).join(', ');
  throw badRequest(
    'ambiguous',
    `${prefix} fits ${found.length} sessions or more: ${ids}`,
    'Give more of the id',
  );
};

/** Newest first. */
export const listSessions = async (
  store: Store,
  query: SessionQuery,
  now: Date,
): Promise<readonly SessionRow[]> => {
  const { all, project, prefix } = query;
  if (prefix !== null) return store.call('findSessions', { prefix: checkPrefix(prefix) });
  const since = all ? null : new Date(now.getTime() - RECENT_MS).toISOString();
  const rows = await store.call('listSessions', { since });
  if (project === null) return rows;
  const newest = await store.call('newestSession', { project });
  const others = rows.filter((row) => row.project === project && row.id !== newest?.id);
  return newest ? [newest, ...others] : others;
};

/** Stored events of a session behind an offset, in order, a page at a time. */
async function* storedEvents(
  store: Store,
  sessionId: string,
  from = 0,
): AsyncGenerator<StoredEvent> {
  for (let after = from; ;) {
    const page = await store.call('readEvents', { sessionId, after, limit: PAGE });
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last.offset;
  }
}

/**
 * Offset just before the first event of a prompt, or null when no model has read it and no result
 * answers it: only then may it be told to the agent again.
 */
export const promptOffset = async (
  store: Store,
  sessionId: string,
  messageId: string,
  from = 0,
): Promise<number | null> => {
  for await (const { offset, event } of storedEvents(store, sessionId, from)) {
    const isPrompt = event.kind === 'prompt' && event.messageId === messageId;
    const isResult = event.kind === 'result' && event.messages.some((id) => id === messageId);
    if (isPrompt || isResult) return offset - 1;
  }
  return null;
};

export interface ReadPrompt {
  readonly messageId: string;
  /** Offset just before it. */
  readonly from: number;
  /** It has its result. */
  readonly isOver: boolean;
}

/** The last prompt that a model has read. */
export const newestReadPrompt = async (
  store: Store,
  sessionId: string,
): Promise<ReadPrompt | null> => {
  let newest: ReadPrompt | null = null;
  for await (const { offset, event } of storedEvents(store, sessionId)) {
    if (event.kind === 'prompt')
      newest = { messageId: event.messageId, from: offset - 1, isOver: false };
    if (event.kind === 'result' && newest !== null) newest = { ...newest, isOver: true };
  }
  return newest;
};
