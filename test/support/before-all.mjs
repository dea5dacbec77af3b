/**
 * Jest's global setup: gives all tests of this run one temp folder of their own.
 *
 * What must stay true: it runs before any worker starts, since workers inherit the folder.
 */
import { openTestFolder } from './leftovers.mjs';

export default () => {
  globalThis.loomkinTestFolder = openTestFolder();
};
