/** One real store for the file calls of a test file: started before its tests, gone after them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openFileCalls, type FileCalls } from './file-calls.js';
import { bundle } from './workspace.js';

export const startFileCalls = async (): Promise<{
  readonly calls: FileCalls;
  readonly stop: () => Promise<void>;
}> => {
  const built = await bundle({ 'store-thread': 'workers/store-thread.ts' });
  const home = mkdtempSync(join(tmpdir(), 'loomkin-file-calls-'));
  const calls = await openFileCalls(home, join(built.folder, 'store-thread.js'));
  const stop = async (): Promise<void> => {
    await calls.store.close();
    rmSync(home, { recursive: true });
    built.remove();
  };
  return { calls, stop };
};
