/**
 * A store on a disk of a few megabytes: filled up, used while full, used again when there is room.
 *
 * A program of its own, since the disk is mounted for one process alone. Prints what it saw as JSON;
 * the test judges it. Arguments: folder on the small disk, folder elsewhere, store thread.
 */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { openStore } from '../../activities/stores/open-store.js';
import type { Store, StoreError } from '../../activities/stores/store.js';
import { fileClaim, message, outcome } from './samples.js';

const [disk = '', elsewhere = '', threadFile = ''] = process.argv.slice(2);
const open = (): Promise<Store> =>
  openStore({
    file: join(disk, 'loomkin.db'),
    blobsDir: join(disk, 'blobs'),
    backupsDir: join(disk, 'backups'),
    threadFile,
  });

const codes: string[] = [];
const acknowledged: string[] = [];
const codeOf = (error: unknown): string => (error as StoreError).code;

const storeOne = async (store: Store, id: string): Promise<void> => {
  try {
    await store.call('storeMessage', message(id, { text: randomBytes(15_000).toString('hex') }));
    acknowledged.push(id);
  } catch (error) {
    codes.push(codeOf(error));
  }
};

const fillUp = async (store: Store): Promise<void> => {
  for (let round = 0; codes.length === 0; round += 1)
    await Promise.all([0, 1, 2, 3, 4].map((n) => storeOne(store, `m${round}.${n}`)));
  // To the last page: small rows find room where big ones don't.
  for (let n = 0; n < 2000; n += 1)
    try {
      await store.call('storeMessage', message(`small${n}`));
      acknowledged.push(`small${n}`);
    } catch (error) {
      codes.push(codeOf(error));
      return;
    }
};

const publishWhileFull = async (store: Store): Promise<string> => {
  const dir = join(elsewhere, 'project');
  writeFileSync(join(dir, '.lk-temp'), 'text');
  const dirFd = openSync(dir, 'r');
  const args = { key: 'k1', dirFd, dir, temp: '.lk-temp', name: 'a.ts', expected: null };
  try {
    await store.call('publishFile', { ...args, outcome: outcome({ text: 'x'.repeat(60_000) }) });
    return 'published';
  } catch (error) {
    return codeOf(error);
  } finally {
    closeSync(dirFd);
  }
};

const kept = async (store: Store): Promise<number> =>
  (await store.call('getMessages', { ids: acknowledged })).length;

const bigBlob = Buffer.alloc(400_000, 'blob');
const filler = join(disk, 'filler');

mkdirSync(join(elsewhere, 'project'), { recursive: true });
const store = await open();
await store.call('takeFence', { pid: process.pid, at: '' });
await store.call('claimEffect', fileClaim('k1', join(elsewhere, 'project', 'a.ts')));
writeFileSync(filler, Buffer.alloc(5_000_000));
await fillUp(store);
const blobCode = await store.call('storeBlob', { bytes: bigBlob }).then(() => 'stored', codeOf);
const published = await publishWhileFull(store);
const whileFull = {
  codes: [...new Set(codes)],
  blobCode,
  published,
  isFileThere: existsSync(join(elsewhere, 'project', 'a.ts')),
  claim: (await store.call('getEffect', { key: 'k1' }))?.state,
  lost: acknowledged.length - (await kept(store)),
};
unlinkSync(filler);
const before = acknowledged.length;
for (let n = 0; n < 5; n += 1) await storeOne(store, `after${n}`);
const { hash } = await store.call('storeBlob', { bytes: bigBlob });
const storedAfter = acknowledged.length - before;
await store.close();
const again = await open();
const blob = await again.call('readBlob', { hash });
console.log(
  JSON.stringify({
    ...whileFull,
    acknowledged: acknowledged.length,
    storedAfter,
    lostAfter: acknowledged.length - (await kept(again)),
    isBlobWhole: blob !== null && createHash('sha256').update(blob).digest('hex') === hash,
  }),
);
await again.close();
