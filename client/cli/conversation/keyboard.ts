/**
 * The keys of the terminal, handed to one reader after the other.
 *
 * Each reader that took the terminal for itself would give it back between two of them, and for that moment
 * it echoes by itself and swallows Ctrl+D. What must stay true: from the first reader on the terminal stays
 * ours, and a key that nobody has read goes to the next reader.
 */
import { PassThrough } from 'node:stream';

export type TerminalInput = NodeJS.ReadableStream & { setRawMode?(isRaw: boolean): unknown };

export class Keyboard {
  private readonly stdin: TerminalInput;
  private keys: PassThrough | null = null;

  constructor(stdin: TerminalInput) {
    this.stdin = stdin;
  }

  /** Keys from now on, until the next reader asks for them. */
  reader(): PassThrough {
    if (this.keys === null) this.begin();
    const unread: unknown = this.keys?.read() ?? null;
    const keys = new PassThrough();
    this.keys = keys;
    if (unread !== null) keys.write(unread);
    return keys;
  }

  /** The terminal is as it was. */
  release(): void {
    if (this.keys === null) return;
    this.stdin.pause();
    this.stdin.setRawMode?.(false);
  }

  private begin(): void {
    const { stdin } = this;
    const end = (): void => void this.keys?.end();
    stdin.setRawMode?.(true);
    stdin.on('data', (chunk: Buffer) => void this.keys?.write(chunk));
    stdin.on('end', end);
    stdin.on('error', end);
    // Whoever stopped us in between has set the terminal to its own liking.
    process.on('SIGCONT', () => {
      stdin.setRawMode?.(false);
      stdin.setRawMode?.(true);
      this.keys?.resume();
    });
  }
}
