/**
 * Builds the store's thread and the driver of the kill tests, once per test file that asks.
 *
 * Node runs no TypeScript, so whatever is another thread or process must be bundled. What must stay
 * true: the folder is removed when its test file ends.
 */
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface TestBundle {
  readonly threadFile: string;
  readonly driverFile: string;
}

const buildBundle = async (): Promise<TestBundle> => {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'bundle-'));
  afterAllOnce(folder);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  await build({
    absWorkingDir: ROOT,
    entryPoints: {
      'store-thread': 'workers/store-thread.ts',
      driver: 'test/effects/process-driver.ts',
    },
    outdir: folder,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  return { threadFile: join(folder, 'store-thread.js'), driverFile: join(folder, 'driver.js') };
};

const folders: string[] = [];
const afterAllOnce = (folder: string): void => void folders.push(folder);
let built: Promise<TestBundle> | null = null;

export const bundleForTests = (): Promise<TestBundle> => (built ??= buildBundle());

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
