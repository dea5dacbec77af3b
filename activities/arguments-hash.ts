/**
 * Names what a model asked for, and what it got, by hash: the gate judges the one, the loop guard the
 * other, and neither has to carry the body.
 *
 * What must stay true: the same arguments have the same hash whatever the order of their keys and the
 * blanks between them, and arguments that can't be read are named by their raw text.
 */
import { createHash } from 'node:crypto';

/** Deeper than any tool's arguments; a deeper value is not looked into. */
const DEPTH_MAX = 100;

export type Arguments = Readonly<Record<string, unknown>>;

const isShallow = (value: unknown, depth = 0): boolean => {
  if (typeof value !== 'object' || value === null) return true;
  if (depth >= DEPTH_MAX) return false;
  return Object.values(value).every((item) => isShallow(item, depth + 1));
};

/** The arguments as an object, or null when the text is none. No text at all means no arguments. */
export const parseArguments = (raw: string): Arguments | null => {
  try {
    const value = JSON.parse(raw.trim() === '' ? '{}' : raw) as unknown;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject && isShallow(value) ? (value as Arguments) : null;
  } catch {
    return null;
  }
};

const canonical = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
  return `{${members.join(',')}}`;
};

/** SHA-256 (hex) of the canonical JSON of the arguments, or of the raw text when they are no object. */
export const hashArguments = (raw: string): string => {
  const parsed = parseArguments(raw);
  return createHash('sha256')
    .update(parsed ? canonical(parsed) : raw)
    .digest('hex');
};

/** SHA-256 (hex) of what a model gets to see of a call. */
export const hashResult = (text: string, isError: boolean): string =>
  createHash('sha256')
    .update(isError ? 'error\0' : 'ok\0')
    .update(text)
    .digest('hex');
