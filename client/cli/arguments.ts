/**
 * From words on the command line to one `Invocation`, or a usage error that names the nearest word.
 *
 * It rests on Node's own `parseArgs`, which costs half a millisecond where a parser package costs
 * five. What must stay true: every flag that is accepted here has an effect, and anything else ends
 * with exit code 2 before a process is started or a byte is sent.
 */
import { parseArgs } from 'node:util';

import type { PermissionMode } from '../../workflows/protocol/agent.js';
import { usageError } from './errors.js';
import { suggestion } from './nearest.js';

export const COMMANDS = ['up', 'down', 'status', 'ps', 'models'] as const;
export type CommandName = (typeof COMMANDS)[number];

export const OUTPUT_FORMATS = ['text', 'json', 'stream-json'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface PromptArguments {
  readonly prompt: string | null;
  readonly print: boolean;
  readonly format: OutputFormat;
  readonly project: string | null;
  readonly model: string | null;
  readonly permissionMode: PermissionMode | null;
  readonly maxTurns: number | null;
  readonly config: string | null;
  readonly session: SessionChoice;
}

export type SessionChoice =
  | { readonly kind: 'new' }
  | { readonly kind: 'newest' }
  | { readonly kind: 'named'; readonly prefix: string };

export type Invocation =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly command: CommandName | null }
  | { readonly kind: 'prompt'; readonly options: PromptArguments }
  | {
      readonly kind: 'command';
      readonly command: CommandName;
      readonly flags: Readonly<Record<string, true>>;
      /** Of commands that take some. */
      readonly words?: readonly string[];
    };

const FLAGS = {
  project: { type: 'string' },
  print: { type: 'boolean', short: 'p' },
  'output-format': { type: 'string' },
  model: { type: 'string', short: 'm' },
  'permission-mode': { type: 'string' },
  'max-turns': { type: 'string' },
  config: { type: 'string' },
  continue: { type: 'boolean', short: 'c' },
  resume: { type: 'string', short: 'r' },
  all: { type: 'boolean' },
  json: { type: 'boolean' },
  install: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;
type FlagName = keyof typeof FLAGS;

const COMMAND_FLAGS: Readonly<Record<CommandName, readonly FlagName[]>> = {
  up: ['install', 'json', 'help', 'version'],
  down: ['json', 'help', 'version'],
  status: ['json', 'help', 'version'],
  ps: ['all', 'json', 'help', 'version'],
  models: ['json', 'help', 'version'],
};
/** Commands that take words behind their name. */
const WITH_WORDS: readonly CommandName[] = ['models'];
const PROMPT_FLAGS = (Object.keys(FLAGS) as FlagName[]).filter(
  (name) => name !== 'all' && name !== 'json' && name !== 'install',
);

/** Claude's names are accepted where a mode of ours does the same. */
const MODES: Readonly<Record<string, PermissionMode>> = {
  default: 'default',
  bypass: 'bypass',
  bypassPermissions: 'bypass',
};

type Values = Partial<Record<FlagName, string | true>>;

/** As many as a config file may allow. */
const TURNS_MAX = 1_000_000;

interface Words {
  readonly values: Values;
  readonly positionals: readonly string[];
  /** The first of them stands behind `--`: it is meant as it is. */
  readonly isLiteral: boolean;
}

export const parseArguments = (words: readonly string[]): Invocation => {
  const { values, positionals, isLiteral } = readWords(words);
  if (!isLiteral && positionals[0] === 'help' && isAlone(values)) return helpOn(positionals);
  const command = isLiteral ? null : commandOf(values, positionals);
  checkAllowed(values, command);
  if (values.help === true) return { kind: 'help', command };
  if (values.version === true) return { kind: 'version' };
  if (command !== null) return commandInvocation(command, values, positionals);
  checkPositionals(values, positionals, isLiteral);
  return { kind: 'prompt', options: promptArguments(values, positionals[0] ?? null) };
};

const readWords = (words: readonly string[]): Words => {
  const options = { args: [...words], options: FLAGS, strict: false, tokens: true } as const;
  const { tokens } = parseArgs({ ...options, allowPositionals: true });
  const values: Values = {};
  const positionals: string[] = [];
  let isLiteral = false;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') isLiteral = positionals.length === 0;
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const name = flagName(token.name, token.rawName);
    values[name] = FLAGS[name].type === 'string' ? valueOf(name, token) : flagSet(name, token);
  }
  return { values, positionals, isLiteral };
};

const flagName = (name: string, rawName: string): FlagName => {
  if (Object.hasOwn(FLAGS, name)) return name as FlagName;
  const cure = rawName.startsWith('--')
    ? suggestion(name, Object.keys(FLAGS), '--')
    : 'See loomkin --help; put -- before a prompt that starts with a dash.';
  throw usageError(`unknown flag ${rawName}`, cure);
};

interface OptionToken {
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

const valueOf = (name: FlagName, { value, inlineValue }: OptionToken): string => {
  const missing = value === undefined || value.trim() === '';
  if (missing || (!inlineValue && value.startsWith('-') && value.length > 1))
    throw usageError(`--${name} needs a value`, 'See loomkin --help.');
  return value;
};

const flagSet = (name: FlagName, { inlineValue }: OptionToken): true => {
  if (inlineValue) throw usageError(`--${name} takes no value`, `Write --${name} alone.`);
  return true;
};

/** With -p, -c or -r the first word is always a prompt, even where a command has that name. */
const commandOf = (values: Values, positionals: readonly string[]): CommandName | null => {
  const isPrompt = values.print ?? values.continue ?? values.resume;
  const first = positionals[0];
  if (isPrompt !== undefined || first === undefined) return null;
  return COMMANDS.find((name) => name === first) ?? null;
};

const isAlone = (values: Values): boolean =>
  Object.keys(values).every((name) => name === 'help' || name === 'version');

/** `loomkin help`, `loomkin help ps` */
const helpOn = ([, word, ...more]: readonly string[]): Invocation => {
  const command = COMMANDS.find((name) => name === word) ?? null;
  if (word === undefined || (command !== null && more.length === 0))
    return { kind: 'help', command };
  throw usageError(
    `loomkin help takes no "${command === null ? word : more.join(' ')}"`,
    'See loomkin help.',
  );
};

const checkAllowed = (values: Values, command: CommandName | null): void => {
  const allowed = command === null ? PROMPT_FLAGS : COMMAND_FLAGS[command];
  const wrong = (Object.keys(values) as FlagName[]).find((name) => !allowed.includes(name));
  if (wrong === undefined) return;
  const owners = COMMANDS.filter((name) => COMMAND_FLAGS[name].includes(wrong));
  const where = command === null ? 'a prompt' : `loomkin ${command}`;
  const owner = owners.length > 0 ? `loomkin ${owners.join(', ')}` : 'a prompt';
  throw usageError(`--${wrong} does not go with ${where}`, `It belongs to ${owner}.`);
};

const commandInvocation = (
  command: CommandName,
  values: Values,
  positionals: readonly string[],
): Invocation => {
  const flags = values as Readonly<Record<string, true>>;
  const [, extra] = positionals;
  if (WITH_WORDS.includes(command))
    return { kind: 'command', command, flags, words: positionals.slice(1) };
  if (extra !== undefined)
    throw usageError(`loomkin ${command} takes no "${extra}"`, `See loomkin ${command} --help.`);
  return { kind: 'command', command, flags };
};

/** A lone bare word is a mistyped command more often than a prompt, and a prompt costs money. */
const checkPositionals = (
  values: Values,
  positionals: readonly string[],
  isLiteral: boolean,
): void => {
  const [first, second] = positionals;
  if (first === undefined) return;
  const bare = !isLiteral && /^[a-z][a-z0-9-]*$/.test(first);
  if (bare && (second !== undefined || Object.keys(values).length === 0))
    throw usageError(
      `unknown command "${first}"`,
      `${suggestion(first, COMMANDS, 'loomkin ')} A prompt of one word goes with -p.`,
    );
  if (second !== undefined)
    throw usageError(`unexpected "${second}" after the prompt`, 'Put the prompt in quotes.');
};

const text = (value: string | true | undefined): string | null =>
  typeof value === 'string' ? value : null;

const promptArguments = (values: Values, prompt: string | null): PromptArguments => {
  const format = oneOf('output format', text(values['output-format']) ?? 'text', OUTPUT_FORMATS);
  const mode = text(values['permission-mode']);
  return {
    prompt,
    print: values.print === true || format !== 'text',
    format,
    project: text(values.project),
    model: text(values.model),
    permissionMode:
      mode === null ? null : MODES[oneOf('permission mode', mode, Object.keys(MODES))]!,
    maxTurns: turnsOf(text(values['max-turns'])),
    config: text(values.config),
    session: sessionChoice(values),
  };
};

const oneOf = <Name extends string>(what: string, value: string, known: readonly Name[]): Name => {
  const found = known.find((name) => name === value);
  if (found === undefined) throw usageError(`unknown ${what} "${value}"`, suggestion(value, known));
  return found;
};

const turnsOf = (value: string | null): number | null => {
  if (value === null) return null;
  if (!/^\d{1,9}$/.test(value) || Number(value) > TURNS_MAX)
    throw usageError(
      `--max-turns ${value} is not a number of turns`,
      `Give 1 to ${TURNS_MAX}; 0 = no limit.`,
    );
  return Number(value);
};

const sessionChoice = (values: Values): SessionChoice => {
  const prefix = text(values.resume);
  if (prefix === null) return { kind: values.continue === true ? 'newest' : 'new' };
  if (values.continue === true)
    throw usageError('-c and -r name two different sessions', 'Leave one of them out.');
  if (!/^[0-9a-fA-F-]{4,36}$/.test(prefix))
    throw usageError(
      `"${prefix}" is not a session id`,
      'Give at least its first 4 characters; loomkin ps --all lists them.',
    );
  return { kind: 'named', prefix: prefix.toLowerCase() };
};
