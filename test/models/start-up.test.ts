/**
 * What a daemon loads at its start: not the SDKs, each of which takes longer than the rest.
 */
import { build } from 'esbuild';

test('an SDK is loaded at the first use, never at the start', async () => {
  const { metafile } = await build({
    entryPoints: ['activities/models/call-model.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    metafile: true,
    write: false,
  });
  const [output] = Object.values(metafile.outputs);
  const packages = output?.imports.filter(({ path }) => !path.startsWith('node:')) ?? [];
  const kinds = new Set(packages.map(({ path, kind }) => `${path}: ${kind}`));
  expect([...kinds].sort()).toEqual([
    '@anthropic-ai/sdk/core/streaming: dynamic-import',
    '@anthropic-ai/sdk: dynamic-import',
    '@temporalio/common: import-statement',
    'openai: dynamic-import',
    'undici: dynamic-import',
  ]);
});
