/**
 * What a Responses server says went wrong, in or before its stream, with the status it would have had.
 *
 * Errors in a stream come with a code in the place of a status, in four shapes. What must stay true:
 * what passes is never told as final, and the other way round.
 */
import { ModelError } from '../provider.js';
import { errorIn } from '../wire/failures.js';
import { DOCUMENT } from './answer.js';
import { asObject, asText, type Json } from '../wire/json.js';

const STATUS_OF = new Map<string, number>([
  ['rate_limit_exceeded', 429],
  ['rate_limit_error', 429],
  ['insufficient_quota', 429],
  ['usage_limit_reached', 429],
  ['server_is_overloaded', 529],
  ['overloaded_error', 529],
  ['slow_down', 529],
  ['server_error', 500],
  ['vector_store_timeout', 500],
  ['invalid_api_key', 401],
  ['authentication_error', 401],
  ['permission_error', 403],
  ['model_not_found', 404],
  ['invalid_prompt', 400],
  ['invalid_request_error', 400],
  ['data_residency_mismatch', 400],
]);

const FILTERED = /content_filter|_policy/;
const TOO_LONG = /exceeds? (the|its|your) context window/i;
const WAIT = /try again in (?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+) ?(ms|s))?/i;

/** The wait that a server states in words, "in 7m12s", in ms; null when there is none. */
const waitIn = (message: string): number | null => {
  const [, hours, minutes, amount, unit] = WAIT.exec(message) ?? [];
  if (!hours && !minutes && !amount) return null;
  const rest = Number(amount ?? 0) * (unit?.toLowerCase() === 'ms' ? 1 : 1_000);
  return Number(hours ?? 0) * 3_600_000 + Number(minutes ?? 0) * 60_000 + rest;
};

/** The error that an event tells of; null when it tells of none. */
const toldBy = (event: Json): Json | null => {
  const response = asObject(event['response']);
  const { error, status } = response;
  switch (event['type']) {
    case 'error':
      return event;
    case 'response.failed':
      return asObject(error);
    case DOCUMENT:
      if (error) return typeof error === 'string' ? { message: error } : asObject(error);
      if (Array.isArray(response['output']) && status !== 'failed' && status !== 'cancelled')
        return null;
      return { message: `it sent no answer (status ${asText(status) || 'unknown'})` };
    default:
      return null;
  }
};

export const failureIn = (sent: unknown): Error | null => {
  const told = toldBy(asObject(sent));
  if (told === null) return errorIn(sent);
  const { code, type, message } = told;
  const words = asText(message) || asText(code) || 'the response failed and it did not say why';
  return Object.assign(new Error(words), { code, type: type === 'error' ? undefined : type });
};

/** The same error, with the status, the code and the wait that its words hold. */
export const readable = (error: unknown): Error => {
  const { code, type, status, headers, message: words } = asObject(error);
  const message = asText(words);
  const names = [asText(code), asText(type)];
  if (names.some((name) => FILTERED.test(name)))
    return new ModelError('rejected', 'content filter', "the provider's filter stopped the answer");
  if (TOO_LONG.test(message)) names.unshift('context_length_exceeded');
  const known = names.map((name) => STATUS_OF.get(name)).find((number) => number !== undefined);
  const meant = typeof status === 'number' ? status : known;
  const waitMs = waitIn(message);
  const stated = headers instanceof Headers ? headers : new Headers();
  const isNews = waitMs !== null && !stated.has('retry-after') && !stated.has('retry-after-ms');
  return Object.assign(error as Error, {
    ...(names[0] === '' ? {} : { code: names[0] }),
    ...(meant === undefined ? {} : { status: meant }),
    ...(isNews ? { headers: new Headers({ 'retry-after-ms': String(waitMs) }) } : {}),
  });
};
