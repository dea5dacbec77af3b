/**
 * Fields of what a server sent, which may be anything.
 *
 * What must stay true: a field of the wrong type reads as one that is missing.
 */
export type Json = Readonly<Record<string, unknown>>;

export const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Half a character (a lone surrogate) would have every later request refused: it is replaced. */
export const wellFormed = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'string' ? part.toWellFormed() : part,
    ),
  ) as T;
