/**
 * Lines of a conversation that are meant for this command and not for the model.
 *
 * What must stay true: such a line is never sent, as a prompt costs money; and every other line is.
 */
import { usageError } from '../errors.js';
import { suggestion } from '../nearest.js';

export type LineMeaning = 'prompt' | 'leave' | 'help';

const MEANINGS: Readonly<Record<string, LineMeaning>> = {
  exit: 'leave',
  quit: 'leave',
  '/exit': 'leave',
  '/quit': 'leave',
  '/help': 'help',
};
const SHOWN = ['/help', '/exit'];

export const KEYS_TEXT = `Enter    sends the line; pasted lines go together
Ctrl+C   interrupts the turn; twice in 2 s it leaves
Ctrl+D   leaves; the session stays, and goes on by itself
/help    this text
/exit    leaves, as Ctrl+D

What is typed while the agent works is not sent yet: it stands at the next prompt.
`;

/** Throws `CommandFailure` for a command that is none. */
export const meaningOf = (line: string): LineMeaning => {
  const meaning = MEANINGS[line.trimEnd()];
  if (meaning !== undefined) return meaning;
  if (!line.startsWith('/')) return 'prompt';
  const word = line.split(/\s/, 1)[0] ?? '';
  const cure = `${suggestion(word, SHOWN)} A prompt that starts with a slash goes with a blank before it`;
  throw usageError(`unknown command ${word}`, cure);
};
