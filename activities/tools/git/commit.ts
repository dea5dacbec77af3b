/**
 * `git commit` as an effect: what to take, the process that does it, and how to find it again.
 *
 * What must stay true: a commit counts as made when it is in the repository with the trailers of this
 * call, whatever became of the process that made it.
 */
import { basename } from 'node:path';

import { concludeProcess } from '../process-text.js';
import { runProgram } from '../run-program.js';
import type { ProcessConclusion, ProcessEnd, ProcessRun, ToolContext, ToolPlan } from '../tool.js';
import { withTrailers } from './commit-message.js';
import { commitScript, tidyScript, type CommitRequest } from './commit-script.js';
import { findCommit, markOf, type FoundCommit } from './find-commit.js';
import { resolvePaths } from './paths.js';
import { NO_WORK_TREE } from './read-operations.js';
import { gitEnvironment, lookWithGit } from './run-git.js';
import { changedSince } from './snapshot.js';

/** Hooks may run the tests. */
const COMMIT_TIMEOUT_MS = 600_000;
const TIDY_TIMEOUT_MS = 20_000;

const CUT_SHORT = 'The process that was to commit was killed from outside. Call it again.';

const refuse = (text: string): ToolPlan => ({ kind: 'answer', text, isError: true });

export const gitProcess = (context: ToolContext, script: string): ProcessRun => ({
  kind: 'process',
  script,
  cwd: context.project,
  env: gitEnvironment(context.env),
  timeoutMs: Math.max(COMMIT_TIMEOUT_MS, context.limits.shellTimeoutMs),
  background: false,
});

/** What differs from the session's start; where that is not known, what its edits changed. */
const differingPaths = async (context: ToolContext): Promise<readonly string[]> => {
  const base = (await context.baseTree?.()) ?? null;
  const changed = base && (await changedSince(context.project, base, context.env));
  if (changed) return changed;
  const resolved = await resolvePaths(context.project, await context.changedPaths());
  return resolved.ok ? resolved.paths : [];
};

type Chosen = CommitRequest['paths'] | { readonly kind: 'refused'; readonly text: string };

const choosePaths = async (
  context: ToolContext,
  given: readonly string[] | undefined,
): Promise<Chosen> => {
  if (given !== undefined && given.length > 0) {
    const resolved = await resolvePaths(context.project, given);
    return resolved.ok
      ? { kind: 'given', list: resolved.paths }
      : { kind: 'refused', text: resolved.error };
  }
  const list = await differingPaths(context);
  return list.length > 0
    ? { kind: 'differing', list }
    : {
        kind: 'refused',
        text: 'Nothing to commit: no file differs from the start of this session. To commit others, name them in paths.',
      };
};

export const planCommit = async (
  context: ToolContext,
  input: { readonly message: string; readonly paths?: readonly string[] },
): Promise<ToolPlan> => {
  const inside = await lookWithGit(context, ['rev-parse', '--is-inside-work-tree']);
  if (inside.stdout.toString().trim() !== 'true')
    return refuse(
      `Nothing can be committed in ${context.project}: ${inside.stderr.trim() || NO_WORK_TREE}`,
    );
  const paths = await choosePaths(context, input.paths);
  if (paths.kind === 'refused') return refuse(paths.text);
  const message = withTrailers(input.message, markOf(context), context.coAuthor);
  const { scratch, callId } = context;
  return gitProcess(context, commitScript({ message, paths, scratch, callId }));
};

const applied = (text: string, commit: string): ProcessConclusion => ({
  text,
  isError: false,
  state: 'applied',
  commit,
  paths: [],
});

/** Finishes what a killed script had begun; doing it again changes nothing. */
const tidyUp = async (context: ToolContext, found: FoundCommit | null): Promise<void> => {
  const script = tidyScript(context.scratch, context.callId, found?.hash ?? null);
  await runProgram('bash', ['--norc', '-c', script], {
    cwd: context.project,
    env: gitEnvironment(context.env),
    timeoutMs: TIDY_TIMEOUT_MS,
    outputBytesMax: 65536,
  });
};

const foundText = ({ hash, subject }: FoundCommit): string =>
  `The commit was made: ${subject}\ncommit ${hash}`;

export const probeCommit = async (context: ToolContext): Promise<ProcessConclusion | null> => {
  const found = await findCommit(context);
  await tidyUp(context, found);
  return found && applied(foundText(found), found.hash);
};

export const concludeCommit = async (
  end: ProcessEnd,
  context: ToolContext,
): Promise<ProcessConclusion> => {
  const hash = /(?:^|\n)commit ([0-9a-f]{40,64})\s*$/.exec(end.output)?.[1];
  if (end.kind === 'exited' && end.code === 0 && hash !== undefined)
    return applied(end.output.trimEnd(), hash);
  const found = await probeCommit(context);
  const plain = concludeProcess('the commit', end, COMMIT_TIMEOUT_MS);
  if (found)
    return end.kind === 'exited' ? found : { ...found, text: `${plain.text}\n${found.text}` };
  // Looked for and not there, and nothing of it runs any more: it did not happen.
  const how = end.kind === 'unknown' ? CUT_SHORT : plain.text;
  const text = `${how}\nNo commit was made in ${basename(context.project)}.`;
  return { ...plain, text, isError: true, state: 'failed' };
};
