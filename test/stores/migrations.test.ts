/** Migrations: numbered from 1, each whole or not at all, after a backup; the schema is written down. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import Sqlite from 'better-sqlite3';

import { MIGRATIONS, type Migration } from '../../activities/stores/migrations/migrations.js';
import { openChecked } from '../../activities/stores/open-checked.js';
import { storePaths, withFolder } from '../support/store.js';

const DUMP = fileURLToPath(new URL('schema.sql', import.meta.url));
const openedAt = '2026-03-04T05:06:07.089Z';
const later: Migration = {
  number: MIGRATIONS.length + 1,
  name: 'a later one',
  sql: 'alter table sessions add column colour text; create table later (id text) strict;',
};
const columns = (file: string, table: string): string[] => {
  const raw = new Sqlite(file, { readonly: true });
  const names = raw.pragma(`table_info(${table})`) as { name: string }[];
  raw.close();
  return names.map(({ name }) => name);
};

describe('migrations', () => {
  it('count up from 1', () => {
    expect(MIGRATIONS.map(({ number }) => number)).toEqual(MIGRATIONS.map((_, n) => n + 1));
  });

  it('make the schema that is written down in test/stores/schema.sql', () =>
    withFolder(async (folder) => {
      const db = openChecked({ ...storePaths(folder), openedAt });
      const schema = db.dumpSchema();
      db.close();
      if (process.env['UPDATE_SCHEMA']) writeFileSync(DUMP, schema);
      expect(schema).toBe(readFileSync(DUMP, 'utf8'));
      await Promise.resolve();
    }));

  it('of an older database run once, after a backup with the old schema', () =>
    withFolder(async (folder) => {
      const paths = { ...storePaths(folder), openedAt };
      openChecked(paths).close();
      const raw = new Sqlite(paths.file);
      raw.exec(`update installation set fence = 7`);
      raw.close();
      for (let opening = 0; opening < 2; opening += 1) {
        const db = openChecked(paths, [...MIGRATIONS, later]);
        expect(db.version()).toBe(later.number);
        db.close();
      }
      expect(columns(paths.file, 'sessions')).toContain('colour');
      const backups = readdirSync(paths.backupsDir);
      expect(backups).toEqual(['loomkin.db.schema-1-20260304T050607Z']);
      const backup = join(paths.backupsDir, backups[0] ?? '');
      expect(columns(backup, 'sessions')).not.toContain('colour');
      const kept = new Sqlite(backup, { readonly: true });
      expect(kept.prepare('select fence from installation').pluck().get()).toBe(7);
      kept.close();
      await Promise.resolve();
    }));

  it('that fail leave the database as it was', () =>
    withFolder(async (folder) => {
      const paths = { ...storePaths(folder), openedAt };
      openChecked(paths).close();
      const broken = { ...later, sql: `${later.sql} insert into nowhere values (1);` };
      expect(() => openChecked(paths, [...MIGRATIONS, broken])).toThrow(/nowhere/);
      expect(columns(paths.file, 'sessions')).not.toContain('colour');
      const db = openChecked(paths);
      expect(db.version()).toBe(MIGRATIONS.length);
      db.close();
      await Promise.resolve();
    }));

  it('do not begin when there is no place for the backup', () =>
    withFolder(async (folder) => {
      const paths = { ...storePaths(folder), openedAt };
      openChecked(paths).close();
      const blocked = join(folder, 'blocked');
      writeFileSync(blocked, '');
      const places = { ...paths, backupsDir: join(blocked, 'backups') };
      mkdirSync(paths.blobsDir, { recursive: true });
      expect(() => openChecked(places, [...MIGRATIONS, later])).toThrow(
        expect.objectContaining({ kind: 'unwritable' }),
      );
      expect(columns(paths.file, 'sessions')).not.toContain('colour');
      await Promise.resolve();
    }));
});
