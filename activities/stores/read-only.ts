/**
 * Read operations on a database that nobody serves: for screens while the daemon is down.
 *
 * In this process and without a thread, since nothing else goes on. What must stay true: nothing is
 * written, checked or migrated here.
 */
import { dirname, join } from 'node:path';

import { openDatabase } from './database.js';
import { MIGRATIONS } from './migrations/migrations.js';
import { StoreOpenError } from './open-error.js';
import { makeOperations, OPERATION_KINDS } from './operations.js';
import { emptyNotes } from './store-context.js';
import { StoreError, type StoreOperationName } from './store.js';

export interface Reader {
  /** Throws StoreError REFUSED on anything but a read. */
  run(name: StoreOperationName, args: unknown): unknown;
  close(): void;
}

const refuseOtherSchema = (file: string, version: number): void => {
  const known = MIGRATIONS.at(-1)?.number ?? 0;
  if (version === known) return;
  throw new StoreOpenError(
    version > known ? 'newer' : 'older',
    `the database has schema ${version}, this build reads ${known} (${file}). ` +
      (version > known ? 'Update Loomkin' : 'Run loomkin up once'),
  );
};

export const openReader = (file: string): Reader => {
  const db = openDatabase(file, 'reader');
  try {
    refuseOtherSchema(file, db.version());
  } catch (error) {
    db.close();
    throw error;
  }
  const blobsDir = join(dirname(file), 'blobs');
  const operations = makeOperations({ db, blobsDir, notes: emptyNotes() });
  return {
    run(name, args) {
      if (OPERATION_KINDS[name] !== 'read')
        throw new StoreError('REFUSED', `${name}: this connection only reads`, 'NO_FENCE');
      return (operations[name] as (args: unknown) => unknown)(args);
    },
    close: () => db.close(),
  };
};
