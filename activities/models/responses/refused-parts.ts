/**
 * Parts of requests that a server refused, so that the next attempt goes without them.
 *
 * Encrypted thoughts can't be asked of models that don't think, nor sent to an account that did not
 * write them, and only the server knows. What must stay true: a session never stays refused for a part
 * that it can do without; what is forgotten by a restart costs one refused request.
 */
import { ModelError } from '../provider.js';
import { asObject, asText } from '../wire/json.js';

/** `include`: encrypted thoughts are asked for · `reasoning`: earlier ones are sent back. */
export type Part = 'include' | 'reasoning';

const REMEMBERED_MAX = 1_000;
const WORDS: readonly (readonly [Part, RegExp])[] = [
  ['include', /encrypted content is not supported/i],
  ['reasoning', /invalid_encrypted_content|encrypted content .{0,200}could not be/i],
];

const refused = new Set<string>();

/** Who refuses: a part is tried again with another model, or in another session. */
export interface Asked {
  readonly baseUrl: string;
  readonly model: string;
  readonly session: string;
}

const keyOf = (part: Part, { baseUrl, model, session }: Asked): string =>
  JSON.stringify([part, baseUrl, part === 'include' ? model : session]);

export const isRefused = (part: Part, asked: Asked): boolean => refused.has(keyOf(part, asked));

/** Remembers what this error refuses, if it is a part, and says to try without it; else null. */
export const noteRefusal = (error: unknown, asked: Asked): ModelError | null => {
  const { code, message } = asObject(error);
  const words = `${asText(code)} ${asText(message)}`;
  const part = WORDS.find(([, pattern]) => pattern.test(words))?.[0];
  if (part === undefined || isRefused(part, asked)) return null;
  if (refused.size >= REMEMBERED_MAX) refused.clear();
  refused.add(keyOf(part, asked));
  const what =
    part === 'include' ? 'has no encrypted thoughts' : 'can not read its earlier thoughts';
  return new ModelError('unavailable', 'no thoughts', `${asked.model} ${what}`, 0);
};
