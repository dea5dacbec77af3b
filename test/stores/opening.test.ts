/**
 * Opening: what can't be used is named, left as it is, and kept; what can be is opened at once.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Sqlite from 'better-sqlite3';

import { openChecked } from '../../activities/stores/open-checked.js';
import type { StoreError } from '../../activities/stores/store.js';
import {
  openTestStore,
  storePaths,
  takeFence,
  withFolder,
  type StorePaths,
} from '../support/store.js';
import { REF, answer, message, session, usage } from './samples.js';

/** A closed database of about two megabytes, made once and copied. */
const makeFilled = async (paths: StorePaths): Promise<void> => {
  const store = await openTestStore(paths);
  await takeFence(store);
  await store.call('createSession', session());
  const rows = Array.from({ length: 1000 }, (_, turn) => turn + 1);
  await Promise.all(
    rows.map((turn) =>
      store.call('appendAnswer', {
        ...REF,
        row: answer(turn, 'x'.repeat((turn % 7) * 400)),
        usage: usage(),
      }),
    ),
  );
  await store.close();
};

let template = '';
const fill = (paths: StorePaths): void => cpSync(template, paths.folder, { recursive: true });

const overwrite = (file: string, from: number, bytes: number): void => {
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(bytes, 0xa7), 0, bytes, from);
  closeSync(handle);
};

const hashOf = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex');

/** Hashes of the database and its log; an empty log is none, since every reader makes one. */
const hashesOf = (paths: StorePaths): Record<string, string> =>
  Object.fromEntries(
    ['', '-wal']
      .filter((suffix) => existsSync(paths.file + suffix))
      .filter((suffix) => suffix === '' || statSync(paths.file + suffix).size > 0)
      .map((suffix) => [suffix, hashOf(paths.file + suffix)]),
  );

/** Leaves what a SIGKILL leaves: a database with everything in its write-ahead log. */
const killInMiddle = async (paths: StorePaths): Promise<void> => {
  const store = await openTestStore(paths);
  await takeFence(store);
  await store.call('storeMessage', message('in the log'));
  const copy = `${paths.folder}.copy`;
  cpSync(paths.folder, copy, { recursive: true });
  await store.close();
  rmSync(paths.folder, { recursive: true });
  cpSync(copy, paths.folder, { recursive: true });
  rmSync(copy, { recursive: true });
  rmSync(`${paths.file}-shm`);
};

type Damage = readonly [what: string, harm: (paths: StorePaths) => Promise<void> | void];

const DAMAGES: readonly Damage[] = [
  ['garbage instead of it', ({ file }) => writeFileSync(file, Buffer.alloc(100_000, 0x5a))],
  ['text instead of it', ({ file }) => writeFileSync(file, 'hello\n')],
  ['garbage in its header', ({ file }) => overwrite(file, 0, 100)],
  ['garbage in its first page', ({ file }) => overwrite(file, 100, 2000)],
  ['garbage in the middle', ({ file }) => overwrite(file, 1_000_000, 3 * 4096)],
  ['one bad page', ({ file }) => overwrite(file, 4096 * 40, 4096)],
  ['its second half cut off', ({ file }) => truncateSync(file, statSync(file).size / 2)],
  ['its last page cut off', ({ file }) => truncateSync(file, statSync(file).size - 4096)],
  [
    'a database of somebody else',
    ({ file }) => {
      rmSync(file);
      new Sqlite(file).exec('create table theirs (a)').close();
    },
  ],
  [
    'no bytes, but a log',
    async (paths) => {
      await killInMiddle(paths);
      truncateSync(paths.file, 0);
    },
  ],
  [
    'no file, but a log',
    async (paths) => {
      await killInMiddle(paths);
      rmSync(paths.file);
    },
  ],
  [
    'half of its bytes, and a log',
    async (paths) => {
      await killInMiddle(paths);
      truncateSync(paths.file, statSync(paths.file).size / 2);
    },
  ],
];

beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'loomkin-filled-'));
  await makeFilled(storePaths(template));
});
afterAll(() => rmSync(template, { recursive: true }));

describe('a damaged database', () => {
  it.each(DAMAGES)('with %s is refused, left as it is, and copied aside once', (_what, harm) =>
    withFolder(async (folder) => {
      const paths = storePaths(folder);
      fill(paths);
      await harm(paths);
      const before = hashesOf(paths);
      for (let opening = 0; opening < 2; opening += 1)
        await expect(openTestStore(paths)).rejects.toMatchObject({
          name: 'StoreOpenError',
          kind: 'damaged',
          message: expect.stringContaining(paths.file),
        });
      expect(hashesOf(paths)).toEqual(before);
      const copies = readdirSync(paths.backupsDir).map((name) => join(paths.backupsDir, name));
      expect(copies.map(hashOf)).toEqual(expect.arrayContaining(Object.values(before)));
      expect(copies.length).toBeLessThanOrEqual(2);
    }),
  );

  it('too big to be read at every start is still refused when it is cut off or suspect', () =>
    withFolder(async (folder) => {
      const paths = { ...storePaths(folder), openedAt: '', checkedBytesMax: 1000 };
      fill(paths);
      overwrite(paths.file, 1_000_000, 3 * 4096);
      openChecked(paths).close();
      writeFileSync(`${paths.file}.suspect`, '');
      const damaged = expect.objectContaining({ kind: 'damaged' }) as Error;
      expect(() => openChecked(paths)).toThrow(damaged);
      fill(paths);
      rmSync(`${paths.file}.suspect`);
      truncateSync(paths.file, statSync(paths.file).size - 4096);
      expect(() => openChecked(paths)).toThrow(damaged);
      await Promise.resolve();
    }));

  it('that shows while it is used ends the store, and is refused the next time', () =>
    withFolder(async (folder) => {
      const paths = storePaths(folder);
      fill(paths);
      const gone: StoreError[] = [];
      const store = await openTestStore(paths, { onGone: (error) => gone.push(error) });
      overwrite(paths.file, 4096, statSync(paths.file).size - 4096);
      const calls = await Promise.allSettled([
        store.call('readTranscript', REF),
        store.call('getMessages', { ids: ['a'] }),
        takeFence(store),
      ]);
      for (const call of calls)
        expect(call).toMatchObject({ reason: { name: 'StoreError', code: 'GONE' } });
      expect(gone).toHaveLength(1);
      expect(existsSync(`${paths.file}.suspect`)).toBe(true);
      await store.close();
      await expect(openTestStore(paths)).rejects.toMatchObject({ kind: 'damaged' });
    }));
});

describe('a sound database', () => {
  it('is opened with all that was acknowledged before a kill', () =>
    withFolder(async (folder) => {
      const paths = storePaths(join(folder, 'home'));
      fill(paths);
      await killInMiddle(paths);
      const store = await openTestStore(paths);
      expect(await store.call('countAnswers', REF)).toBe(1000);
      expect(await store.call('getMessages', { ids: ['in the log'] })).toHaveLength(1);
      expect(existsSync(paths.backupsDir)).toBe(false);
      await store.close();
      expect(existsSync(`${paths.file}-wal`)).toBe(false);
    }));

  it('is made new where there is none, or an empty file', () =>
    withFolder(async (folder) => {
      for (const name of ['none', 'empty']) {
        const paths = storePaths(join(folder, name));
        if (name === 'empty') mkdirSync(paths.folder);
        if (name === 'empty') writeFileSync(paths.file, '');
        const store = await openTestStore(paths);
        expect(await takeFence(store)).toEqual({ fence: 1 });
        await store.close();
      }
    }));
});

describe('a database that can’t be opened', () => {
  it('because it is newer is refused and left as it is', () =>
    withFolder(async (folder) => {
      const paths = storePaths(folder);
      fill(paths);
      const raw = new Sqlite(paths.file);
      raw.pragma('user_version = 99');
      raw.close();
      const before = hashesOf(paths);
      await expect(openTestStore(paths)).rejects.toMatchObject({
        kind: 'newer',
        message: expect.stringContaining('schema 99'),
      });
      expect(hashesOf(paths)['']).toBe(before['']);
      expect(existsSync(paths.backupsDir)).toBe(false);
    }));

  it.each([
    ['its folder is a file', (folder: string) => writeFileSync(join(folder, 'home'), '')],
    [
      'it is a folder',
      (folder: string) => mkdirSync(join(folder, 'home', 'loomkin.db'), { recursive: true }),
    ],
  ])('because %s is named', (_why, arrange) =>
    withFolder(async (folder) => {
      arrange(folder);
      const paths = storePaths(join(folder, 'home'));
      await expect(openTestStore(paths)).rejects.toMatchObject({
        name: 'StoreOpenError',
        kind: 'unwritable',
        message: expect.stringContaining(paths.file),
      });
    }),
  );
});
