/**
 * `shell`: runs a bash command in the agent's working folder.
 *
 * It only describes the process; `effects/` runs it exactly once and re-attaches after a crash. What
 * must stay true: a command that failed is an error to the model, but it has happened.
 */
import { parseFields, schemaOf, type Fields, type InputOf } from '../arguments.js';
import { concludeProcess } from '../process-text.js';
import { subjectOf } from '../subject.js';
import type { Tool, ToolContext } from '../tool.js';

/** Longest time limit a call may ask for. */
const TIMEOUT_MAX_MS = 10 * 3600 * 1000;

const DESCRIPTION =
  "Run a bash command. The first starts in the project's root; working folder and exported variables " +
  'carry over to your next call. No terminal, no input: use flags that ask nothing. You get stdout and ' +
  'stderr as they came; of long output head and tail, and the path of all of it. At the time limit the ' +
  'command and all it started are ended; start servers with background.';

const FIELDS = {
  command: { kind: 'string', bytesMax: 1024 * 1024 },
  timeout_ms: {
    kind: 'integer',
    min: 1,
    max: TIMEOUT_MAX_MS,
    optional: true,
    description: 'default 120000',
  },
  background: {
    kind: 'boolean',
    optional: true,
    description: 'return at once; the output goes to a file',
  },
} as const satisfies Fields;

export type ShellInput = InputOf<typeof FIELDS>;

const parse: Tool<ShellInput>['parse'] = (input) => {
  const parsed = parseFields(input, FIELDS);
  if (!parsed.ok) return parsed;
  const { command } = parsed.input;
  if (command.trim() === '') return { ok: false, error: '"command" must not be blank.' };
  if (command.includes('\0'))
    return { ok: false, error: '"command" must not hold NUL characters.' };
  return parsed;
};

const timeoutOf = (input: ShellInput, context: ToolContext): number =>
  input.timeout_ms ?? context.limits.shellTimeoutMs;

export const shellTool: Tool<ShellInput> = {
  name: 'shell',
  description: DESCRIPTION,
  inputSchema: schemaOf(FIELDS),
  timeLimitMs: TIMEOUT_MAX_MS + 300_000,
  parse,
  permission: () => 'execute',
  effect: () => 'opaque',
  subject: ({ command }) => subjectOf(command),
  plan: async (input, context) => ({
    kind: 'process',
    script: input.command,
    cwd: context.project,
    env: context.env,
    timeoutMs: timeoutOf(input, context),
    background: input.background ?? false,
    keepsEnvironment: true,
  }),
  conclude: async (input, end, context) =>
    concludeProcess('the command', end, timeoutOf(input, context)),
};
