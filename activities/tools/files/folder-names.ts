/**
 * Names that lie beside a path: what a mistyped one may have meant, and what differs from it by case.
 *
 * What must stay true: a suggestion is only a word in a message, and a huge folder is looked at in
 * part, so that help never costs more than the call itself.
 */
import { opendir, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';

import { nearestNames } from '../../../config/nearest-name.js';
import type { Place } from './inside-project.js';

const NAMES_MAX = 3000;
const SHOWN_MAX = 60;

const namesIn = async (folder: string): Promise<readonly string[]> => {
  const names: string[] = [];
  try {
    for await (const entry of await opendir(folder)) {
      names.push(entry.isDirectory() ? `${entry.name}/` : entry.name);
      if (names.length >= NAMES_MAX) break;
    }
  } catch {
    // A folder that can't be listed has no names to offer.
  }
  return names.sort();
};

const longestFolder = async (path: string): Promise<string> => {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const real = await realpath(folder).catch(() => null);
    if (real !== null || folder === dirname(folder)) return real ?? folder;
  }
};

/** Words for the model about a path where nothing is. */
export const missingHelp = async (place: Place): Promise<string> => {
  const folder = await longestFolder(place.path);
  const where = relative(place.root, folder) || 'the project folder';
  if (folder !== dirname(place.path)) {
    const absent = relative(place.root, dirname(place.path));
    return `${place.shown} does not exist: there is no folder ${absent}. ${await holding(folder, where)}`;
  }
  const names = await namesIn(folder);
  const plain = names.map((name) => name.replace(/\/$/, ''));
  const near = nearestNames(basename(place.path), plain, 5);
  if (near.length === 0)
    return `${place.shown} does not exist. ${await holding(folder, where, names)}`;
  const paths = near.map((name) => join(dirname(place.shown), name));
  return `${place.shown} does not exist. Did you mean ${paths.join(', ')}?`;
};

/** What a folder holds, in one line. */
export const holding = async (
  folder: string,
  where: string,
  known?: readonly string[],
): Promise<string> => {
  const names = known ?? (await namesIn(folder));
  if (names.length === 0) return `${where} is empty.`;
  const rest = names.length - SHOWN_MAX;
  const more =
    rest > 0 ? ` … and ${names.length === NAMES_MAX ? 'at least ' : ''}${rest} more` : '';
  return `${where} holds: ${names.slice(0, SHOWN_MAX).join(', ')}${more}.`;
};

const folded = (name: string): string => name.normalize('NFC').toLowerCase();

/**
 * The existing name that differs from the first missing part of `path` only by case or by how its
 * accents are written: on other systems both would be one file.
 */
export const twinOf = async (path: string): Promise<string | null> => {
  const folder = await longestFolder(path);
  const [name] = relative(folder, path).split('/');
  const names = await readdir(folder).catch(() => []);
  return names.find((other) => other !== name && folded(other) === folded(name ?? '')) ?? null;
};
