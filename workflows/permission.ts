/**
 * The gate: (what a call would do, mode, grants) → allow, ask or deny. Pure.
 *
 * It lives with the workflows because an answer may take days. What must stay true: a grant never
 * covers a compound command, so that `npm test; rm -rf /` is asked about although `npm test` was allowed.
 */
import type { PermissionMode } from './protocol/agent.js';
import type { ToolCallSummary } from './protocol/turn.js';

export type Verdict = 'allow' | 'ask';

/** Characters by which one command line becomes several, or writes elsewhere. */
const COMPOUND = /[;&|<>$`(){}\n\\]/;

const normalise = (subject: string): string => subject.trim().replace(/\s+/g, ' ');

/**
 * What "always in this session" allows after this call: `Bash(npm test *)` when the command is one
 * program with a plain subcommand, else exactly this command.
 */
export const grantOf = (call: ToolCallSummary): string => {
  const command = normalise(call.subject);
  const [program, subcommand] = command.split(' ');
  const plain = !COMPOUND.test(call.subject) && /^[a-z][a-z0-9-]*$/.test(subcommand ?? '');
  return plain ? `Bash(${program} ${subcommand} *)` : `Bash(${command})`;
};

const covers = (grant: string, call: ToolCallSummary): boolean => {
  const command = normalise(call.subject);
  const rule = grant.slice('Bash('.length, -1);
  if (!rule.endsWith(' *')) return rule === command;
  const prefix = rule.slice(0, -2);
  return !COMPOUND.test(call.subject) && (command === prefix || command.startsWith(`${prefix} `));
};

/** Reads and edits inside the project pass; file tools refuse paths outside by themselves. */
export const judge = (
  call: ToolCallSummary,
  mode: PermissionMode,
  grants: readonly string[],
): Verdict => {
  if (mode === 'bypass') return 'allow';
  if (call.permission === 'read' || call.permission === 'edit') return 'allow';
  return grants.some((grant) => covers(grant, call)) ? 'allow' : 'ask';
};

/** What the model is told when nobody is there to be asked. */
export const refusalWithoutAnybody = (call: ToolCallSummary): string =>
  `Not allowed: ${call.name} (${normalise(call.subject)}) needs a person's permission and nobody is at a ` +
  'terminal to give it. Go on without it, and say in your answer what you could not do. ' +
  '(The user can allow it with --permission-mode bypass.)';

export const refusalByPerson = (reason: string | null): string =>
  `The user refused this call${reason ? `: ${reason}` : '.'} Do not try it another way; ask what to do instead.`;
