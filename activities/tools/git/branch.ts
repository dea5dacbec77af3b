/**
 * `git branch NAME`: switches to a branch, making it when there is none.
 *
 * What must stay true: it may run again, since being on the branch is all it asks for.
 */
import { concludeProcess } from '../process-text.js';
import type { ProcessConclusion, ProcessEnd, ToolContext, ToolPlan } from '../tool.js';
import { gitProcess } from './commit.js';
import { shellQuote } from './commit-script.js';
import { refFault } from './read-operations.js';
import { lookWithGit, runGit } from './run-git.js';

const refuse = (text: string): ToolPlan => ({ kind: 'answer', text, isError: true });

const script = (name: string, ref: string | undefined): string => `
name=${shellQuote(name)}
if git rev-parse -q --verify "refs/heads/$name" >/dev/null
then git switch "$name"
else git switch -c "$name" ${ref === undefined ? '' : shellQuote(ref)}
fi
`;

export const planBranch = async (
  context: ToolContext,
  { name, ref }: { readonly name: string; readonly ref?: string },
): Promise<ToolPlan> => {
  const valid = await lookWithGit(context, ['check-ref-format', `refs/heads/${name}`]);
  if (valid.code !== 0 || name.startsWith('-'))
    return refuse(`name: ${JSON.stringify(name)} can't be the name of a branch`);
  const fault = ref === undefined ? null : refFault(ref);
  return fault ? refuse(fault) : gitProcess(context, script(name, ref));
};

export const probeBranch = async (
  context: ToolContext,
  name: string,
): Promise<ProcessConclusion | null> => {
  const args = ['symbolic-ref', '--quiet', 'HEAD'];
  const { stdout } = await runGit(context.project, context.env, args);
  if (stdout.toString().trim() !== `refs/heads/${name}`) return null;
  const text = `On branch ${name}`;
  return { text, isError: false, state: 'applied', commit: null, paths: [] };
};

export const concludeBranch = async (
  end: ProcessEnd,
  context: ToolContext,
  name: string,
): Promise<ProcessConclusion> => {
  const plain = concludeProcess('the switch', end, context.limits.shellTimeoutMs);
  if (end.kind === 'exited') return { ...plain, state: end.code === 0 ? 'applied' : 'failed' };
  const found = await probeBranch(context, name);
  return found ? { ...found, text: `${plain.text}\n${found.text}` } : plain;
};
