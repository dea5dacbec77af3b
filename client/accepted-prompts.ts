/**
 * Remembers what prompts were answered with, so that a repetition gets the same answer at once.
 *
 * A memory, not a record: after a restart the store is asked instead. What must stay true: it is
 * bounded, and a text that differs under a used id is noticed.
 */
import { createHash } from 'node:crypto';

import type { AcceptedBody } from './http/wire.js';

export interface AcceptedPrompts {
  /** The answer given before; `different` when the id came with another text. */
  recall(sessionId: string, messageId: string, text: string): AcceptedBody | 'different' | null;
  remember(answer: AcceptedBody, text: string): void;
  /** Answer to the newest prompt of the session. */
  newestOf(sessionId: string): AcceptedBody | null;
}

const ANSWERS_KEPT = 500;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64');

export const makeAcceptedPrompts = (): AcceptedPrompts => {
  const answers = new Map<string, { readonly hash: string; readonly answer: AcceptedBody }>();
  const newest = new Map<string, AcceptedBody>();

  const forgetOldest = (kept: Map<string, unknown>): void => {
    for (const oldest of kept.keys()) {
      if (kept.size <= ANSWERS_KEPT) return;
      kept.delete(oldest);
    }
  };

  return {
    recall: (sessionId, messageId, text) => {
      const found = answers.get(`${sessionId}/${messageId}`);
      if (!found) return null;
      return found.hash === hashOf(text) ? found.answer : 'different';
    },
    remember: (answer, text) => {
      answers.set(`${answer.session_id}/${answer.message_id}`, { hash: hashOf(text), answer });
      newest.delete(answer.session_id);
      newest.set(answer.session_id, answer);
      forgetOldest(answers);
      forgetOldest(newest);
    },
    newestOf: (sessionId) => newest.get(sessionId) ?? null,
  };
};
