/**
 * What an agent is told of git at a session's start: branch, changes that are not its own, last commits.
 *
 * What must stay true: it ends within seconds and in a few lines, whatever the repository is like, and
 * runs no program that the repository names.
 */
import { headOfText } from '../../cut-text.js';
import type { ProgramEnd } from '../run-program.js';
import { withoutOwnFilters } from './own-filters.js';
import { runGit } from './run-git.js';

type Environment = Readonly<Record<string, string>>;

const BYTES_MAX = 4 * 1024;
const TIMEOUT_MS = 2_000;
const CHANGES_SHOWN = 30;
const STATUS = ['status', '--porcelain=v1', '--branch', '--ignore-submodules=dirty', '--', '.'];
const LOG = ['log', '-5', '--format=%h %s'];

const whyNoGit = ({ cut, stderr }: ProgramEnd): string => {
  if (cut === 'not_started') return 'Git: git is not installed.';
  if (cut === 'timeout') return 'Git: the state could not be read in time.';
  const words = stderr.trim().split('\n')[0] ?? '';
  return /not a git repository/.test(words)
    ? 'Git: not a git repository; changes here can not be undone with git.'
    : `Git: the state could not be read (${words.slice(0, 200)}).`;
};

const branchOf = (header: string): string => {
  const words = header.replace(/^## /, '');
  return words.startsWith('No commits yet on ') ? `${words.slice(18)} (no commits yet)` : words;
};

const linesOf = ({ stdout }: ProgramEnd): readonly string[] =>
  stdout
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');

const isWhole = ({ code, cut }: ProgramEnd): boolean => cut === 'output' || code === 0;

/** Lines for the model; never throws. */
export const describeRepository = async (project: string, env: Environment): Promise<string> => {
  const plain = { LC_ALL: 'C' };
  const filters = withoutOwnFilters(project, env);
  const [status, log] = await Promise.all([
    filters.then((off) =>
      runGit(project, env, STATUS, { timeoutMs: TIMEOUT_MS, env: { ...plain, ...off } }),
    ),
    runGit(project, env, LOG, { timeoutMs: TIMEOUT_MS, env: plain }),
  ]);
  if (!isWhole(status)) return whyNoGit(status);
  const [header = '', ...changes] = linesOf(status);
  const rest = changes.length - CHANGES_SHOWN;
  const commits = log.code === 0 ? linesOf(log) : [];
  const lines = [
    `Git: branch ${branchOf(header)}`,
    changes.length === 0
      ? 'Working tree: clean'
      : 'Working tree at the start (changes that are not yours):',
    ...changes.slice(0, CHANGES_SHOWN).map((line) => `  ${line}`),
    ...(rest > 0 ? [`  … and ${rest} more`] : []),
    ...(commits.length > 0 ? ['Last commits:'] : []),
    ...commits.map((line) => `  ${line}`),
  ];
  return headOfText(Buffer.from(lines.join('\n')), BYTES_MAX);
};
