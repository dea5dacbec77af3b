/**
 * A conversation at a terminal: streams a prompt, asks for permissions, then waits for the next one.
 *
 * Ctrl+C interrupts the turn, twice in 2 s quits (130); Ctrl+D quits (0). What must stay true: every
 * way out of here leaves the session as it is, and its events are printed once.
 */
import type { Connection } from '../daemon/lasting-connection.js';
import {
  chosenSession,
  lastPrompt,
  sendPrompt,
  sentNow,
  startSession,
} from '../daemon/session-calls.js';
import type { Caller, FollowedPrompt } from '../daemon/session-calls.js';
import { failureOf, failureText, inputError } from '../errors.js';
import type { CommandIo } from '../io.js';
import { followPrompt } from '../prompt/follow-prompt.js';
import { PROMPT_BYTES_MAX } from '../prompt/input.js';
import { Interruption, isLeave } from '../prompt/interruption.js';
import { createOutput, HeldOutput } from '../prompt/output.js';
import { coloursFor } from '../render/colours.js';
import type { Renderer } from '../render/renderer.js';
import { terminalRenderer } from '../render/terminal.js';
import type { Terminal } from './ask-permission.js';
import { Keyboard } from './keyboard.js';
import { KEYS_TEXT, meaningOf } from './line-commands.js';
import { readLinePrompt } from './line-prompt.js';
import { PendingQuestions } from './pending-questions.js';
import { TypedAhead } from './typed-ahead.js';

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
  private readonly typedAhead: TypedAhead;
  private sessionId: string | null = null;

  constructor(caller: Caller, connection: Connection, io: CommandIo, interruption: Interruption) {
    this.caller = caller;
    this.connection = connection;
    this.interruption = interruption;
    this.output = new HeldOutput(createOutput(io.stdout, io.stderr));
    const stdout: CommandIo['stdout'] & { readonly columns?: number } = io.stdout;
    const colours = coloursFor(io.env);
    const keyboard = new Keyboard(io.stdin);
    this.terminal = { keyboard, stdout, colours };
    this.typedAhead = new TypedAhead({
      keyboard,
      onInterrupt: () => interruption.signalled('SIGINT'),
      onQuit: () => interruption.leave(0),
    });
    const erasable = io.env['TERM'] !== 'dumb';
    this.renderer = terminalRenderer({ colours, columns: () => stdout.columns || 80, erasable });
  }

  /** Ends with 0 at Ctrl+D, with 143 after a SIGTERM; other ways out come by `Leave`. */
  async hold(): Promise<number> {
    const first = await this.first();
    if (first === null) await this.greet();
    else await this.follow(first);
    for (;;) {
      const text = await this.nextLine();
      if (text === null || (await this.take(text)) === 'leave') return this.quit();
    }
  }

  leave(exitCode: number): void {
    this.terminal.keyboard.release();
    if (exitCode === 129 || this.sessionId === null) return;
    const id = this.sessionId.slice(0, 8);
    this.output.tell(`\nSession ${id} stays; go on with: loomkin -r ${id}\n`);
  }

  private quit(): number {
    this.leave(0);
    return 0;
  }

  /** What the command line asked for; its errors end the command. */
  private async first(): Promise<FollowedPrompt | null> {
    const { options } = this.caller;
    this.interruption.onRequest((exitCode) => this.interruption.leave(exitCode));
    if (options.prompt !== null) checkPrompt(options.prompt);
    const session = await chosenSession(this.connection, this.caller);
    this.sessionId = session?.id ?? null;
    if (options.prompt !== null) return this.send(options.prompt);
    return session === null ? null : lastPrompt(this.connection, session.id);
  }

  private async send(text: string): Promise<FollowedPrompt> {
    const { caller, connection, sessionId } = this;
    const accepted =
      sessionId === null
        ? await startSession(connection, caller, text)
        : await sendPrompt(connection, caller, sessionId, text);
    this.sessionId = accepted.session_id;
    return sentNow(accepted);
  }

  private async greet(): Promise<void> {
    const { greeting } = await import('./greeting.js');
    await this.output.write(this.terminal.colours.dim(await greeting(this.caller)));
  }

  /** A line that was typed; its errors are shown, and the conversation goes on. */
  private async take(text: string): Promise<'leave' | 'stay'> {
    try {
      const meaning = meaningOf(text);
      if (meaning === 'leave') return 'leave';
      if (meaning === 'help') await this.output.write(KEYS_TEXT);
      else await this.converse(text);
    } catch (error) {
      if (isLeave(error)) throw error;
      this.output.tell(failureText(failureOf(error)));
    }
    return 'stay';
  }

  private async converse(text: string): Promise<void> {
    this.interruption.reset();
    this.typedAhead.open();
    checkPrompt(text);
    await this.follow(await this.send(text));
  }

  private async follow(followed: FollowedPrompt): Promise<void> {
    const { connection, renderer, output, interruption, terminal, typedAhead } = this;
    this.sessionId = followed.accepted.session_id;
    typedAhead.open();
    const questions = new PendingQuestions({
      connection,
      terminal,
      output,
      typedAhead,
      interrupt: () => interruption.signalled('SIGINT'),
      quit: () => interruption.leave(0),
    });
    const onEvent = questions.note.bind(questions);
    const onPresent = questions.askOpen.bind(questions);
    const following = { connection, renderer, output, interruption, onEvent, onPresent };
    try {
      await followPrompt(following, followed);
    } finally {
      await questions.close();
    }
    if (interruption.requested === 143) interruption.leave(143);
    interruption.done();
  }

  private nextLine(): Promise<string | null> {
    const { interruption, terminal, typedAhead } = this;
    interruption.onRequest((exitCode) => {
      if (exitCode === 143) interruption.leave(exitCode);
      else this.output.tell('(Ctrl+C again quits)\n');
    });
    const onInterrupt = () => interruption.signalled('SIGINT');
    return readLinePrompt({ ...terminal, typed: typedAhead.take(), onInterrupt });
  }
}

const checkPrompt = (text: string): void => {
  if (text.trim() === '') throw inputError('the prompt is empty', 'Say what should be done.');
  if (Buffer.byteLength(text) > PROMPT_BYTES_MAX)
    throw inputError('the prompt is over 4 MB', 'Put what is large into a file of the project.');
};
