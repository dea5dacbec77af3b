/**
 * Jest's global teardown: fails the run when a test has left a process or a folder behind.
 *
 * What must stay true: it cleans up either way.
 */
import { findLeftovers, removeTestFolder } from './leftovers.mjs';

export default async () => {
  const folder = globalThis.loomkinTestFolder;
  const left = await findLeftovers(folder);
  removeTestFolder(folder);
  if (left.length > 0)
    throw new Error(`tests left ${left.length} things behind:\n  ${left.join('\n  ')}`);
};
