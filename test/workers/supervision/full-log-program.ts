/**
 * Lets a log grow on a disk of one megabyte that has no room for a second one, then makes room.
 *
 * A program of its own, since the disk is mounted for one process alone. Prints the sizes of the log,
 * and of what was kept of it, after a look with a full disk and after one with room. Argument: the disk.
 */
import { closeSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { rotateLogs } from '../../../workers/supervision/logs.js';

const disk = process.argv[2] ?? '';
const [log, ballast] = [join(disk, 'daemon.log'), join(disk, 'ballast')];

const fillUp = (): void => {
  const file = openSync(ballast, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch {
    closeSync(file);
  }
};

writeFileSync(log, Buffer.alloc(510_000, 'x'));
fillUp();
rotateLogs(disk, 500_000);
const full = [statSync(log).size];
rmSync(ballast);
rotateLogs(disk, 500_000);
console.log(JSON.stringify({ full, roomy: [log, `${log}.1`].map((file) => statSync(file).size) }));
