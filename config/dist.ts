/**
 * Where the built programs lie, seen from whatever file is running.
 *
 * A bundled program runs from `dist/HASH/` or its `chunks/`; from source (tests) the newest build
 * stands in, or the folder that `LOOMKIN_DIST` names. What must stay true: a program starts only
 * programs of its own build, so that a newer build never mixes with a running one.
 */
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUILD } from './build-info.js';

export type Program = 'cli' | 'supervisor' | 'daemon' | 'fetch-temporal' | 'store-thread';

const ownFolder = dirname(fileURLToPath(import.meta.url));

const builtFolder = (): string =>
  basename(ownFolder) === 'chunks' ? dirname(ownFolder) : ownFolder;

/** `dist/HASH/` of this build. */
export const distFolder = (): string =>
  BUILD === 'dev'
    ? process.env['LOOMKIN_DIST'] || join(dirname(ownFolder), 'dist', 'current')
    : builtFolder();

export const programFile = (program: Program): string => join(distFolder(), `${program}.js`);

/** The same program in whatever build is the newest: for what outlives this build (start at boot). */
export const newestProgramFile = (program: Program): string =>
  join(dirname(distFolder()), 'current', `${program}.js`);
