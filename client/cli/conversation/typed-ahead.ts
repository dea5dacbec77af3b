/**
 * What is typed while the agent works: kept from the screen, and handed to the next line prompt.
 *
 * A terminal left to itself would echo it into the output, and forget it at Ctrl+C. What must stay true:
 * no key typed here is lost or sent by itself, Ctrl+C and Ctrl+D keep their meaning, and nothing is read
 * while somebody else reads the keys.
 */
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import { Writable } from 'node:stream';

import type { Keyboard } from './keyboard.js';

export interface TypedAheadOptions {
  readonly keyboard: Keyboard;
  readonly onInterrupt: () => void;
  readonly onQuit: () => void;
}

export class TypedAhead {
  private readonly options: TypedAheadOptions;
  private readonly lines: string[] = [];
  /** The line that is not finished. */
  private rest = '';
  private reader: Interface | null = null;

  constructor(options: TypedAheadOptions) {
    this.options = options;
  }

  open(): void {
    if (this.reader !== null) return;
    const { keyboard, onInterrupt, onQuit } = this.options;
    const input = keyboard.reader();
    const output = new Writable({ write: (_chunk, _encoding, done) => done() });
    const reader = createInterface({ input, output, terminal: true, historySize: 0 });
    this.reader = reader;
    if (this.rest !== '') reader.write(this.rest);
    reader.on('line', (line) => void this.lines.push(line));
    reader.on('SIGINT', onInterrupt);
    reader.on('close', () => {
      // A terminal that hangs up says so by a signal.
      if (this.reader === reader && !input.readableEnded) onQuit();
    });
  }

  close(): void {
    const { reader } = this;
    this.reader = null;
    if (reader === null) return;
    this.rest = reader.line;
    reader.close();
  }

  /** All of it as one line; closes. */
  take(): string {
    this.close();
    const typed = [...this.lines.splice(0), this.rest].filter((line) => line.trim() !== '');
    this.rest = '';
    return typed.join(' ');
  }
}
