/**
 * Runs a TypeScript program of ours (benchmarks) without a loader: bundled once, then imported.
 * usage: node scripts/run-ts.mjs FILE [ARGUMENT...]
 *
 * What must stay true: packages stay outside the bundle, so that native modules load as installed, and
 * the bundle lies in the checkout, since packages are looked up from where it lies.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [file, ...args] = process.argv.slice(2);
mkdirSync(join(root, '.tmp'), { recursive: true });
const folder = mkdtempSync(join(root, '.tmp', 'run-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const outfile = join(folder, 'program.mjs');
await build({
  entryPoints: [resolve(file)],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
process.argv = [process.argv[0], resolve(file), ...args];
await import(pathToFileURL(outfile).href);
