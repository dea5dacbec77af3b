/**
 * Looks whether node_modules is what the lock says: `node scripts/installed.mjs run|dev`, exit 0 or 1.
 *
 * It compares each package on disk with the lock, and loads the one that is compiled for this Node.
 * What must stay true: packages installed by hand count, and half an installation does not: npm's own
 * record of what it installed is written last, but it is no proof, as npm rewrites it with the lock.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const withDev = process.argv[2] === 'dev';

const readJson = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));

/** Optional packages are those of other platforms: npm leaves them out. */
const isWanted = (entry) =>
  entry.version !== undefined && !entry.optional && !entry.devOptional && (withDev || !entry.dev);

const isInstalled = () =>
  existsSync(join(root, 'node_modules/.package-lock.json')) &&
  Object.entries(readJson('package-lock.json').packages)
    .filter(([path, entry]) => path !== '' && isWanted(entry))
    .every(([path, entry]) => readJson(join(path, 'package.json')).version === entry.version);

/** The binding is loaded by the first database, not by `require`. */
const loadCompiled = () => {
  const Database = createRequire(join(root, 'package.json'))('better-sqlite3');
  new Database(':memory:').close();
};

try {
  if (!isInstalled()) process.exit(1);
  loadCompiled();
} catch {
  process.exit(1);
}
