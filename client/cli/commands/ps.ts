/**
 * `loomkin ps`: which sessions there are and how they stand. Starts nothing.
 *
 * The daemon is asked where one answers; else the store is read, and what the store calls busy is lost in
 * the document and paused in the table, since nothing works on it. What must stay true: SQLite is loaded
 * only in that case.
 */
import { existsSync } from 'node:fs';

import { homePaths, loomkinHome } from '../../../config/paths.js';
import type { HomePaths } from '../../../config/paths.js';
import type { SessionDocument, SessionsBody } from '../../http/wire.js';
import { findEngine } from '../daemon/find-engine.js';
import { createHttpClient, isUnreachable } from '../daemon/http-client.js';
import { CommandFailure } from '../io.js';
import type { CommandIo } from '../io.js';
import { jsonLine } from '../render/json-line.js';
import { isAtWork, sessionTable } from '../render/session-table.js';

export interface PsOptions {
  readonly all: boolean;
  readonly json: boolean;
}

export const runPs = async (options: PsOptions, io: CommandIo): Promise<number> => {
  const paths = homePaths(loomkinHome(io.env));
  const asked = await runningSessions(paths, options.all);
  const sessions = asked ?? (await readStored(paths, options));
  if (options.json) {
    const shown = asked ?? sessions.map(asLost);
    io.stdout.write(jsonLine({ sessions: shown } satisfies SessionsBody));
    return 0;
  }
  const stdout: CommandIo['stdout'] & { readonly columns?: number } = io.stdout;
  const columns = io.stdout.isTTY === true ? stdout.columns || 80 : null;
  io.stdout.write(sessionTable(sessions, { columns, now: Date.now(), isDown: asked === null }));
  if (asked === null && sessions.length > 0)
    io.stderr.write('loomkin: note: the engine is down; sessions go on at the next loomkin up\n');
  return 0;
};

/** What the daemon lists; null when nobody answers. */
export const runningSessions = async (
  paths: HomePaths,
  all: boolean,
): Promise<readonly SessionDocument[] | null> => {
  const engine = await findEngine(paths);
  if (engine === null) return null;
  const http = createHttpClient();
  try {
    const path = `/v1/sessions${all ? '?all=1' : ''}`;
    return (await http.call<SessionsBody>(engine, { method: 'GET', path })).sessions;
  } catch (error) {
    if (isUnreachable(error)) return null;
    throw error;
  } finally {
    http.close();
  }
};

const readStored = async (
  paths: HomePaths,
  { all }: PsOptions,
): Promise<readonly SessionDocument[]> => {
  if (!existsSync(paths.database)) return [];
  const [{ openReadOnly }, { sessionDocuments }, { listSessions }] = await Promise.all([
    import('../../../activities/stores/open-store.js'),
    import('../../http/documents.js'),
    import('../../session-lookup.js'),
  ]);
  const now = new Date();
  try {
    const store = openReadOnly(paths.database);
    const rows = await listSessions(store, { all, project: null, prefix: null }, now);
    const sources = { store, attachedTo: () => 0, now: () => now };
    const documents = await sessionDocuments(rows, sources);
    await store.close();
    return documents;
  } catch (error) {
    throw new CommandFailure(
      'store_unreadable',
      `the sessions can't be read (${paths.database}: ${(error as Error).message})`,
      'See loomkin status; copies are kept in backups/ of LOOMKIN_HOME',
    );
  }
};

const asLost = (session: SessionDocument): SessionDocument => ({
  ...session,
  state: isAtWork(session) ? 'lost' : session.state,
  agents: session.agents.map((agent) => ({
    ...agent,
    state: isAtWork(agent) ? 'lost' : agent.state,
  })),
});
