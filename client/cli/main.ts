/**
 * The command line's entry: parses, runs one command, exits with its code.
 *
 * Whatever a command does not need is imported by that command alone, since start-up is time a user
 * waits. What must stay true: `--help`, `--version` and every usage error start no process, and no
 * failure shows a stack trace unless LOOMKIN_LOG=debug.
 */
import { BUILD, VERSION } from '../../config/build-info.js';
import { parseArguments } from './arguments.js';
import type { Invocation } from './arguments.js';
import { failureDocument, failureOf, failureText, usageError } from './errors.js';
import type { CommandIo } from './io.js';
import { leaveWhenLost } from './prompt/output.js';
import { runPrompt } from './prompt/prompt-command.js';

const run = (words: readonly string[], io: () => CommandIo): Promise<number> | number => {
  const invocation: Invocation = parseArguments(words);
  switch (invocation.kind) {
    case 'version':
      return print(`loomkin ${VERSION} (build ${BUILD})\n`);
    case 'help':
      return import('./help.js').then(({ helpText }) => print(helpText(invocation.command)));
    case 'prompt':
      return runPrompt(invocation.options, io());
    case 'command':
      return runCommand(invocation, io());
  }
};

const runCommand = async (
  { command, flags, words = [] }: Extract<Invocation, { readonly kind: 'command' }>,
  io: CommandIo,
): Promise<number> => {
  const json = flags['json'] === true;
  switch (command) {
    case 'up':
      return (await import('./commands/up.js')).runUp(
        { json, install: flags['install'] === true },
        io,
      );
    case 'down':
      return (await import('./commands/down.js')).runDown({ json }, io);
    case 'status':
      return (await import('./commands/status.js')).runStatus({ json }, io);
    case 'ps':
      return (await import('./commands/ps.js')).runPs({ json, all: flags['all'] === true }, io);
    case 'models':
      return (await import('./commands/models.js')).runModels({ json, words }, io);
  }
};

const print = (text: string): number => {
  process.stdout.write(text);
  return 0;
};

const surroundings = (): CommandIo => {
  const { env, stdin, stdout, stderr } = process;
  return { env, cwd: currentFolder(), stdin, stdout, stderr };
};

const currentFolder = (): string => {
  try {
    return process.cwd();
  } catch {
    throw usageError('the current folder is gone', 'Change to one that exists.');
  }
};

const fail = (error: unknown, json: boolean): number => {
  const failure = failureOf(error);
  process.stderr.write(failureText(failure));
  if (process.env['LOOMKIN_LOG'] === 'debug' && error instanceof Error)
    process.stderr.write(`${error.stack ?? ''}\n`);
  if (json) process.stdout.write(failureDocument(failure));
  return failure.exitCode;
};

/**
 * Leaves once what was written has left; what else is open (keep-alive, a pipe) is let go. Where it could
 * not be written, `leaveWhenLost` has the last word.
 */
const exit = (code: number): void => {
  process.stdout.write('', (error) => {
    if (!error) process.exit(code);
  });
};

/** Behind `--` it would be a prompt. */
const asksForJson = (given: readonly string[]): boolean => {
  const end = given.indexOf('--');
  return given.slice(0, end === -1 ? undefined : end).includes('--json');
};

const words = process.argv.slice(2);
leaveWhenLost(process.stdout, process.stderr);
Promise.resolve()
  .then(() => run(words, surroundings))
  .catch((error: unknown) => fail(error, asksForJson(words)))
  .then(exit, exit);
