/**
 * The state of a project's files as a git tree, kept by a private ref, without touching the user's index.
 *
 * A commit without paths takes what differs from the tree at the session's start. What must stay
 * true: huge, sparse and special untracked files are left out, and what would take too long is given up.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, lstat, mkdtemp, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { withoutOwnFilters } from './own-filters.js';
import { runGit } from './run-git.js';

type Environment = Readonly<Record<string, string>>;

/** Untracked files beyond these bounds are left out of every snapshot. */
const FILE_BYTES_MAX = 10 * 1024 * 1024;
/** More than this, all together, and there is no snapshot. */
const UNTRACKED_MAX = 10_000;
const UNTRACKED_BYTES_MAX = 128 * 1024 * 1024;
const TIMEOUT_MS = 5000;

export interface TreeState {
  readonly tree: string;
  /** Untracked paths that were left out, relative to the project. */
  readonly leftOut: readonly string[];
}

/** Where the tree of a session's start is kept. */
export const baseRefOf = (sessionId: string): string => `refs/loomkin/${sessionId}`;

/** Output of a git command that must succeed; null when it did not. */
const ask = async (
  project: string,
  env: Environment,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Environment } = {},
): Promise<string | null> => {
  const { code, stdout } = await runGit(project, env, args, { ...options, timeoutMs: TIMEOUT_MS });
  return code === 0 ? stdout.toString('utf8') : null;
};

interface Candidate {
  readonly path: string;
  readonly isTracked: boolean;
}

/** What the index does not tell yet: changed and deleted tracked files, and untracked ones. */
const candidatesOf = (listing: string): Candidate[] => {
  const candidates = new Map<string, Candidate>();
  for (const line of listing.split('\0')) {
    const path = line.slice(2);
    // A trailing slash is a repository of its own inside this one.
    if (path !== '' && !path.endsWith('/'))
      candidates.set(path, { path, isTracked: line[0] !== '?' });
  }
  // Tracked ones first: where a file became a folder, the file goes before what is in the folder comes.
  return [...candidates.values()].sort((a, b) => Number(b.isTracked) - Number(a.isTracked));
};

interface Sorted {
  readonly taken: readonly string[];
  readonly leftOut: readonly string[];
}

/** Null when nothing is there (any more); a folder is a submodule, or where a file was. */
const bytesOf = async (file: string): Promise<number | 'special' | null> => {
  const facts = await lstat(file).catch(() => null);
  if (facts === null) return null;
  if (facts.isDirectory()) return 0;
  return facts.isFile() || facts.isSymbolicLink() ? facts.size : 'special';
};

/** Null when the untracked files are too much, all together. */
const sortOut = async (
  project: string,
  candidates: readonly Candidate[],
): Promise<Sorted | null> => {
  const [taken, leftOut]: [string[], string[]] = [[], []];
  let untrackedBytes = 0;
  for (const { path, isTracked } of candidates) {
    const bytes = await bytesOf(join(project, path));
    const isTaken = bytes !== 'special' && (isTracked || (bytes ?? 0) <= FILE_BYTES_MAX);
    (isTaken ? taken : leftOut).push(path);
    if (isTaken && !isTracked) untrackedBytes += Number(bytes);
  }
  return untrackedBytes > UNTRACKED_BYTES_MAX ? null : { taken, leftOut };
};

const writeTree = async (
  project: string,
  env: Environment,
  index: string,
): Promise<TreeState | null> => {
  const listing = await ask(
    project,
    env,
    ['ls-files', '-z', '-t', '--modified', '--deleted', '--others', '--exclude-standard'],
    { env: { GIT_INDEX_FILE: index } },
  );
  const candidates = candidatesOf(listing ?? '');
  const untracked = candidates.filter(({ isTracked }) => !isTracked).length;
  if (listing === null || untracked > UNTRACKED_MAX) return null;
  const sorted = await sortOut(project, candidates);
  if (!sorted) return null;
  const { taken, leftOut } = sorted;
  const own = { env: { GIT_INDEX_FILE: index } };
  const input = taken.map((path) => `${path}\0`).join('');
  const add = ['update-index', '--add', '--remove', '--replace', '-z', '--stdin'];
  if (taken.length > 0 && (await ask(project, env, add, { ...own, input })) === null) return null;
  const tree = await ask(project, env, ['write-tree'], own);
  return tree === null ? null : { tree: tree.trim(), leftOut };
};

/**
 * Carries what git knows of sizes and times, so that only changed files are read. The copy is as old
 * as the original: by that git knows which files it can't judge by size and time.
 */
const copyIndex = async (from: string, to: string): Promise<void> => {
  const facts = await stat(from).catch(() => null);
  if (!facts) return;
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  const seconds = Math.floor(facts.mtimeMs / 1000);
  await utimes(to, seconds, seconds);
};

/** The project's files as they are now. Null outside git, or when it would take too long. */
export const treeNow = async (project: string, env: Environment): Promise<TreeState | null> => {
  const facts = await ask(project, env, [
    'rev-parse',
    '--is-inside-work-tree',
    '--git-path',
    'index',
  ]);
  const [isInside, where] = facts?.split('\n') ?? [];
  if (isInside !== 'true' || !where) return null;
  const folder = await mkdtemp(join(tmpdir(), 'loomkin-tree-'));
  try {
    const index = join(folder, randomBytes(4).toString('hex'));
    await copyIndex(resolve(project, where), index);
    // A session's start is no leave for the repository's programs either.
    const quiet = { ...env, ...(await withoutOwnFilters(project, env)) };
    return await writeTree(project, quiet, index);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** The tree at the session's start: taken at the first call, the same at every later one. */
export const snapshotTree = async (
  project: string,
  sessionId: string,
  env: Environment,
): Promise<string | null> => {
  const ref = baseRefOf(sessionId);
  const kept = await ask(project, env, ['rev-parse', '--verify', '--quiet', ref]);
  if (kept !== null) return kept.trim();
  const state = await treeNow(project, env);
  if (!state) return null;
  // Only if it is not there: of two that take it at once, the first counts.
  const keep = ['update-ref', ref, state.tree, '0'.repeat(state.tree.length)];
  if ((await ask(project, env, keep)) !== null) return state.tree;
  return (await ask(project, env, ['rev-parse', '--verify', '--quiet', ref]))?.trim() ?? null;
};

/** Paths that differ from `base` now, relative to the project; null when that can't be told. */
export const changedSince = async (
  project: string,
  base: string,
  env: Environment,
): Promise<readonly string[] | null> => {
  const now = await treeNow(project, env);
  if (!now) return null;
  const diff = [
    'diff-tree',
    '-r',
    '-z',
    '--name-only',
    '--no-renames',
    '--relative',
    base,
    now.tree,
  ];
  const names = await ask(project, env, diff);
  const leftOut = new Set(now.leftOut);
  return names === null
    ? null
    : names.split('\0').filter((path) => path !== '' && !leftOut.has(path));
};
