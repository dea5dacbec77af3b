/**
 * What a daemon loads at its start: not the SDK, which alone takes longer than the rest.
 */
import { build } from 'esbuild';

test('the SDK is loaded at the first use, never at the start', async () => {
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
  const kinds = output?.imports.filter(({ path }) => path === 'openai').map(({ kind }) => kind);
  expect(kinds).toEqual(['dynamic-import']);
  const packages = output?.imports.filter(({ path }) => !path.startsWith('node:'));
  expect([...new Set(packages?.map(({ path }) => path))].sort()).toEqual([
    '@temporalio/common',
    'openai',
  ]);
});
