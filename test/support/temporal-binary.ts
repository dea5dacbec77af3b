/**
 * Where tests find the Temporal binary: as the product does, but never fetched in the middle of a test.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { cacheFolder } from '../../config/paths.js';

export const findTemporal = (): string => {
  const candidates = [
    process.env['LOOMKIN_TEMPORAL_BIN'] ?? '',
    join(cacheFolder(process.env), 'temporal-1.9.1', 'temporal'),
    ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'temporal')),
  ];
  const found = candidates.find((path) => path !== '' && existsSync(path));
  if (!found)
    throw new Error('no Temporal binary: run ./loomkin up once, or set LOOMKIN_TEMPORAL_BIN');
  return found;
};
