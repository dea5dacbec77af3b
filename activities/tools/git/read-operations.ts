/**
 * The operations of the git tool that only look: status, diff, log, show, the list of branches.
 *
 * What must stay true: nothing a model wrote reaches git as an option, and nothing a repository's config
 * says makes a look run a program or leave the project.
 */
import type { ProgramEnd } from '../run-program.js';
import type { ToolContext, ToolResult } from '../tool.js';
import { withoutOwnFilters } from './own-filters.js';
import { resolvePaths } from './paths.js';
import { lookWithGit } from './run-git.js';

export type ReadOperation = 'status' | 'diff' | 'log' | 'show' | 'branch';

export interface ReadInput {
  readonly operation: ReadOperation;
  readonly paths?: readonly string[];
  readonly ref?: string;
}

/** Inside a submodule its own config would count. */
const SHALLOW = '--ignore-submodules=dirty';
const PLAIN = ['--no-color', '--no-ext-diff', '--no-textconv', '--submodule=short'];
const SHORT = ['--date=iso', '--decorate=short'];
/** In words for the model, where git itself has none. */
export const NO_WORK_TREE = 'the project is not in the work tree of its git repository';
const LOG_FORMAT = '--format=%h %ad %an%d%n    %s';

const hasHead = async (context: ToolContext): Promise<boolean> =>
  (await lookWithGit(context, ['rev-parse', '--verify', '--quiet', 'HEAD'])).code === 0;

const argumentsOf = async (
  context: ToolContext,
  { operation, ref }: ReadInput,
): Promise<readonly string[]> => {
  switch (operation) {
    case 'status':
      return ['status', '--short', '--branch', '--untracked-files=normal', SHALLOW];
    case 'diff':
      // Staged and unstaged together: what a commit of these paths would take.
      return [
        'diff',
        '--relative',
        SHALLOW,
        ...PLAIN,
        ...(ref ? [ref] : (await hasHead(context)) ? ['HEAD'] : []),
      ];
    case 'log':
      return ['log', '-n', '30', '--no-color', ...SHORT, LOG_FORMAT, ...(ref ? [ref] : [])];
    case 'show':
      return ['show', ...PLAIN, '--stat', '--patch', ...SHORT, '--format=medium', ref ?? 'HEAD'];
    case 'branch':
      return ['branch', '--list', '--all', '--no-color', '-vv'];
  }
};

/**
 * What reads files needs a work tree around the project: `core.worktree` may name any other folder. Then
 * the variables to read them with; else git's words for why not.
 */
const readingFiles = async (
  context: ToolContext,
): Promise<{ readonly env: Record<string, string> } | { readonly refusal: string }> => {
  const { project, env } = context;
  const inside = await lookWithGit(context, ['rev-parse', '--is-inside-work-tree']);
  const answer = inside.stdout.toString().trim();
  // One that was cut short is told by the look itself.
  if (answer === 'true' || inside.cut !== null)
    return { env: await withoutOwnFilters(project, env) };
  return { refusal: inside.stderr.trim() || NO_WORK_TREE };
};

/** Why a ref can't be one; null when git may judge it. */
export const refFault = (ref: string): string | null =>
  ref.startsWith('-') || /[\s\p{Cc}]/u.test(ref)
    ? `ref: ${JSON.stringify(ref)} is not the name of a commit, a branch or a range`
    : null;

const emptyText: Readonly<Record<ReadOperation, string>> = {
  status: 'Nothing to report.',
  diff: 'No differences.',
  log: 'No commits.',
  show: 'Nothing to show.',
  branch: 'No branches yet.',
};

const CUTS = {
  timeout: 'git took longer than 30 s and was ended; narrow it down with paths or ref.',
  output: '[… cut at 4 MB; narrow it down with paths or ref …]',
  interrupted: '[interrupted]',
  not_started: 'git could not be started',
} as const;

const resultOf = (operation: ReadOperation, end: ProgramEnd): ToolResult => {
  const { code, stdout, stderr, cut } = end;
  const output = stdout.toString('utf8').replaceAll('\0', '\uFFFD');
  if (cut === 'output') return { text: `${output}\n${CUTS.output}`, isError: false };
  if (cut !== null) return { text: `${CUTS[cut]} ${stderr}`.trim(), isError: true };
  if (code !== 0)
    return { text: `${output}${stderr}`.trim() || `git exit code ${code}`, isError: true };
  return { text: output.trimEnd() || emptyText[operation], isError: false };
};

export const readWithGit = async (context: ToolContext, input: ReadInput): Promise<ToolResult> => {
  const fault = input.ref === undefined ? null : refFault(input.ref);
  if (fault) return { text: fault, isError: true };
  const resolved = await resolvePaths(context.project, input.paths ?? []);
  if (!resolved.ok) return { text: resolved.error, isError: true };
  const isFiles = input.operation === 'status' || input.operation === 'diff';
  const reading = isFiles ? await readingFiles(context) : { env: {} };
  if ('refusal' in reading) return { text: reading.refusal, isError: true };
  const args = await argumentsOf(context, input);
  const tail = input.operation === 'branch' ? [] : ['--', ...resolved.paths];
  return resultOf(input.operation, await lookWithGit(context, [...args, ...tail], reading.env));
};
