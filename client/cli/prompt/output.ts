/**
 * Where words go: results to stdout, each write awaited; everything else to stderr.
 *
 * A reader that went away (EPIPE) or a terminal that is gone (EIO) is the terminal being lost: the
 * command ends with 129 and the session goes on without it. What must stay true: no write that failed
 * passes unnoticed.
 */
export interface Output {
  /** Resolves when the text has left, so that a slow reader slows the command and fills no memory. */
  write(text: string): Promise<void>;
  /** Words for the person; their loss is of no consequence. */
  tell(text: string): void;
}

export const createOutput = (
  stdout: NodeJS.WritableStream,
  stderr: NodeJS.WritableStream,
): Output => ({
  tell: (text) => {
    if (text !== '') stderr.write(text);
  },
  write: (text) =>
    text === ''
      ? Promise.resolve()
      : new Promise<void>((resolve) => {
          stdout.write(text, () => resolve());
        }),
});

/** An output that can be held back, while a question stands on the screen. */
export class HeldOutput implements Output {
  private readonly output: Output;
  private held: string[] | null = null;

  constructor(output: Output) {
    this.output = output;
  }

  hold(): void {
    this.held ??= [];
  }

  async release(): Promise<void> {
    const held = this.held ?? [];
    this.held = null;
    await this.output.write(held.join(''));
  }

  tell(text: string): void {
    this.output.tell(text);
  }

  async write(text: string): Promise<void> {
    if (this.held === null) await this.output.write(text);
    else this.held.push(text);
  }
}

const READER_GONE = new Set(['EPIPE', 'EIO', 'ECONNRESET', 'ERR_STREAM_DESTROYED']);

/** Ends the process when stdout can't be written any more. */
export const leaveWhenLost = (stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): void => {
  stderr.on('error', () => undefined);
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    const code = error.code ?? error.message;
    if (READER_GONE.has(code)) process.exit(129);
    const words = `loomkin: stdout can't be written (${code}). A session goes on; see loomkin ps.\n`;
    stderr.write(words, () => process.exit(1));
  });
};
