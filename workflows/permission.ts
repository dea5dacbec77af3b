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

/** A program and its subcommand: not an option, not a file with an ending, not a setting before it. */
const PLAIN_START = /^([\w.+/-]+ [a-z][a-z0-9-]*)(?: |$)/;
/** A rule for whatever follows such a start. A command that itself ends in a star is none. */
const START_RULE = /^([\w.+/-]+ [a-z][a-z0-9-]*) \*$/;

const normalise = (subject: string): string => subject.trim().replace(/\s+/g, ' ');

/** A simple command with one blank between its words; null for anything that is more than that. */
const simple = (subject: string): string | null =>
  COMPOUND.test(subject.trim()) ? null : subject.trim().replace(/[ \t]+/g, ' ');

/**
 * What "always in this session" allows after this call: `Bash(npm test *)` when the command is one
 * program with a plain subcommand, else exactly this command, blank for blank.
 */
export const grantOf = (call: ToolCallSummary): string => {
  const start = PLAIN_START.exec(simple(call.subject) ?? '')?.[1];
  return start === undefined ? `Bash(${call.subject.trim()})` : `Bash(${start} *)`;
};

const covers = (grant: string, call: ToolCallSummary): boolean => {
  const rule = grant.slice('Bash('.length, -1);
  const start = START_RULE.exec(rule)?.[1];
  if (start === undefined) return rule === call.subject.trim();
  const command = simple(call.subject);
  return command === start || command?.startsWith(`${start} `) === true;
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
