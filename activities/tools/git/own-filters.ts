/**
 * Switches off the filters that a repository's own config names, for commands that only look.
 *
 * Git runs a filter on every changed file that it looks at, and a repository is a stranger: its config
 * may name any program. What must stay true: the filters of the user's own config (LFS) go on working.
 */
import { constants } from 'node:fs';
import { access, lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { runGit } from './run-git.js';

type Environment = Readonly<Record<string, string>>;

/** Answers `SCOPE NUL KEY NUL …`. */
const LIST = ['config', '-z', '--show-scope', '--name-only', '--get-regexp', '^filter\\.'];
const OFF = { clean: '', smudge: '', process: '', required: 'false' } as const;

const isOwn = (scope: string | undefined): boolean => scope === 'local' || scope === 'worktree';

const FILE_BYTES_MAX = 64 * 1024;
/** What can bring a filter into a repository's config: itself, another file, the worktree's own. */
const MAY_FILTER = /filter|include|worktreeconfig/i;
const PLAIN_HEAD = /^(ref: refs\/heads\/[A-Za-z0-9_./-]+|[0-9a-f]{40}|[0-9a-f]{64})\n$/;

/** A small plain file; null for anything else, links included. */
const readPlain = async (path: string): Promise<string | null> => {
  const facts = await lstat(path);
  return facts.isFile() && facts.size <= FILE_BYTES_MAX ? await readFile(path, 'utf8') : null;
};

/** What git asks of a folder before it takes it for a repository's; for less it looks further up. */
const isGitFolder = async (folder: string): Promise<boolean> => {
  const parts = [folder, join(folder, 'objects'), join(folder, 'refs')];
  const facts = await Promise.all(parts.map((part) => lstat(part)));
  await Promise.all(parts.map((part) => access(part, constants.X_OK)));
  const head = await readPlain(join(folder, 'HEAD'));
  return facts.every((one) => one.isDirectory()) && PLAIN_HEAD.test(head ?? '');
};

/**
 * True where the repository lies as usual and its config is plain to see: asking git costs a process.
 * Whatever is not surely the config that git will read is left to git.
 */
const surelyHasNone = async (project: string): Promise<boolean> => {
  const folder = join(project, '.git');
  try {
    if (!(await isGitFolder(folder))) return false;
    const elsewhere = await lstat(join(folder, 'commondir')).catch(() => null);
    const config = await readPlain(join(folder, 'config'));
    return elsewhere === null && config !== null && !MAY_FILTER.test(config);
  } catch {
    return false;
  }
};

/** Variables to add to git's environment; none where there is nothing to switch off. */
export const withoutOwnFilters = async (
  project: string,
  env: Environment,
): Promise<Record<string, string>> => {
  if (await surelyHasNone(project)) return {};
  const words = (await runGit(project, env, LIST)).stdout.toString('utf8').split('\0');
  const keys = words.filter((_, at) => at % 2 === 1 && isOwn(words[at - 1]));
  const filters = new Set(keys.map((key) => key.slice(0, key.lastIndexOf('.'))));
  const entries = [...filters].flatMap((filter) =>
    Object.entries(OFF).map(([name, value]) => ({ key: `${filter}.${name}`, value })),
  );
  if (entries.length === 0) return {};
  // By variables and not by -c, to which a name with = in it can't be given.
  const first = Number(env['GIT_CONFIG_COUNT'] ?? 0);
  const variables: Record<string, string> = { GIT_CONFIG_COUNT: String(first + entries.length) };
  for (const [at, { key, value }] of entries.entries()) {
    variables[`GIT_CONFIG_KEY_${first + at}`] = key;
    variables[`GIT_CONFIG_VALUE_${first + at}`] = value;
  }
  return variables;
};
