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

/** Null when there is none among the newest commits. Runs to its end even when the turn was interrupted. */
export const findCommit = async (context: ToolContext): Promise<FoundCommit | null> => {
  const list = ['log', '--all', '--reflog', '-n', String(COMMITS_MAX), '--format=%H%n%B%x00'];
  const { stdout } = await runGit(context.project, context.env, list);
  const mark = markOf(context);
  const entry = stdout
    .toString('utf8')
    .split('\0')
    .find((text) => carriesMark(text, mark));
  const [hash = '', subject = ''] = entry?.trimStart().split('\n') ?? [];
  return entry === undefined ? null : { hash, subject };
};
