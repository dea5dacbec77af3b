/**
 * Finds the commit that a call has made, by its trailers: on any branch, or in a reflog.
 *
 * What must stay true: it looks at a bounded number of commits, newest first, and a match is certain.
 */
import type { ToolContext } from '../tool.js';
import { carriesMark, type CommitMark } from './commit-message.js';
import { runGit } from './run-git.js';

const COMMITS_MAX = 2000;

export interface FoundCommit {
  readonly hash: string;
  readonly subject: string;
}

export const markOf = (context: ToolContext): CommitMark => ({
  session: context.sessionId,
  call: context.callId,
});

const ask = async (context: ToolContext, args: readonly string[]): Promise<string> =>
  (await runGit(context.project, context.env, args)).stdout.toString('utf8');

const search = async (
  context: ToolContext,
  where: readonly string[],
): Promise<FoundCommit | null> => {
  const list = ['log', ...where, '-n', String(COMMITS_MAX), '--format=%H%n%B%x00'];
  const mark = markOf(context);
  const entry = (await ask(context, list)).split('\0').find((text) => carriesMark(text, mark));
  const [hash = '', subject = ''] = entry?.trimStart().split('\n') ?? [];
  return entry === undefined ? null : { hash, subject };
};

/**
 * Git writes the reflog before it moves the branch: a newest entry that no branch arrived at was cut
 * off in between, and its commit is not made.
 */
const isTorn = async (context: ToolContext, hash: string): Promise<boolean> =>
  (await ask(context, ['log', '-g', '-n', '1', '--format=%H', 'HEAD'])).trim() === hash;

/** Null when there is none among the newest commits. Runs to its end even when the turn was interrupted. */
export const findCommit = async (context: ToolContext): Promise<FoundCommit | null> => {
  const reached = await search(context, ['--all', 'HEAD']);
  if (reached) return reached;
  // The user may have reset or amended it since.
  const left = await search(context, ['--reflog']);
  return left && (await isTorn(context, left.hash)) ? null : left;
};
