/**
 * The last way to a binary: the downloader that comes with Temporal's own SDK.
 *
 * It starts what it has downloaded, which is why the file is created without the right to be run:
 * the start fails, and we check the hash before anything of it is executed. What must stay true:
 * unverified bytes are never run.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TEMPORAL_VERSION } from '../../config/temporal-binary.js';

const NO_EXECUTION = 0o177;

/** The file it left, or what went wrong. */
export const downloadWithSdk = async (
  folder: string,
): Promise<{ readonly file: string } | { readonly problem: string }> => {
  const version = `v${TEMPORAL_VERSION}`;
  const file = join(folder, `temporal-${version}`);
  const mask = process.umask(NO_EXECUTION);
  try {
    const { Runtime } = await import('@temporalio/worker');
    const quiet = { logging: { filter: 'OFF', forward: {} } } as const;
    const runtime = Runtime.install({ telemetryOptions: quiet, shutdownSignals: [] });
    const server = await runtime.createEphemeralServer({
      type: 'dev-server',
      exe: {
        type: 'cached-download',
        downloadDir: folder,
        version,
        ttl: 0,
        sdkName: 'sdk-typescript',
        sdkVersion: 'loomkin',
      },
      namespace: 'default',
      ip: '127.0.0.1',
      port: null,
      uiPort: null,
      dbFilename: null,
      ui: false,
      log: { format: 'pretty', level: 'error' },
      extraArgs: [],
    });
    await runtime.shutdownEphemeralServer(server);
    return { file };
  } catch (error) {
    return existsSync(file) ? { file } : { problem: (error as Error).message };
  } finally {
    process.umask(mask);
  }
};
