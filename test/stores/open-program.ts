/**
 * Opens a store in the given folder and prints why that failed. Arguments: folder, store thread.
 */
import { join } from 'node:path';

import { openStore } from '../../activities/stores/open-store.js';

const [folder = '', threadFile = ''] = process.argv.slice(2);

try {
  const store = await openStore({
    file: join(folder, 'loomkin.db'),
    blobsDir: join(folder, 'blobs'),
    backupsDir: join(folder, 'backups'),
    threadFile,
  });
  await store.close();
  console.log(JSON.stringify({ kind: 'open' }));
} catch (error) {
  const { kind, message } = error as { kind?: string; message: string };
  console.log(JSON.stringify({ kind, message }));
}
