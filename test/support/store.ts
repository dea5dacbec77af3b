/**
 * A real store in a temp folder of its own: real thread, real SQLite file.
 *
 * Callback style. What must stay true: when the body ends, whatever way, the thread is closed and the
 * folder is gone.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { openStore, type OpenStoreOptions } from '../../activities/stores/open-store.js';
import type { Store } from '../../activities/stores/store.js';
import { programFile } from '../../config/dist.js';

export interface StorePaths {
  readonly folder: string;
  readonly file: string;
  readonly blobsDir: string;
  readonly backupsDir: string;
  readonly faultsLog: string;
}

let built: string | null = null;

/** The built store thread; builds once a process, which is quick when nothing changed. */
export const threadFile = (): string => {
  if (built === null && !process.env['LOOMKIN_DIST'])
    execFileSync(process.execPath, [
      fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url)),
    ]);
  return (built ??= programFile('store-thread'));
};

export const storePaths = (folder: string): StorePaths => ({
  folder,
  file: join(folder, 'loomkin.db'),
  blobsDir: join(folder, 'blobs'),
  backupsDir: join(folder, 'backups'),
  faultsLog: join(folder, 'faults.log'),
});

export const withFolder = async (body: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-store-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

export const openTestStore = (
  paths: StorePaths,
  options: Partial<OpenStoreOptions> = {},
): Promise<Store> => openStore({ ...paths, threadFile: threadFile(), ...options });

export const takeFence = (store: Store): Promise<{ readonly fence: number }> =>
  store.call('takeFence', { pid: process.pid, at: '2026-01-01T00:00:00.000Z' });

/** The store holds the fence: it may write. */
export const withStore = (
  body: (store: Store, paths: StorePaths) => Promise<void>,
  options: Partial<OpenStoreOptions> = {},
): Promise<void> =>
  withFolder(async (folder) => {
    const paths = storePaths(folder);
    const store = await openTestStore(paths, options);
    try {
      await takeFence(store);
      await body(store, paths);
    } finally {
      await store.close();
    }
  });
