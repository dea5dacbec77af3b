/**
 * What went wrong with a Chat Completions request, as one of the few kinds of `ModelError`.
 *
 * Errors of the SDK are read by their fields, not by their class. What must stay true: a message never
 * holds the key, whatever the server echoes, since it travels into Temporal's history.
 */
import { isModelError, ModelError, type ModelErrorKind } from '../provider.js';

const TRANSIENT = new Set([408, 409, 425, 429]);
const MESSAGE_CHARS_MAX = 600;

interface Failure {
  readonly status: number | null;
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs: number | null;
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

/** Told in its stream by a server that leaves out the field that the SDK looks for; null when there is none. */
export const errorIn = (chunk: unknown): Error | null => {
  const fields = fieldsOf(chunk);
  if (fields['object'] !== 'error') return null;
  const { code, type, message } = fields;
  const words = typeof message === 'string' ? message : JSON.stringify(chunk);
  return Object.assign(new Error(words), { code, type });
};

/** With a year and a time of day: the parser takes nearly any text with a number for a date. */
const DATE = /\b\d{4}\b.*\d{2}:\d{2}/;

/** A duration in ms from `retry-after-ms`, or from `retry-after` as seconds or as a date. */
export const retryAfterOf = (
  header: (name: string) => string | null,
  nowMs: number,
): number | null => {
  const ms = Number.parseFloat(header('retry-after-ms') ?? '');
  if (ms >= 0) return ms;
  const value = (header('retry-after') ?? '').trim();
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const at = DATE.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
};

/** "fetch failed" alone helps nobody: the innermost cause says which connection failed and how. */
const innermost = (error: unknown): string => {
  let words = '';
  let next: unknown = error;
  for (let depth = 0; depth < 6 && next; depth += 1) {
    const { message, code, cause, errors } = fieldsOf(next);
    words = [code, message].filter((word) => typeof word === 'string' && word).join(' ') || words;
    next = cause ?? (Array.isArray(errors) ? errors[0] : null);
  }
  return words;
};

const failureOf = (error: unknown): Failure => {
  const { status, headers, code, type } = fieldsOf(error);
  const numbers = [status, Number(code)];
  const known = numbers.find((n) => typeof n === 'number' && n >= 300 && n < 600);
  const sent = headers as { get?(name: string): string | null } | undefined;
  const isPlain = typeof status !== 'number';
  return {
    status: (known as number | undefined) ?? null,
    code: [code, type].filter((part) => typeof part === 'string').join(' '),
    message: isPlain ? innermost(error) : String(fieldsOf(error)['message']),
    retryAfterMs: retryAfterOf((name) => sent?.get?.(name) ?? null, Date.now()),
  };
};

const UNKNOWN_MODEL = /model_not_found|model.{0,80}(does not exist|not found|not supported)/i;
const TOO_LONG = /context_length_exceeded|context length|maximum context|too many tokens|too long/i;

const kindOf = ({ status, code, message }: Failure): ModelErrorKind => {
  if (TOO_LONG.test(code)) return 'rejected';
  if (status === null || TRANSIENT.has(status) || status >= 500) return 'unavailable';
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 404 || UNKNOWN_MODEL.test(`${code} ${message}`)) return 'unknown_model';
  return 'rejected';
};

const reasonOf = (failure: Failure, kind: ModelErrorKind): string => {
  if (kind === 'rejected' && TOO_LONG.test(`${failure.code} ${failure.message}`))
    return 'context overflow';
  if (failure.status !== null) return String(failure.status);
  if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|CONNECT_TIMEOUT/.test(failure.message))
    return 'no connection';
  return /ECONNRESET|UND_ERR_SOCKET|EPIPE|other side closed/.test(failure.message)
    ? 'connection reset'
    : 'provider error';
};

/** Takes the secrets out of what a server said, and its length down. */
export const redact = (text: string, secrets: readonly string[]): string => {
  const cleaned = secrets
    .filter((secret) => secret.length >= 4)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  return cleaned.replace(/\s+/g, ' ').slice(0, MESSAGE_CHARS_MAX);
};

/** `asked` says who was asked for what: "openai (https://…)". */
export const modelErrorOf = (
  error: unknown,
  asked: string,
  secrets: readonly string[],
): ModelError => {
  if (isModelError(error)) return error;
  const failure = failureOf(error);
  const kind = kindOf(failure);
  const words = redact(failure.message, secrets);
  const reason = reasonOf(failure, kind);
  return new ModelError(kind, reason, `${asked}: ${words}`, failure.retryAfterMs);
};
