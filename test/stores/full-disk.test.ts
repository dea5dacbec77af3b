/** A full disk: everything acknowledged stays, the rest is refused as FULL, and room mends it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { bundleProgram } from '../support/bundle.js';
import { threadFile, withFolder } from '../support/store.js';

/** Runs a command with a small disk of its own at `disk`, which goes when the command ends. */
const onSmallDisk = (disk: string, sizeMb: number, command: readonly string[]): string => {
  const isRoot = process.getuid?.() === 0;
  const mount = `mount -t tmpfs -o size=${sizeMb}m none "$0" && exec "$@"`;
  const unshare = [...(isRoot ? [] : ['--map-root-user']), '--mount'];
  return execFileSync('unshare', [...unshare, 'sh', '-c', mount, disk, ...command], {
    encoding: 'utf8',
    timeout: 40_000,
  });
};

describe('a full disk', () => {
  it('loses nothing that was acknowledged, says FULL, and is over when there is room', () =>
    withFolder(async (folder) => {
      const disk = join(folder, 'disk');
      const elsewhere = join(folder, 'elsewhere');
      for (const path of [disk, elsewhere]) mkdirSync(path);
      const program = await bundleProgram('stores/full-disk-program.ts', folder);
      const command = [process.execPath, program, disk, elsewhere, threadFile()];
      const report = JSON.parse(onSmallDisk(disk, 12, command)) as Record<string, unknown>;
      expect(report).toMatchObject({
        codes: ['FULL'],
        blobCode: 'FULL',
        claim: 'claimed',
        lost: 0,
        storedAfter: 5,
        lostAfter: 0,
        isBlobWhole: true,
      });
      expect(report['acknowledged']).toBeGreaterThan(20);
      // Refused before the rename, or broken at the commit behind it: then the file is there.
      expect([
        ['FULL', false],
        ['UNCLEAR', true],
      ]).toContainEqual([report['published'], report['isFileThere']]);
    }));

  it('at the start is told with the file’s name', () =>
    withFolder(async (folder) => {
      const disk = join(folder, 'disk');
      mkdirSync(disk);
      const program = await bundleProgram('stores/open-program.ts', folder);
      const fill = `head -c 2m /dev/zero > "$0/filler"; exec "$@"`;
      const inner = ['sh', '-c', fill, disk, process.execPath, program, disk, threadFile()];
      const report = JSON.parse(onSmallDisk(disk, 1, inner)) as Record<string, string>;
      expect(report['kind']).toBe('full');
      expect(report['message']).toContain(join(disk, 'loomkin.db'));
      expect(spawnSync('mountpoint', ['-q', disk]).status).not.toBe(0);
    }));
});
