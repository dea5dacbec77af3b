/**
 * Reads JSON that strangers sent, and makes JSON that they can read.
 *
 * What must stay true: nothing here throws, whatever a server sends in the place of what it should.
 */
export type Json = Readonly<Record<string, unknown>>;

export const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Deeper than anything that a model writes; what walks through JSON runs out of stack much later. */
const DEPTH_MAX = 200;

export const isShallow = (value: unknown, depth = 0): boolean => {
  if (typeof value !== 'object' || value === null) return true;
  return depth < DEPTH_MAX && Object.values(value).every((item) => isShallow(item, depth + 1));
};

const mended = (value: unknown): unknown => {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(mended);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name.toWellFormed(), mended(member)]),
  );
};

/** Half a character (a lone surrogate) would have a request refused, now and for ever after. */
export const wellFormed = <T>(value: T): T => mended(value) as T;
