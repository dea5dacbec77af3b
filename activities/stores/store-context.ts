/**
 * What an operation of the store works with, besides its arguments.
 *
 * Operations are synchronous and run inside a transaction that they neither begin nor end. What must
 * stay true: what they note here counts only once that transaction is committed.
 */
import type { Database } from './database.js';

export interface NewEvent {
  readonly sessionId: string;
  readonly offset: number;
}

/** What the group in hand has done besides changing rows. */
export interface GroupNotes {
  readonly events: NewEvent[];
  /** Folders in which a file was renamed: to be synced before the commit. */
  readonly folders: string[];
  /** Tools whose files were put in place. */
  readonly published: string[];
}

export interface StoreContext {
  readonly db: Database;
  readonly blobsDir: string;
  /** Replaced by each group. */
  notes: GroupNotes;
}

export const emptyNotes = (): GroupNotes => ({ events: [], folders: [], published: [] });
