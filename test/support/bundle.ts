/**
 * Bundles a TypeScript program of the tests, so that plain Node can run it in a process of its own.
 *
 * What must stay true: what it imports from `node_modules` stays outside, so it may import none of it
 * by value.
 */
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

/** `program` is a path below test/; returns the path of the bundled file in `folder`. */
export const bundleProgram = async (program: string, folder: string): Promise<string> => {
  const outfile = join(folder, `${basename(program, '.ts')}.mjs`);
  await build({
    entryPoints: [fileURLToPath(new URL(`../${program}`, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  return outfile;
};
