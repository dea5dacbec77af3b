/**
 * A conversation at a terminal: streams a prompt, asks for permissions, then waits for the next one.
 *
 * Ctrl+C interrupts the turn, twice in 2 s quits (130); Ctrl+D quits (0). What must stay true: every
 * way out of here leaves the session as it is, and its events are printed once.
 */
import type { AcceptedBody } from '../http/wire.js';
import { PendingQuestions } from './ask-pending.js';
import type { Connection } from './connection.js';
import { failureOf, failureText, inputError } from './errors.js';
import { followPrompt } from './follow-prompt.js';
import { PROMPT_BYTES_MAX } from './input.js';
import { Interruption, isLeave } from './interruption.js';
import type { CommandIo } from './io.js';
import { readLinePrompt } from './line-prompt.js';
import { createOutput, HeldOutput } from './output.js';
import type { Terminal } from './questions.js';
import type { Renderer } from './render/renderer.js';
import { coloursFor } from './render/colours.js';
import { terminalRenderer } from './render/terminal.js';
import { chosenSession, lastPrompt, sendPrompt, startSession } from './session-calls.js';
import type { Caller } from './session-calls.js';

const QUIT_WINDOW_MS = 2000;

export const runInteractive = async (
  caller: Caller,
  connection: Connection,
  io: CommandIo,
): Promise<number> => {
  const interruption = new Interruption(QUIT_WINDOW_MS);
  const conversation = new Conversation(caller, connection, io, interruption);
  try {
    return await Promise.race([interruption.left, conversation.hold()]);
  } catch (error) {
    if (!isLeave(error)) throw error;
    conversation.leave(error.exitCode);
    return error.exitCode;
  }
};

class Conversation {
  private readonly caller: Caller;
  private readonly connection: Connection;
  private readonly interruption: Interruption;
  private readonly output: HeldOutput;
  private readonly terminal: Terminal;
  private readonly renderer: Renderer;
  private sessionId: string | null = null;

  constructor(caller: Caller, connection: Connection, io: CommandIo, interruption: Interruption) {
    this.caller = caller;
    this.connection = connection;
    this.interruption = interruption;
    this.output = new HeldOutput(createOutput(io.stdout, io.stderr));
    const stdout: CommandIo['stdout'] & { readonly columns?: number } = io.stdout;
    const colours = coloursFor(io.env);
    this.terminal = { stdin: io.stdin, stdout, colours };
    const erasable = io.env['TERM'] !== 'dumb';
    this.renderer = terminalRenderer({ colours, columns: () => stdout.columns || 80, erasable });
  }

  /** Ends with 0 at Ctrl+D, with 143 after a SIGTERM; other ways out come by `Leave`. */
  async hold(): Promise<number> {
    const first = await this.first();
    if (first !== null) await this.follow(first);
    for (;;) {
      const text = await this.nextLine();
      if (text === null) return this.quit();
      await this.converse(text);
    }
  }

  leave(exitCode: number): void {
    if (exitCode === 129 || this.sessionId === null) return;
    const id = this.sessionId.slice(0, 8);
    this.output.tell(`\nSession ${id} stays; go on with: loomkin -r ${id}\n`);
  }

  private quit(): number {
    this.leave(0);
    return 0;
  }

  /** What the command line asked for; its errors end the command. */
  private async first(): Promise<AcceptedBody | null> {
    const { options } = this.caller;
    this.interruption.onRequest((exitCode) => this.interruption.leave(exitCode));
    if (options.prompt !== null) checkPrompt(options.prompt);
    const session = await chosenSession(this.connection, this.caller);
    this.sessionId = session?.id ?? null;
    if (options.prompt !== null) return this.send(options.prompt);
    return session === null ? null : lastPrompt(this.connection, session.id);
  }

  private async send(text: string): Promise<AcceptedBody> {
    const { caller, connection, sessionId } = this;
    const accepted =
      sessionId === null
        ? await startSession(connection, caller, text)
        : await sendPrompt(connection, caller, sessionId, text);
    this.sessionId = accepted.session_id;
    return accepted;
  }

  /** A later prompt; its errors are shown, and the conversation goes on. */
  private async converse(text: string): Promise<void> {
    this.interruption.reset();
    try {
      checkPrompt(text);
      await this.follow(await this.send(text));
    } catch (error) {
      if (isLeave(error)) throw error;
      this.output.tell(failureText(failureOf(error)));
    }
  }

  private async follow(accepted: AcceptedBody): Promise<void> {
    const { connection, renderer, output, interruption, terminal } = this;
    this.sessionId = accepted.session_id;
    const questions = new PendingQuestions({
      connection,
      terminal,
      output,
      interrupt: () => interruption.signalled('SIGINT'),
      quit: () => interruption.leave(0),
    });
    const onEvent = questions.note.bind(questions);
    try {
      await followPrompt({ connection, renderer, output, interruption, onEvent }, accepted);
    } finally {
      await questions.close();
    }
    if (interruption.requested === 143) interruption.leave(143);
    interruption.done();
  }

  private nextLine(): Promise<string | null> {
    const { interruption, terminal } = this;
    interruption.onRequest((exitCode) => {
      if (exitCode === 143) interruption.leave(exitCode);
      else this.output.tell('(Ctrl+C again quits)\n');
    });
    const onInterrupt = () => interruption.signalled('SIGINT');
    return readLinePrompt({ ...terminal, onInterrupt });
  }
}

const checkPrompt = (text: string): void => {
  if (text.trim() === '') throw inputError('the prompt is empty', 'Say what should be done.');
  if (Buffer.byteLength(text) > PROMPT_BYTES_MAX)
    throw inputError('the prompt is over 4 MB', 'Put what is large into a file of the project.');
};
