/**
 * One prompt typed at the terminal: a line, or several pasted at once.
 *
 * What must stay true: pasted lines are one prompt, Ctrl+D means no more prompts, Ctrl+C is handed on
 * instead of ending the process, and what was typed before stands in the line unsent.
 */
import { createInterface } from 'node:readline';

import type { Keyboard } from './keyboard.js';

/** Lines of a paste follow each other faster than anybody types. */
const PASTE_MS = 30;

export interface LineOptions {
  readonly keyboard: Keyboard;
  readonly stdout: NodeJS.WritableStream;
  /** Stands in the line when it opens. */
  readonly typed: string;
  readonly onInterrupt: () => void;
}

/** Null at Ctrl+D. */
export const readLinePrompt = ({
  keyboard,
  stdout: output,
  typed: before,
  onInterrupt,
}: LineOptions): Promise<string | null> =>
  new Promise((resolve) => {
    const input = keyboard.reader();
    const lines = createInterface({ input, output, terminal: true, prompt: '> ' });
    const typed: string[] = [];
    let timer: NodeJS.Timeout | undefined;
    const settle = (prompt: string | null): void => {
      clearTimeout(timer);
      lines.off('close', onClose).close();
      resolve(prompt);
    };
    const onClose = (): void => {
      output.write('\n');
      settle(null);
    };
    const submit = (): void => {
      const prompt = typed.join('\n');
      if (lines.line !== '') return;
      if (prompt.trim() !== '') return settle(prompt);
      typed.length = 0;
      lines.prompt();
    };
    lines.on('line', (line) => {
      typed.push(line);
      clearTimeout(timer);
      timer = setTimeout(submit, PASTE_MS);
    });
    lines.on('SIGINT', () => {
      typed.length = 0;
      output.write('\n');
      onInterrupt();
      lines.write(null, { ctrl: true, name: 'u' });
      lines.prompt();
    });
    lines.on('close', onClose);
    lines.prompt();
    if (before !== '') lines.write(before);
  });
