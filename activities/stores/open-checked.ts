/**
 * Opens loomkin.db for writing only when it is sound, ours, and not newer than this program.
 *
 * The check reads through a connection that can't write. What must stay true: a database that can't
 * be used is left as it is, byte for byte, and a damaged one is also copied to the backups folder.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  fsyncSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { UNFINISHED_BLOBS } from './blobs-store.js';
import { failureOf, openDatabase, type Database } from './database.js';
import { MIGRATIONS, type Migration } from './migrations/migrations.js';
import { StoreOpenError } from './open-error.js';
import { fsyncFolder } from './publish-file.js';

export interface OpenPlaces {
  readonly file: string;
  readonly blobsDir: string;
  readonly backupsDir: string;
  /** Names the backup made before a migration. */
  readonly openedAt: string;
  /** Up to this size every opening reads the whole database. */
  readonly checkedBytesMax?: number;
}

/** Reading it all takes about 0.4 ms a megabyte; a bigger one is found damaged when it is used. */
const CHECKED_BYTES_MAX = 64 * 1024 * 1024;

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

const stampOf = (iso: string): string => iso.replace(/[-:]/g, '').replace(/\..*$/, 'Z');

/** Beside the database: "read all of it at the next opening", left by a thread that met damage. */
const suspicionOf = (file: string): string => `${file}.suspect`;

export const noteSuspicion = (file: string): void => {
  writeFileSync(suspicionOf(file), '', { mode: 0o600 });
};

/** On the disk before anybody is told of it. */
const copySynced = (from: string, to: string): void => {
  copyFileSync(from, to);
  const copy = openSync(to, 'r');
  fsyncSync(copy);
  closeSync(copy);
};

/** Named by the damaged file's own time, so that starting again and again makes one copy. */
const copyAside = ({ file, backupsDir }: OpenPlaces): string => {
  const stamp = stampOf(
    new Date(statSync(existsSync(file) ? file : `${file}-wal`).mtimeMs).toISOString(),
  );
  const target = join(backupsDir, `${basename(file)}.damaged-${stamp}`);
  mkdirSync(backupsDir, { recursive: true, mode: 0o700 });
  for (const suffix of ['-wal', '']) {
    const [from, to] = [file + suffix, target + suffix];
    const isCopied = existsSync(to) && sizeOf(to) === sizeOf(from);
    if (existsSync(from) && !isCopied) copySynced(from, to);
  }
  fsyncFolder(backupsDir);
  return target;
};

const damaged = (places: OpenPlaces, what: string): StoreOpenError => {
  const copy = copyAside(places);
  return new StoreOpenError(
    'damaged',
    `the database is damaged (${places.file}: ${what}). ` +
      `It is left as it is and copied to ${copy}: move ${places.file}* away to start anew, or put a backup in its place`,
  );
};

/** What can be told without SQLite, which would take an empty file for a new database. */
const complaintOfFiles = (file: string): string | null => {
  const size = sizeOf(file);
  if (size === 0 && sizeOf(`${file}-wal`) > 0)
    return `${existsSync(file) ? 'it is empty' : 'it is gone'}, but its write-ahead log is not`;
  return null;
};

const refuseNewer = (file: string, version: number, known: number): void => {
  if (version > known)
    throw new StoreOpenError(
      'newer',
      `the database was written by a newer Loomkin (${file}: schema ${version}, this build knows ${known}). ` +
        'Update Loomkin, or use another LOOMKIN_HOME',
    );
};

const mustReadAll = ({ file, checkedBytesMax }: OpenPlaces): boolean =>
  sizeOf(file) <= (checkedBytesMax ?? CHECKED_BYTES_MAX) || existsSync(suspicionOf(file));

/** Also of a database too big to be read: pages that are neither in the file nor in its log. */
const complaintOf = (db: Database, places: OpenPlaces): string | null => {
  const missing = db.bytes() - sizeOf(places.file) - sizeOf(`${places.file}-wal`);
  if (missing > 0) return `${missing} bytes of it are missing`;
  return mustReadAll(places) ? db.complaint() : null;
};

/** Throws StoreOpenError on whatever must not be opened for writing. */
const inspect = (places: OpenPlaces, known: number): void => {
  const { file } = places;
  const db = openDatabase(file, 'reader');
  try {
    if (db.isForeign()) throw damaged(places, 'it is not a database of Loomkin');
    refuseNewer(file, db.version(), known);
    const complaint = complaintOf(db, places);
    if (complaint !== null) throw damaged(places, complaint);
  } finally {
    db.close();
  }
};

/** SQLite opens a file that it may only read without a word, and fails at the first write. */
const requireWritable = (file: string): void => closeSync(openSync(file, 'r+'));

/** In words for people; what is not about the file stays the error it was. */
const asOpenError = (places: OpenPlaces, error: unknown): Error => {
  const { name, message } = error as Error;
  const { file } = places;
  if (name === 'StoreOpenError') return error as Error;
  switch (failureOf(error)) {
    case 'damaged':
      return damaged(places, message);
    case 'full':
      return new StoreOpenError(
        'full',
        `the disk is full (${file}: ${message}). Free some space and start again`,
      );
    case 'busy':
      return new StoreOpenError(
        'unwritable',
        `the database is locked by another program (${file}). Close what has it open`,
      );
    case 'unwritable':
    case 'broken':
      return new StoreOpenError(
        'unwritable',
        `the database can't be opened (${file}: ${message}). Check the folder's owner and mode, or use another LOOMKIN_HOME`,
      );
    default:
      return error as Error;
  }
};

/** The backup comes first, so that an update that went wrong can be undone by hand. */
const migrate = (db: Database, places: OpenPlaces, migrations: readonly Migration[]): void => {
  const version = db.version();
  const due = migrations.filter(({ number }) => number > version);
  if (due.length === 0) return;
  if (version > 0) {
    const name = `${basename(places.file)}.schema-${version}-${stampOf(places.openedAt)}`;
    const backup = join(places.backupsDir, name);
    mkdirSync(places.backupsDir, { recursive: true, mode: 0o700 });
    rmSync(backup, { force: true });
    db.copyTo(backup);
    fsyncFolder(places.backupsDir);
  }
  for (const { sql, number } of due) db.migrate(sql, number);
};

/** Files that a kill left half written; what is whole has its own name. */
const sweepUnfinished = (blobsDir: string): void => {
  const folder = join(blobsDir, UNFINISHED_BLOBS);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true });
};

/** Throws StoreOpenError. */
export const openChecked = (
  places: OpenPlaces,
  migrations: readonly Migration[] = MIGRATIONS,
): Database => {
  const { file, blobsDir } = places;
  const known = migrations.at(-1)?.number ?? 0;
  try {
    const complaint = complaintOfFiles(file);
    if (complaint !== null) throw damaged(places, complaint);
    if (sizeOf(file) > 0) {
      inspect(places, known);
      requireWritable(file);
    }
    for (const folder of [dirname(file), blobsDir])
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    const db = openDatabase(file, 'writer');
    try {
      migrate(db, places, migrations);
      sweepUnfinished(blobsDir);
      rmSync(suspicionOf(file), { force: true });
      db.waitForLocks(0);
    } catch (error) {
      db.close();
      throw error;
    }
    return db;
  } catch (error) {
    throw asOpenError(places, error);
  }
};
