/**
 * Builds `dist/HASH/`: one bundled file per process, the workflow bundle, the wrapper scripts.
 *
 * The hash covers every source and the lock, so that a running daemon keeps its own files while a
 * newer build lies beside it. What must stay true: a build appears complete and in one rename, and
 * `dist/current` is switched last, so an interrupted build is never run.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const SOURCES = ['workflows', 'activities', 'config', 'workers', 'client', 'scripts'];
const ENTRIES = JSON.parse(readFileSync(join(root, 'scripts/entries.json'), 'utf8'));
const WORKFLOWS = join(root, 'workflows/index.ts');
/** Shell scripts that run outside our processes. */
const SCRIPTS = join(root, 'activities/effects/process');
/** Read by whoever asks for a model's price, and by nobody at their start. */
const CATALOGUE = join(root, 'config/catalogue.json');
const BUILDS_KEPT = 8;
const KEPT_MS = 7 * 24 * 3600 * 1000;

const sourceFiles = (folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs|sh|json|txt|html|css)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

const buildHash = () => {
  const hash = createHash('sha256').update(process.version);
  const files = [
    ...SOURCES.filter((folder) => existsSync(join(root, folder))).flatMap(sourceFiles),
    join(root, 'package.json'),
    join(root, 'package-lock.json'),
  ];
  for (const file of files)
    hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 12);
};

/** `cli.js` is the door in front of the command line; the command line itself is `cli-main.js`. */
const outputNames = () =>
  Object.entries(ENTRIES)
    .filter(([, file]) => existsSync(join(root, file)))
    .map(([name, file]) => [name === 'cli' ? 'cli-main' : name, file]);

const bundleProcesses = async (out, hash) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(outputNames()),
    outdir: out,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    // Bundled, since loading its 200 files one by one would cost the store's start 135 ms.
    alias: { kysely: './node_modules/kysely/dist/esm/index.js' },
    loader: { '.txt': 'text' },
    sourcemap: 'linked',
    logLevel: 'warning',
    define: { LOOMKIN_BUILD: JSON.stringify(hash), LOOMKIN_VERSION: JSON.stringify(version) },
  });
};

/** The door knows which Node the packages were compiled for. */
const writeDoor = (out) => {
  const door = readFileSync(join(root, 'scripts/door.mjs'), 'utf8');
  writeFileSync(join(out, 'cli.js'), door.replace("'NODE_ABI'", `'${process.versions.modules}'`));
};

const bundleWorkflows = async (out) => {
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const quiet = {
    trace() {},
    debug() {},
    info() {},
    warn: console.warn,
    error: console.error,
    log() {},
  };
  const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger: quiet });
  writeFileSync(join(out, 'workflow-bundle.js'), code);
};

const isComplete = (folder) => existsSync(join(folder, 'complete'));

/** Puts a finished build in its place; where another build of the same sources was faster, its own stays. */
const publish = (partial, out) => {
  try {
    renameSync(partial, out);
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    if (!isComplete(out)) {
      rmSync(out, { recursive: true, force: true });
      renameSync(partial, out);
    }
    rmSync(partial, { recursive: true, force: true });
  }
};

const makeBuild = async (hash) => {
  const out = join(dist, hash);
  if (isComplete(out)) return;
  const partial = `${out}.${process.pid}.partial`;
  mkdirSync(partial, { recursive: true });
  try {
    await bundleProcesses(partial, hash);
    writeDoor(partial);
    if (existsSync(WORKFLOWS)) await bundleWorkflows(partial);
    if (existsSync(SCRIPTS))
      cpSync(SCRIPTS, partial, { recursive: true, filter: (path) => !path.endsWith('.ts') });
    if (existsSync(CATALOGUE)) cpSync(CATALOGUE, join(partial, 'catalogue.json'));
    writeFileSync(join(partial, 'complete'), '');
    publish(partial, out);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
};

const switchTo = (hash) => {
  const current = join(dist, 'current');
  // A copy of the checkout may have followed the link.
  if (existsSync(current) && !lstatSync(current).isSymbolicLink())
    rmSync(current, { recursive: true, force: true });
  if (existsSync(current) && readlinkSync(current) === hash) return;
  const link = join(dist, `current.${process.pid}`);
  rmSync(link, { force: true });
  symlinkSync(hash, link);
  renameSync(link, current);
};

/** Old builds go once they are many and old: a daemon that still runs on one needs its files. */
const removeOldBuilds = (hash) => {
  const others = readdirSync(dist)
    .filter((name) => /^[0-9a-f]{12}(\.\d+\.partial)?$/.test(name) && name !== hash)
    .map((name) => join(dist, name))
    .map((path) => ({
      path,
      mtimeMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity,
    }))
    .sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const { path, mtimeMs } of others.slice(BUILDS_KEPT - 1))
    if (Date.now() - mtimeMs > KEPT_MS) rmSync(path, { recursive: true, force: true });
};

const hash = buildHash();
await makeBuild(hash);
switchTo(hash);
removeOldBuilds(hash);
console.log(`built dist/${hash}`);
