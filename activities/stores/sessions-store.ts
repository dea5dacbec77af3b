/**
 * Sessions: what a user opened, on which project, with what settings.
 *
 * What must stay true: a session row is written before its first message is acknowledged, and is
 * never deleted by running work.
 */
import type { PermissionMode } from '../../workflows/protocol/agent.js';

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
