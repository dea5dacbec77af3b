/**
 * The operations of the git tool that only look: status, diff, log, show, the list of branches.
 *
 * What must stay true: nothing a model wrote reaches git as an option.
 */
import type { ToolContext, ToolResult } from '../tool.js';
import { resolvePaths } from './paths.js';
import { lookWithGit } from './run-git.js';

export type ReadOperation = 'status' | 'diff' | 'log' | 'show' | 'branch';

export interface ReadInput {
  readonly operation: ReadOperation;
  readonly paths?: readonly string[];
  readonly ref?: string;
}

const PLAIN = ['--no-color', '--no-ext-diff', '--no-textconv'];
const LOG_FORMAT = '--format=%h %ad %an%d%n    %s';

const hasHead = async (context: ToolContext): Promise<boolean> =>
  (await lookWithGit(context, ['rev-parse', '--verify', '--quiet', 'HEAD'])).code === 0;

const argumentsOf = async (
  context: ToolContext,
  { operation, ref }: ReadInput,
): Promise<readonly string[]> => {
  switch (operation) {
    case 'status':
      return ['status', '--short', '--branch', '--untracked-files=normal'];
    case 'diff':
      // Staged and unstaged together: what a commit of these paths would take.
      return [
        'diff',
        '--relative',
        ...PLAIN,
        ...(ref ? [ref] : (await hasHead(context)) ? ['HEAD'] : []),
      ];
    case 'log':
      return ['log', '-n', '30', '--no-color', '--date=iso', LOG_FORMAT, ...(ref ? [ref] : [])];
    case 'show':
      return ['show', ...PLAIN, '--stat', '--patch', '--date=iso', ref ?? 'HEAD'];
    case 'branch':
      return ['branch', '--list', '--all', '--no-color', '-vv'];
  }
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

export const readWithGit = async (context: ToolContext, input: ReadInput): Promise<ToolResult> => {
  const fault = input.ref === undefined ? null : refFault(input.ref);
  if (fault) return { text: fault, isError: true };
  const resolved = await resolvePaths(context.project, input.paths ?? []);
  if (!resolved.ok) return { text: resolved.error, isError: true };
  const args = await argumentsOf(context, input);
  const tail = input.operation === 'branch' ? [] : ['--', ...resolved.paths];
  const { code, stdout, stderr, cut } = await lookWithGit(context, [...args, ...tail]);
  const output = stdout.toString('utf8').replaceAll('\0', '\uFFFD');
  if (cut === 'output') return { text: `${output}\n${CUTS.output}`, isError: false };
  if (cut !== null) return { text: `${CUTS[cut]} ${stderr}`.trim(), isError: true };
  if (code !== 0)
    return { text: `${output}${stderr}`.trim() || `git exit code ${code}`, isError: true };
  return { text: output.trimEnd() || emptyText[input.operation], isError: false };
};
