/**
 * The installation's own name: 8 hex digits in `$LOOMKIN_HOME/installation`, made at the first start.
 *
 * Task queues carry it. What must stay true: it never changes, since a renamed queue strands every
 * workflow that runs on it; so it is created with O_EXCL and synced before anybody uses it.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';

const NAME = /^[0-9a-f]{8}$/;

const readName = (file: string): string | null => {
  try {
    const name = readFileSync(file, 'utf8').trim();
    return NAME.test(name) ? name : null;
  } catch {
    return null;
  }
};

/** Written whole under another name first: a kill never leaves half a name. */
const writeName = (file: string): void => {
  const temp = `${file}.${process.pid}`;
  rmSync(temp, { force: true });
  const handle = openSync(temp, 'wx', 0o600);
  writeSync(handle, `${randomBytes(4).toString('hex')}\n`);
  fsyncSync(handle);
  closeSync(handle);
  try {
    linkSync(temp, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  rmSync(temp, { force: true });
};

/** Throws Error when the file holds something else: its work would be on a queue nobody serves. */
export const installationName = (file: string): string => {
  const known = readName(file);
  if (known) return known;
  writeName(file);
  const name = readName(file);
  if (!name) throw new Error(`${file} does not hold 8 hex digits; restore it from a backup`);
  return name;
};
