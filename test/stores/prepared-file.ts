/**
 * A project folder with a prepared temporary file, ready to be put in its place.
 *
 * What must stay true: the folder's handle is closed when the body ends.
 */
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { PublishFileArgs } from '../../activities/stores/effects-store.js';
import { signatureOf } from '../../activities/stores/publish-file.js';
import { outcome } from './samples.js';

/** Writes the temp file beside the target and says how to publish it. */
export const prepareFile = (
  folder: { readonly dir: string; readonly dirFd: number },
  key: string,
  name: string,
  text: string,
): PublishFileArgs => {
  const temp = `.lk-${key.replaceAll(/[^a-z0-9]/gi, '')}`;
  writeFileSync(join(folder.dir, temp), text);
  const target = join(folder.dir, name);
  const expected = existsSync(target) ? signatureOf(lstatSync(target, { bigint: true })) : null;
  return { ...folder, key, temp, name, expected, outcome: outcome() };
};

export const withProject = async (
  parent: string,
  body: (folder: { readonly dir: string; readonly dirFd: number }) => Promise<void>,
): Promise<void> => {
  mkdirSync(join(parent, 'project'), { recursive: true });
  const dir = realpathSync(join(parent, 'project'));
  const dirFd = openSync(dir, 'r');
  try {
    await body({ dir, dirFd });
  } finally {
    closeSync(dirFd);
  }
};
