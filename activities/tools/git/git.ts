/**
 * `git`: looks at the repository, commits, makes branches.
 *
 * Commits and branches are processes that happen once; a commit is found again by its trailers. What
 * must stay true: the user's index, stash and other branches stay as they are, and a call that only
 * looks needs no permission.
 */
import { parseFields, schemaOf, type Fields, type InputOf } from '../arguments.js';
import { subjectOf } from '../subject.js';
import type { ProcessConclusion, Tool, ToolContext, ToolPlan } from '../tool.js';
import { concludeBranch, planBranch, probeBranch } from './branch.js';
import { concludeCommit, planCommit, probeCommit } from './commit.js';
import { readWithGit, type ReadOperation } from './read-operations.js';

const DESCRIPTION =
  'Look at the git repository or commit to it. commit takes the given paths (new and deleted files ' +
  'too), without paths all that changed since this session started; nothing needs to be staged and ' +
  'other staged work stays as it is. branch lists, or with name switches to that branch and makes it ' +
  'if need be. For anything else use the shell.';

const FIELDS = {
  operation: { kind: 'choice', values: ['status', 'diff', 'log', 'show', 'commit', 'branch'] },
  paths: { kind: 'strings', optional: true },
  message: { kind: 'string', bytesMax: 65536, optional: true },
  ref: {
    kind: 'string',
    bytesMax: 1000,
    optional: true,
    description: 'commit or range to look at, or start of a new branch',
  },
  name: { kind: 'string', bytesMax: 200, optional: true, description: 'branch' },
} as const satisfies Fields;

export type GitInput = InputOf<typeof FIELDS>;

const parse: Tool<GitInput>['parse'] = (input) => {
  const parsed = parseFields(input, FIELDS);
  if (!parsed.ok) return parsed;
  const { operation, message, name, paths } = parsed.input;
  const isNul = [message, name, ...(paths ?? [])].some((text) => text?.includes('\0'));
  if (isNul) return { ok: false, error: 'NUL characters are not allowed.' };
  if (operation === 'commit' && (message ?? '').trim() === '')
    return { ok: false, error: '"message" is missing: say what the commit does.' };
  return parsed;
};

const changesSomething = ({ operation, name }: GitInput): boolean =>
  operation === 'commit' || (operation === 'branch' && name !== undefined);

/** Nothing here is run by a shell; written so that a rule for `git commit *` can cover any message. */
const plainWords = (text: string): string => text.replace(/[;&|<>$`(){}\\"\s]+/g, ' ').trim();

const subject = ({ operation, message, name, ref, paths = [] }: GitInput): string => {
  const words = ['git', operation];
  if (operation === 'commit') words.push('-m', `"${plainWords(message ?? '')}"`);
  else words.push(...[name, ref].filter((word) => word !== undefined).map(plainWords));
  if (paths.length > 0) words.push('--', ...paths.map(plainWords));
  return subjectOf(words.join(' '));
};

const plan = async (input: GitInput, context: ToolContext): Promise<ToolPlan> => {
  const { operation, name, ref, paths, message = '' } = input;
  if (operation === 'commit') return planCommit(context, { message, ...(paths && { paths }) });
  if (operation === 'branch' && name !== undefined)
    return planBranch(context, { name, ...(ref !== undefined && { ref }) });
  const reading = operation as ReadOperation;
  const answer = await readWithGit(context, {
    operation: reading,
    ...(paths && { paths }),
    ...(ref !== undefined && { ref }),
  });
  return { kind: 'answer', ...answer };
};

const probe = async (input: GitInput, context: ToolContext): Promise<ProcessConclusion | null> =>
  input.operation === 'commit' ? probeCommit(context) : probeBranch(context, input.name ?? '');

export const gitTool: Tool<GitInput> = {
  name: 'git',
  description: DESCRIPTION,
  inputSchema: schemaOf(FIELDS),
  timeLimitMs: 900_000,
  parse,
  permission: (input) => (changesSomething(input) ? 'execute' : 'read'),
  effect: (input) => (changesSomething(input) ? 'reconcilable' : 'pure'),
  subject,
  plan,
  conclude: async (input, end, context) =>
    input.operation === 'commit'
      ? concludeCommit(end, context)
      : concludeBranch(end, context, input.name ?? ''),
  probe,
};
