/**
 * text: the model's last words on stdout; everything else, from notices to the reason, on stderr.
 *
 * What must stay true: stdout holds the words of one result and nothing else, so that
 * `loomkin -p … > file` is the answer, byte for byte; only a terminal gets it without control bytes.
 */
import type { Outcome } from '../../../workflows/protocol/states.js';
import { failureText } from '../errors.js';
import { plainText } from './plain-text.js';
import { NOTHING } from './renderer.js';
import type { Renderer } from './renderer.js';
import type { ResultEvent } from './result-document.js';

export const textRenderer = (isTerminal: boolean): Renderer => {
  let sessionId = '';
  return {
    accepted: (body) => {
      sessionId = body.session_id;
      return { err: body.notices.map(noticeText).join('') };
    },
    event: ({ event }) => {
      if (event.kind === 'notice') return { err: noticeText(event.text) };
      if (event.kind === 'retry') return { err: noticeText(retryText(event)) };
      return NOTHING;
    },
    delta: () => NOTHING,
    result: ({ event }, exitCode) => {
      const result = event as ResultEvent;
      const words = isTerminal ? plainText(lastWords(result)) : lastWords(result);
      const out = words === '' || words.endsWith('\n') ? words : `${words}\n`;
      if (exitCode === 0) return { out };
      return { out, err: failureText(failureOfResult(result, sessionId, exitCode)) };
    },
    broken: (failure) => ({ err: failureText(failure) }),
  };
};

/** Without the reason that may stand at its end: that goes to stderr. */
const lastWords = ({ text, reason }: ResultEvent): string =>
  reason !== null && text.endsWith(reason) ? text.slice(0, -reason.length).trimEnd() : text;

export const noticeText = (text: string): string => `loomkin: note: ${plainText(text)}\n`;

export const retryText = (retry: {
  readonly reason: string;
  readonly attempt: number;
  readonly until: string | null;
}): string => {
  const when = retry.until === null ? '' : ` at ${retry.until.slice(11, 19)} UTC`;
  return `${retry.reason}; attempt ${retry.attempt} comes${when === '' ? ' at once' : when}`;
};

const ENDED: Readonly<Record<Outcome, string>> = {
  done: 'done',
  failed: 'the prompt failed',
  stopped: 'the session was stopped',
  interrupted: 'the turn was interrupted',
  turn_limit: 'the turn limit was reached',
  time_limit: 'the time limit was reached',
  no_progress: 'no progress was made',
  budget: 'the budget is used up',
  unverified: 'the checks did not pass',
};

export const endingText = (result: ResultEvent): string => result.reason ?? ENDED[result.outcome];

const failureOfResult = (result: ResultEvent, sessionId: string, exitCode: number) => ({
  kind: result.outcome,
  message: `${endingText(result).trim().replace(/\.$/, '')} (session ${shortId(sessionId)})`,
  cure: `Go on with: loomkin -r ${shortId(sessionId)} "…"`,
  exitCode,
});

export const shortId = (sessionId: string): string => sessionId.slice(0, 8);
