/**
 * text: the model's last words on stdout; everything else, from notices to the reason, on stderr.
 *
 * What must stay true: stdout holds the words of one result and nothing else, so that
 * `loomkin -p … > file` is the answer, byte for byte; only a terminal gets it without control bytes.
 */
import type { Outcome } from '../../../workflows/protocol/states.js';
import { failureText } from '../errors.js';
import { noticeText } from './notice.js';
import { plainText } from './plain-text.js';
import { NOTHING } from './renderer.js';
import type { Renderer } from './renderer.js';
import type { ResultEvent } from './result-document.js';

export const textRenderer = (isTerminal: boolean): Renderer => {
  let sessionId = '';
  /** Calls that a person was asked about and refused. */
  const refusedByPerson = new Set<string>();
  return {
    accepted: (body) => {
      sessionId = body.session_id;
      return { err: body.notices.map(noticeText).join('') };
    },
    event: ({ event, at }) => {
      if (event.kind === 'notice') return { err: noticeText(event.text) };
      if (event.kind === 'retry') return { err: noticeText(retryText(event, at)) };
      if (event.kind === 'approval' && event.approval.state === 'denied')
        refusedByPerson.add(event.approval.callId);
      return NOTHING;
    },
    delta: () => NOTHING,
    result: ({ event }, exitCode) => {
      const result = event as ResultEvent;
      const words = isTerminal ? plainText(lastWords(result)) : lastWords(result);
      const out = words === '' || words.endsWith('\n') ? words : `${words}\n`;
      const failed =
        exitCode === 0 ? '' : failureText(failureOfResult(result, sessionId, exitCode));
      const err = refusedText(result, refusedByPerson) + failed;
      return err === '' ? { out } : { out, err };
    },
    broken: (failure) => ({ err: failureText(failure) }),
  };
};

/** Without the reason that may stand at its end: that goes to stderr. */
const lastWords = ({ text, reason }: ResultEvent): string =>
  reason !== null && text.endsWith(reason) ? text.slice(0, -reason.length).trimEnd() : text;

const refusedText = (
  { permissionDenials }: ResultEvent,
  refusedByPerson: ReadonlySet<string>,
): string => {
  const count = permissionDenials.filter(({ callId }) => !refusedByPerson.has(callId)).length;
  if (count === 0) return '';
  const [calls, them] = count === 1 ? ['call was', 'it'] : ['calls were', 'them'];
  return noticeText(
    `${count} tool ${calls} refused, as nobody could be asked. Allow ${them} with --permission-mode bypass`,
  );
};

/** A wait that is this long is told with the time of its end. */
const LONG_WAIT_S = 60;

/** `attempt` has failed, `at` is when: which one comes next, and in how long. */
export const retryText = (
  retry: { readonly reason: string; readonly attempt: number; readonly until: string | null },
  at: string,
): string => {
  const next = `${retry.reason}; attempt ${retry.attempt + 1}`;
  if (retry.until === null) return `${next} at once`;
  const end = new Date(retry.until);
  const waitS = Math.max(0, Math.round((end.getTime() - Date.parse(at)) / 1000));
  if (waitS < LONG_WAIT_S) return `${next} in ${waitS} s`;
  return `${next} in ${Math.round(waitS / 60)} min, at ${end.toTimeString().slice(0, 8)}`;
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

/** A reason may say itself how to go on. */
const namesCure = (reason: string): boolean => /loomkin -[cr]\b/.test(reason);

const failureOfResult = (result: ResultEvent, sessionId: string, exitCode: number) => ({
  kind: result.outcome,
  message: `${endingText(result).trim().replace(/\.$/, '')} (session ${shortId(sessionId)})`,
  cure: namesCure(endingText(result)) ? '' : `Go on with: loomkin -r ${shortId(sessionId)} "…"`,
  exitCode,
});

export const shortId = (sessionId: string): string => sessionId.slice(0, 8);
