/**
 * Builds `dist/HASH/`: one bundled file per process, the workflow bundle, the wrapper scripts.
 *
 * The hash covers every source and the lock, so that a running daemon keeps its own files while a
 * newer build lies beside it. What must stay true: `dist/current` is switched last and in one
 * rename, so an interrupted build is never run.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCES = ['workflows', 'activities', 'config', 'workers', 'client', 'scripts'];
const ENTRIES = {
  cli: 'client/cli/main.ts',
  supervisor: 'workers/supervisor.ts',
  daemon: 'workers/daemon.ts',
  'store-thread': 'workers/store-thread.ts',
  'fetch-temporal': 'workers/fetch-temporal.ts',
};
/** Shell scripts that run outside our processes. */
const SCRIPTS = 'activities/effects/process';

const sourceFiles = (folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs|sh)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

const buildHash = () => {
  const hash = createHash('sha256').update(process.version);
  const files = [
    ...SOURCES.filter((s) => existsSync(join(root, s))).flatMap(sourceFiles),
    join(root, 'package.json'),
    join(root, 'package-lock.json'),
  ];
  for (const file of files)
    hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 12);
};

const bundleProcesses = async (out, hash) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(
      Object.entries(ENTRIES).filter(([, file]) => existsSync(join(root, file))),
    ),
    outdir: out,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: 'linked',
    logLevel: 'warning',
    define: { LOOMKIN_BUILD: JSON.stringify(hash), LOOMKIN_VERSION: JSON.stringify(version) },
  });
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
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(root, 'workflows/index.ts'),
    logger: quiet,
  });
  writeFileSync(join(out, 'workflow-bundle.js'), code);
};

const hash = buildHash();
const out = join(root, 'dist', hash);
if (!existsSync(join(out, 'complete'))) {
  const partial = `${out}.${process.pid}.partial`;
  mkdirSync(partial, { recursive: true });
  await bundleProcesses(partial, hash);
  if (existsSync(join(root, 'workflows/index.ts'))) await bundleWorkflows(partial);
  if (existsSync(join(root, SCRIPTS)))
    cpSync(join(root, SCRIPTS), partial, { recursive: true, filter: (s) => !s.endsWith('.ts') });
  writeFileSync(join(partial, 'complete'), '');
  rmSync(out, { recursive: true, force: true });
  renameSync(partial, out);
}
const link = join(root, 'dist', `current.${process.pid}`);
symlinkSync(hash, link);
renameSync(link, join(root, 'dist', 'current'));
console.log(`built dist/${hash}`);
