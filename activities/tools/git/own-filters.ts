/**
 * Switches off the filters that a repository's own config names, for commands that only look.
 *
 * Git runs a filter on every changed file that it looks at, and a repository is a stranger: its config
 * may name any program. What must stay true: the filters of the user's own config (LFS) go on working.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { runGit } from './run-git.js';

type Environment = Readonly<Record<string, string>>;

/** Answers `SCOPE NUL KEY NUL …`. */
const LIST = ['config', '-z', '--show-scope', '--name-only', '--get-regexp', '^filter\\.'];
const OFF = { clean: '', smudge: '', process: '', required: 'false' } as const;

const isOwn = (scope: string | undefined): boolean => scope === 'local' || scope === 'worktree';

const CONFIG_BYTES_MAX = 64 * 1024;
/** What can bring a filter into a repository's config: itself, another file, the worktree's own. */
const MAY_FILTER = /filter|include|worktreeconfig/i;

/** True where the config lies as usual and is plain to see: asking git costs a process. */
const surelyHasNone = async (project: string): Promise<boolean> => {
  const file = join(project, '.git', 'config');
  const [facts, elsewhere] = await Promise.all([
    stat(file).catch(() => null),
    stat(join(project, '.git', 'commondir')).catch(() => null),
  ]);
  if (!facts?.isFile() || facts.size > CONFIG_BYTES_MAX || elsewhere !== null) return false;
  const text = await readFile(file, 'utf8').catch(() => null);
  return text !== null && !MAY_FILTER.test(text);
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
