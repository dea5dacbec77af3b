/** Blobs: by content, small ones as rows and large ones as files, callers keep their bytes. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { openTestStore, storePaths, withFolder, withStore } from '../support/store.js';

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const filesBelow = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name)
    : [];

describe('blobs', () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 3_000_000])('of %d bytes come back whole', (size) =>
    withStore(async (store, { blobsDir }) => {
      const bytes = Buffer.alloc(size, 'abc\u0000ü');
      const { hash } = await store.call('storeBlob', { bytes });
      expect(hash).toBe(sha(bytes));
      const read = await store.call('readBlob', { hash });
      expect(Buffer.compare(Buffer.from(read ?? []), bytes)).toBe(0);
      expect(filesBelow(blobsDir)).toEqual(size > 65_536 ? [hash] : []);
    }),
  );

  it('stored twice, also at the same moment, are one', () =>
    withStore(async (store, { blobsDir }) => {
      const bytes = Buffer.alloc(200_000, 'same');
      const hashes = await Promise.all([1, 2, 3].map(() => store.call('storeBlob', { bytes })));
      expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(1);
      expect(filesBelow(blobsDir)).toHaveLength(1);
      expect(await store.call('readBlob', { hash: sha(Buffer.from('unknown')) })).toBeNull();
    }));

  it("leave the caller's bytes usable and take a view for what it shows", () =>
    withStore(async (store) => {
      const whole = Buffer.alloc(1_000_000, 'x');
      const view = whole.subarray(10, 500_010);
      const [{ hash }] = await Promise.all([
        store.call('storeBlob', { bytes: view }),
        store.call('storeBlob', { bytes: whole }),
      ]);
      expect(whole.byteLength).toBe(1_000_000);
      expect((await store.call('readBlob', { hash }))?.byteLength).toBe(500_000);
    }));

  it('are private, and half written ones are swept when the store is opened', () =>
    withFolder(async (folder) => {
      const paths = storePaths(folder);
      const unfinished = join(paths.blobsDir, 'unfinished');
      mkdirSync(unfinished, { recursive: true });
      writeFileSync(join(unfinished, 'left'), 'half');
      const store = await openTestStore(paths);
      expect(readdirSync(unfinished)).toEqual([]);
      await store.call('takeFence', { pid: 1, at: '' });
      const { hash } = await store.call('storeBlob', { bytes: Buffer.alloc(100_000) });
      const file = join(paths.blobsDir, hash.slice(0, 2), hash);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
      await store.close();
    }));
});
