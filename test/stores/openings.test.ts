/**
 * Openings that go wrong half-way: without the right to write, at the same moment, in the middle of a
 * migration, over the remains of an earlier one.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import Sqlite from 'better-sqlite3';

import { MIGRATIONS, type Migration } from '../../activities/stores/migrations/migrations.js';
import { openChecked } from '../../activities/stores/open-checked.js';
import { asNobody } from '../support/as-nobody.js';
import {
  openTestStore,
  storePaths,
  takeFence,
  withFolder,
  type StorePaths,
} from '../support/store.js';
import { message } from './samples.js';

const openedAt = '2026-03-04T05:06:07.089Z';
const placesOf = (folder: string): StorePaths & { openedAt: string } => ({
  ...storePaths(folder),
  openedAt,
});
const migration = (number: number, sql: string): Migration => ({
  number,
  name: `the ${number}th`,
  sql,
});
const SECOND = migration(2, 'alter table sessions add column colour text;');
const THIRD = migration(3, 'alter table sessions add column size text;');
const BROKEN = migration(
  3,
  'alter table sessions add column size text; insert into nowhere values (1);',
);

const fence = (file: string): unknown => {
  const raw = new Sqlite(file, { readonly: true });
  const found = raw.prepare('select fence from installation').pluck().get();
  raw.close();
  return found;
};

/** A database of the first schema that holds something. */
const makeFirst = (paths: StorePaths & { openedAt: string }): void => {
  openChecked(paths).close();
  new Sqlite(paths.file).exec('update installation set fence = 7').close();
};

describe('a database without the right to write it', () => {
  it.each([
    ['the file', 0o777, 0o444],
    ['the folder', 0o555, 0o666],
    ['both', 0o555, 0o444],
    ['the file, nor to read it', 0o777, 0o000],
  ])(
    'because of %s is refused by name at its opening, and left as it is',
    (_what, folderMode, fileMode) =>
      withFolder(async (folder) => {
        const paths = placesOf(join(folder, 'home'));
        makeFirst(paths);
        const before = readFileSync(paths.file);
        for (const path of [folder, paths.blobsDir]) chmodSync(path, 0o755);
        chmodSync(paths.file, fileMode);
        chmodSync(paths.folder, folderMode);
        await asNobody(() => {
          expect(() => openChecked(paths)).toThrow(
            expect.objectContaining({
              name: 'StoreOpenError',
              kind: 'unwritable',
              message: expect.stringContaining(paths.file),
            }),
          );
        });
        chmodSync(paths.folder, 0o700);
        chmodSync(paths.file, 0o600);
        expect(readFileSync(paths.file).equals(before)).toBe(true);
        expect(existsSync(paths.backupsDir)).toBe(false);
        openChecked(paths).close();
      }),
  );
});

describe('openings at the same moment', () => {
  it('of a new database are both whole, and one holds the fence', () =>
    withFolder(async (folder) => {
      const paths = storePaths(join(folder, 'home'));
      const stores = await Promise.all([1, 2, 3].map(() => openTestStore(paths)));
      const fences = [];
      for (const store of stores) fences.push((await takeFence(store)).fence);
      expect(fences).toEqual([1, 2, 3]);
      const [first, , last] = stores;
      await expect(first!.call('storeMessage', message('a'))).rejects.toMatchObject({
        code: 'FENCED',
      });
      expect(await last!.call('storeMessage', message('a'))).toBe(true);
      await Promise.all(stores.map((store) => store.close()));
    }));

  it('of which one migrates find it migrated, not half of it', () =>
    withFolder(async (folder) => {
      const paths = placesOf(folder);
      makeFirst(paths);
      const slow = openChecked(paths);
      const quick = openChecked(paths, [...MIGRATIONS, SECOND]);
      // The slow one looked before the quick one migrated; now it goes on with what it saw.
      slow.migrate(SECOND.sql, SECOND.number);
      expect([slow.version(), quick.version()]).toEqual([2, 2]);
      slow.close();
      quick.close();
      await Promise.resolve();
    }));
});

describe('migrations', () => {
  it('of which the second fails keep the first, and go on from there', () =>
    withFolder(async (folder) => {
      const paths = placesOf(folder);
      makeFirst(paths);
      expect(() => openChecked(paths, [...MIGRATIONS, SECOND, BROKEN])).toThrow(/nowhere/);
      const later = { ...paths, openedAt: '2026-03-05T00:00:00.000Z' };
      const db = openChecked(later, [...MIGRATIONS, SECOND, THIRD]);
      expect(db.version()).toBe(3);
      db.close();
      expect(fence(paths.file)).toBe(7);
      expect(readdirSync(paths.backupsDir).sort()).toEqual([
        'loomkin.db.schema-1-20260304T050607Z',
        'loomkin.db.schema-2-20260305T000000Z',
      ]);
      for (const name of readdirSync(paths.backupsDir))
        expect(fence(join(paths.backupsDir, name))).toBe(7);
    }));

  it('replace what is left of a backup that was broken off under the same name', () =>
    withFolder(async (folder) => {
      const paths = placesOf(folder);
      makeFirst(paths);
      mkdirSync(paths.backupsDir);
      const backup = join(paths.backupsDir, 'loomkin.db.schema-1-20260304T050607Z');
      writeFileSync(backup, 'half of a ba');
      openChecked(paths, [...MIGRATIONS, SECOND]).close();
      expect(fence(backup)).toBe(7);
    }));

  it('killed in the middle, with half of their pages written, never happened', () =>
    withFolder(async (folder) => {
      const paths = placesOf(join(folder, 'home'));
      const killed = placesOf(join(folder, 'killed'));
      makeFirst(paths);
      const raw = new Sqlite(paths.file);
      raw.pragma('cache_size = 2');
      raw.exec(
        'begin immediate; alter table sessions add column colour text; create table big (a)',
      );
      raw.exec(
        'insert into big select randomblob(4000) from (with recursive n(i) as (select 1 union all select i + 1 from n where i < 300) select i from n)',
      );
      mkdirSync(killed.folder);
      for (const suffix of ['', '-wal']) copyFileSync(paths.file + suffix, killed.file + suffix);
      raw.exec('rollback');
      raw.close();
      expect(readFileSync(`${killed.file}-wal`).length).toBeGreaterThan(500_000);
      const before = openChecked(killed);
      expect(before.version()).toBe(1);
      before.close();
      const db = openChecked(killed, [...MIGRATIONS, SECOND]);
      expect([db.version(), db.complaint()]).toEqual([2, null]);
      db.close();
      expect(fence(killed.file)).toBe(7);
    }));

  it('are not tried on a database that is damaged, which is copied and not backed up', () =>
    withFolder(async (folder) => {
      const paths = placesOf(folder);
      makeFirst(paths);
      const bytes = readFileSync(paths.file);
      bytes.fill(0xa7, 4096, 3 * 4096);
      writeFileSync(paths.file, bytes);
      expect(() => openChecked(paths, [...MIGRATIONS, SECOND])).toThrow(
        expect.objectContaining({ kind: 'damaged' }),
      );
      expect(readFileSync(paths.file).equals(bytes)).toBe(true);
      expect(readdirSync(paths.backupsDir).every((name) => name.includes('.damaged-'))).toBe(true);
      await Promise.resolve();
    }));
});

it('a store whose thread has no program says so, instead of waiting', () =>
  withFolder(async (folder) => {
    const opening = openTestStore(storePaths(folder), { threadFile: join(folder, 'nowhere.js') });
    await expect(opening).rejects.toThrow(/nowhere\.js/);
  }));
