/**
 * Sessions: what a user opened, on which project, with what settings.
 *
 * What must stay true: a session row is written before its first message is acknowledged, and is
 * never deleted by running work.
 */
import type { Selectable } from 'kysely';

import type { PermissionMode } from '../../workflows/protocol/agent.js';
import type { StoreContext } from './store-context.js';
import { StoreError } from './store.js';
import type { Tables } from './tables.js';

export interface SessionRow {
  readonly id: string;
  /** Absolute real path of the project's root. */
  readonly project: string;
  readonly title: string;
  readonly model: string;
  readonly permissionMode: PermissionMode;
  readonly createdAt: string;
  /** Commit that HEAD named at the start; null outside git. */
  readonly baseCommit: string | null;
}

export interface SessionOperations {
  /** Idempotent by id. */
  createSession(args: SessionRow): void;
  getSession(args: { readonly id: string }): SessionRow | null;
  /** Sessions whose id begins with the prefix (at most 10). */
  findSessions(args: { readonly prefix: string }): readonly SessionRow[];
  /** Newest session of a project by its last message, or null. */
  newestSession(args: { readonly project: string }): SessionRow | null;
  /** Newest first; not ended ones, and those with progress since `since`; all when null. */
  listSessions(args: { readonly since: string | null }): readonly SessionRow[];
  setSessionModel(args: { readonly id: string; readonly model: string }): void;
}

const PREFIX_MATCHES_MAX = 10;

const fromRow = (row: Selectable<Tables['sessions']>): SessionRow => ({
  id: row.id,
  project: row.project,
  title: row.title,
  model: row.model,
  permissionMode: row.permission_mode as PermissionMode,
  createdAt: row.created_at,
  baseCommit: row.base_commit,
});

const findSession = ({ db }: StoreContext, id: string): SessionRow | null => {
  const row = db.first(db.query.selectFrom('sessions').selectAll().where('id', '=', id));
  return row ? fromRow(row) : null;
};

/** The same id on another project is not a retry. */
const createSession = (context: StoreContext, args: SessionRow): void => {
  const { db } = context;
  const stored = findSession(context, args.id);
  if (stored && stored.project !== args.project)
    throw new StoreError(
      'REFUSED',
      `session ${args.id} exists already, on ${stored.project}; use a new id`,
      'ID_TAKEN',
    );
  if (stored) return;
  const row = {
    id: args.id,
    project: args.project,
    title: args.title,
    model: args.model,
    permission_mode: args.permissionMode,
    created_at: args.createdAt,
    base_commit: args.baseCommit,
    last_message_at: null,
  };
  db.change(db.query.insertInto('sessions').values(row));
};

/** Ids beginning with the prefix, by range, so that no character of it is a wildcard. */
const findSessions = ({ db }: StoreContext, prefix: string): readonly SessionRow[] =>
  db
    .rows(
      db.query
        .selectFrom('sessions')
        .selectAll()
        .where('id', '>=', prefix)
        .where('id', '<', `${prefix}\u{10ffff}`)
        .orderBy('id')
        .limit(PREFIX_MATCHES_MAX),
    )
    .map(fromRow);

/** A session without a message yet counts from its creation. */
const newestSession = ({ db }: StoreContext, project: string): SessionRow | null => {
  const row = db.first(
    db.query
      .selectFrom('sessions')
      .selectAll()
      .where('project', '=', project)
      .orderBy((eb) => eb.fn.coalesce('last_message_at', 'created_at'), 'desc')
      .orderBy('created_at', 'desc')
      .limit(1),
  );
  return row ? fromRow(row) : null;
};

/** One without agents has only just begun, and is listed. */
const listSessions = ({ db }: StoreContext, since: string | null): readonly SessionRow[] => {
  const all = db.query.selectFrom('sessions').selectAll().orderBy('created_at', 'desc');
  if (since === null) return db.rows(all).map(fromRow);
  const recent = all.where((eb) => {
    const agents = eb
      .selectFrom('agents')
      .select('agents.name')
      .whereRef('agents.session_id', '=', 'sessions.id');
    return eb.or([
      eb.not(eb.exists(agents)),
      eb.exists(agents.where('agents.state', '!=', 'ended')),
      eb.exists(agents.where('agents.last_progress_at', '>=', since)),
    ]);
  });
  return db.rows(recent).map(fromRow);
};

export const sessionOperations = (context: StoreContext): SessionOperations => ({
  createSession: (args) => createSession(context, args),
  getSession: ({ id }) => findSession(context, id),
  findSessions: ({ prefix }) => findSessions(context, prefix),
  newestSession: ({ project }) => newestSession(context, project),
  listSessions: ({ since }) => listSessions(context, since),
  setSessionModel: ({ id, model }) => {
    const { db } = context;
    db.change(db.query.updateTable('sessions').set({ model }).where('id', '=', id));
  },
});
