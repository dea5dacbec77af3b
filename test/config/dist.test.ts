/**
 * Where a program finds its fellows, from source and from a build.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { distFolder, newestProgramFile, programFile } from '../../config/dist.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A build of two programs, one of which finds the other from a shared chunk. */
const withBuild = async (use: (dist: string) => void): Promise<void> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'loomkin-dist-')));
  try {
    const dist = join(folder, 'dist');
    const sources = ['direct', 'chunked'].map((name) => join(folder, `${name}.ts`));
    const text = `import { newestProgramFile, programFile } from '${root}/config/dist.ts';
      export const tell = () => console.log(programFile('daemon') + ' ' + newestProgramFile('daemon'));`;
    writeFileSync(sources[0]!, `${text} tell();`);
    writeFileSync(sources[1]!, `const { tell } = await import('./shared.js'); tell();`);
    writeFileSync(join(folder, 'shared.ts'), text);
    mkdirSync(dist);
    await build({
      entryPoints: sources,
      outdir: join(dist, 'abc'),
      bundle: true,
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      platform: 'node',
      format: 'esm',
      outExtension: { '.js': '.mjs' },
      define: { LOOMKIN_BUILD: '"abc"', LOOMKIN_VERSION: '"1.0.0"' },
    });
    symlinkSync('abc', join(dist, 'current'));
    use(dist);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('a program', () => {
  it.each(['direct', 'chunked'])(
    'finds those of its own build, whichever way it was started (%s)',
    (name) =>
      withBuild((dist) => {
        for (const way of ['abc', 'current']) {
          const { stdout } = spawnSync(process.execPath, [join(dist, way, `${name}.mjs`)]);
          expect(stdout.toString().trim().split(' ')).toEqual([
            join(dist, 'abc', 'daemon.js'),
            join(dist, 'current', 'daemon.js'),
          ]);
        }
      }),
  );

  it('that runs from source starts the newest build, or the one that is named', () => {
    const before = process.env['LOOMKIN_DIST'];
    delete process.env['LOOMKIN_DIST'];
    expect(distFolder()).toBe(join(root, 'dist', 'current'));
    process.env['LOOMKIN_DIST'] = '/somewhere/dist/x';
    expect(programFile('supervisor')).toBe('/somewhere/dist/x/supervisor.js');
    expect(newestProgramFile('supervisor')).toBe('/somewhere/dist/current/supervisor.js');
    if (before === undefined) delete process.env['LOOMKIN_DIST'];
    else process.env['LOOMKIN_DIST'] = before;
  });
});
