/**
 * Bodies by content hash: pre- and post-images, and tool output too long to show at once.
 *
 * Small ones are rows, large ones files below `blobs/`; callers can't tell. A blob never changes.
 * What must stay true: a row without bytes is committed only after its file is on the disk.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

import { fsyncFolder } from './publish-file.js';
import type { StoreContext } from './store-context.js';

export interface BlobOperations {
  /** Returns the SHA-256 (hex); the same bytes twice are one blob. */
  storeBlob(args: { readonly bytes: Uint8Array }): { readonly hash: string };
  /** Null when it is unknown, or its file is gone or no longer what was stored. */
  readBlob(args: { readonly hash: string }): Uint8Array | null;
}

const ROW_BYTES_MAX = 64 * 1024;
/** Files being written; emptied when the store is opened. */
export const UNFINISHED_BLOBS = 'unfinished';

const fileOf = (blobsDir: string, hash: string): string => join(blobsDir, hash.slice(0, 2), hash);

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What the file holds; null when that is not what its name says. */
const readWhole = (blobsDir: string, hash: string): Uint8Array | null => {
  const file = fileOf(blobsDir, hash);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return null;
  const bytes = readFileSync(file);
  return hashOf(bytes) === hash ? bytes : null;
};

const writeSynced = (path: string, bytes: Uint8Array): void => {
  const file = openSync(path, 'w', 0o600);
  try {
    for (let done = 0; done < bytes.byteLength;) done += writeSync(file, bytes, done);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

const makeFolder = (parent: string, folder: string): void => {
  if (existsSync(folder)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  fsyncFolder(parent);
};

const writeFile = (blobsDir: string, hash: string, bytes: Uint8Array): void => {
  const target = fileOf(blobsDir, hash);
  // Left by a group that was taken back, or stored before; a damaged one is replaced.
  if (readWhole(blobsDir, hash) !== null) return;
  const folder = join(blobsDir, hash.slice(0, 2));
  makeFolder(blobsDir, folder);
  makeFolder(blobsDir, join(blobsDir, UNFINISHED_BLOBS));
  const unfinished = join(blobsDir, UNFINISHED_BLOBS, hash);
  try {
    writeSynced(unfinished, bytes);
  } catch (error) {
    // On a full disk its part would only take room.
    rmSync(unfinished, { force: true });
    throw error;
  }
  renameSync(unfinished, target);
  fsyncFolder(folder);
};

/** Stores within the transaction in hand; returns the SHA-256. */
export const putBlob = ({ db, blobsDir }: StoreContext, bytes: Uint8Array): string => {
  const hash = hashOf(bytes);
  const isRow = bytes.byteLength <= ROW_BYTES_MAX;
  if (!isRow) writeFile(blobsDir, hash, bytes);
  const known = db.first(db.query.selectFrom('blobs').select('size').where('hash', '=', hash));
  if (known) return hash;
  const row = { hash, size: bytes.byteLength, bytes: isRow ? bytes : null };
  db.change(db.query.insertInto('blobs').values(row));
  return hash;
};

export const takeBlob = ({ db, blobsDir }: StoreContext, hash: string): Uint8Array | null => {
  const row = db.first(db.query.selectFrom('blobs').select('bytes').where('hash', '=', hash));
  if (!row) return null;
  return row.bytes ?? readWhole(blobsDir, hash);
};

export const blobOperations = (context: StoreContext): BlobOperations => ({
  storeBlob: ({ bytes }) => ({ hash: putBlob(context, bytes) }),
  readBlob: ({ hash }) => takeBlob(context, hash),
});
