/**
 * What a Messages server says when it says no: as a status, in the stream, or by an answer of nothing.
 *
 * Its errors have types and our table of failures has statuses. What must stay true: an error in the
 * stream is the same failure as a response with the status of its type.
 */
import { ModelError, type ModelAnswer } from '../provider.js';
import { asObject, asText, type Json } from '../wire/json.js';

const STATUS_OF: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

const OVERFLOW = /prompt is too long|exceeds?\b.{0,30}\bcontext (limit|window)/i;
const OUTPUT_LIMIT = /max_tokens: \d+ > (\d+)/;

/** The words of an error in whatever shape, or the whole of it. */
const wordsOf = (body: unknown): string => {
  const { error, message } = asObject(body);
  const words = asText(asObject(error)['message']) || asText(error) || asText(message);
  return words || (typeof body === 'string' ? body : JSON.stringify(body));
};

const withCure = (words: string): string => {
  const limit = OUTPUT_LIMIT.exec(words)?.[1];
  return limit ? `${words} (set output_tokens_max of this model to ${limit} or less)` : words;
};

const refusal = (status: unknown, body: unknown, headers: unknown): Error => {
  const error = asObject(asObject(body)['error']);
  const type = asText(error['type']);
  const words = wordsOf(body);
  const known = status ?? (Object.hasOwn(STATUS_OF, type) ? STATUS_OF[type] : undefined);
  const isTooLong = known === 413 || (known === 400 && OVERFLOW.test(words));
  const code = isTooLong ? 'context_length_exceeded' : error['code'];
  const message = known === undefined ? words : `${known as number} ${withCure(words)}`;
  return Object.assign(new Error(message), { status: known, headers, type, code });
};

/** The failure that an event of a stream tells of; null when it tells of none. */
export const refusalIn = (event: Json): Error | null => {
  const isError = event['type'] === 'error' || (event['error'] ?? null) !== null;
  return isError ? refusal(undefined, event, undefined) : null;
};

/** An error of the SDK with the server's own words; any other error as it is. */
export const refusalOf = (error: unknown): unknown => {
  const { status, error: body, message, headers } = asObject(error);
  if (typeof status !== 'number') return error;
  // Without a body the SDK's words are all there is; they begin with the status.
  const words = asText(message).replace(/^\d+ /, '');
  return refusal(status, (body ?? null) === null ? words : body, headers);
};

/** Why an answer without text and calls is none, where asking again would give the same. */
export const emptiness = (
  { text, calls, stopReason }: ModelAnswer,
  explanation: string,
): ModelError | null => {
  if (text.trim() !== '' || calls.length > 0) return null;
  switch (stopReason) {
    case 'refusal': {
      const words = `the provider's filter stopped the answer${explanation && `: ${explanation}`}`;
      return new ModelError('rejected', 'content filter', words);
    }
    case 'model_context_window_exceeded':
      return new ModelError('rejected', 'context overflow', 'the model has no room for an answer');
    case 'max_tokens':
      return new ModelError(
        'rejected',
        'output limit',
        'the model thought until it had used up all tokens of its answer; raise output_tokens_max',
      );
    default:
      return null;
  }
};
