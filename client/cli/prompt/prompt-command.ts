/**
 * A prompt without conversation: send it, follow it, print one result, exit with its code.
 *
 * The road to the POST is kept short, since it is what a user waits for: renderers and everything that
 * only a terminal needs are loaded after it. What must stay true: once the prompt is accepted, every
 * ending prints exactly one result, except the loss of the terminal, which prints nothing.
 */
import type { OutputFormat, PromptArguments } from '../arguments.js';
import { engineConnection } from '../daemon/connect-engine.js';
import type { Connection } from '../daemon/lasting-connection.js';
import {
  chosenSession,
  lastPrompt,
  sendPrompt,
  sentNow,
  startSession,
} from '../daemon/session-calls.js';
import type { Caller, FollowedPrompt } from '../daemon/session-calls.js';
import { failureOf } from '../errors.js';
import type { Failure } from '../errors.js';
import type { CommandIo } from '../io.js';
import type { Renderer } from '../render/renderer.js';
import { followPrompt } from './follow-prompt.js';
import type { Following } from './follow-prompt.js';
import { readPrompt } from './input.js';
import type { Input } from './input.js';
import { Interruption, isLeave } from './interruption.js';
import { createOutput } from './output.js';
import type { Output } from './output.js';
import { projectFolder, readableFile } from './project.js';
import { WaitingNotes } from './waiting-notes.js';

/** How long an interrupt waits for the answer to a prompt that is on its way. */
const ACCEPTANCE_MS_MAX = 2000;

export const runPrompt = async (options: PromptArguments, io: CommandIo): Promise<number> => {
  const project = projectFolder(options.project, io.cwd);
  const configFile = options.config === null ? null : readableFile(options.config, io.cwd);
  const interactive = !options.print && io.stdin.isTTY === true && io.stdout.isTTY === true;
  const caller: Caller = { options, project, configFile, interactive, env: io.env };
  const connection = engineConnection(io);
  if (interactive) {
    const { runInteractive } = await import('../conversation/interactive.js');
    return runInteractive(caller, connection, io);
  }
  const output = createOutput(io.stdout, io.stderr);
  const input = await readPrompt(options.prompt, io.stdin, options.session.kind !== 'new');
  for (const notice of input?.notices ?? []) output.tell(`loomkin: note: ${notice}\n`);
  return printPrompt({ caller, connection, output, input, isTerminal: io.stdout.isTTY === true });
};

interface PrintedPrompt {
  readonly caller: Caller;
  readonly connection: Connection;
  readonly output: Output;
  readonly input: Input | null;
  readonly isTerminal: boolean;
}

const printPrompt = async (prompt: PrintedPrompt): Promise<number> => {
  const { connection, output, caller } = prompt;
  const interruption = new Interruption();
  let renderer: Renderer | null = null;
  try {
    const followed = await Promise.race([interruption.left, accept(prompt, interruption)]);
    renderer = await rendererOf(caller.options.format, prompt.isTerminal);
    const waiting = new WaitingNotes(connection, output);
    const following: Following = {
      ...{ connection, renderer, output, interruption },
      onEvent: waiting.note.bind(waiting),
      // A new session waits for nothing yet.
      ...(caller.options.session.kind === 'new' ? {} : { onPresent: waiting.look.bind(waiting) }),
    };
    return await Promise.race([interruption.left, followPrompt(following, followed)]);
  } catch (error) {
    if (isLeave(error) && (renderer === null || error.exitCode === 129)) return error.exitCode;
    if (renderer === null) throw error;
    const failure = isLeave(error)
      ? leftBehind(error.exitCode, interruption.requested !== null)
      : failureOf(error);
    return await printBroken(failure, renderer, output);
  }
};

/** The prompt's acceptance; an interrupt before it is sent ends the command at once. */
const accept = async (
  prompt: PrintedPrompt,
  interruption: Interruption,
): Promise<FollowedPrompt> => {
  const { caller, connection, input } = prompt;
  interruption.onRequest((exitCode) => interruption.leave(exitCode));
  const session = await chosenSession(connection, caller);
  if (input === null) {
    interruption.watchOnly();
    return lastPrompt(connection, session!.id);
  }
  let timer: NodeJS.Timeout | undefined;
  interruption.onRequest((exitCode) => {
    timer = setTimeout(() => interruption.leave(exitCode), ACCEPTANCE_MS_MAX);
  });
  const accepted =
    session === null
      ? await startSession(connection, caller, input.text)
      : await sendPrompt(connection, caller, session.id, input.text);
  clearTimeout(timer);
  // From here on a request waits for whoever follows the prompt.
  interruption.onRequest(() => undefined);
  return sentNow(accepted);
};

const rendererOf = async (format: OutputFormat, isTerminal: boolean): Promise<Renderer> => {
  if (format === 'stream-json')
    return (await import('../render/stream-json.js')).streamJsonRenderer();
  if (format === 'json') return (await import('../render/json.js')).jsonRenderer();
  return (await import('../render/text.js')).textRenderer(isTerminal);
};

const printBroken = async (
  failure: Failure,
  renderer: Renderer,
  output: Output,
): Promise<number> => {
  const { out, err } = renderer.broken(failure);
  output.tell(err ?? '');
  await output.write(out ?? '');
  return failure.exitCode;
};

const leftBehind = (exitCode: number, isInterrupted: boolean): Failure => ({
  kind: 'interrupted',
  message: isInterrupted
    ? 'left before the interrupted turn had ended'
    : 'left; the session goes on',
  cure: 'See how it ended with loomkin -c.',
  exitCode,
});
