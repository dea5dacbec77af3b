/**
 * All migrations of loomkin.db in order; the database's `user_version` is the number of the last one.
 *
 * What must stay true: the list is append-only and its numbers count up from 1; each runs in one
 * transaction of its own. A new one changes `tables.ts` and the schema dump under test/stores.
 */
import { firstTables } from './first-tables.js';

export interface Migration {
  readonly number: number;
  readonly name: string;
  /** One or more statements; no transaction control. */
  readonly sql: string;
}

export const MIGRATIONS: readonly Migration[] = [firstTables];
