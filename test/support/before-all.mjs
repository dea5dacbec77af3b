/**
 * Jest's global setup: one temp folder for all tests of this run, and the Temporal binary they share.
 *
 * What must stay true: it runs before any worker starts, since workers inherit folder and variables.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { openTestFolder } from './leftovers.mjs';

const cached = () => {
  const cache = process.env.XDG_CACHE_HOME || join(process.env.HOME || homedir(), '.cache');
  return join(cache, 'loomkin', 'temporal-1.9.1', 'temporal');
};

/** Fetched once, as the product does it; tests never fetch in their middle. */
const shareTemporal = () => {
  if (process.env.LOOMKIN_TEMPORAL_BIN) return;
  if (!existsSync(cached())) {
    const program = fileURLToPath(new URL('../../dist/current/fetch-temporal.js', import.meta.url));
    execFileSync(process.execPath, [program], { stdio: ['ignore', 2, 2] });
  }
  process.env.LOOMKIN_TEMPORAL_BIN = cached();
};

export default () => {
  globalThis.loomkinTestFolder = openTestFolder();
  // The house tests need neither.
  if (existsSync(fileURLToPath(new URL('../../dist/current', import.meta.url)))) shareTemporal();
};
