/**
 * Colours of the terminal, none where NO_COLOR, a dumb terminal or a pipe asks for none.
 *
 * What must stay true: no meaning is carried by colour alone.
 */
import picocolors from 'picocolors';

import type { Colours } from './terminal.js';

export const coloursFor = (
  env: Readonly<Record<string, string | undefined>>,
  isTerminal = true,
): Colours => {
  const none = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb' || !isTerminal;
  return picocolors.createColors(!none);
};
