/**
 * How the work on a prompt ends, decided from how its last turn ended. Pure.
 *
 * What must stay true: `done` is said only when the model stopped by itself; every other ending
 * carries a reason for people.
 */
import type { AgentCarry } from '../protocol/agent.js';
import type { FailureType } from '../protocol/failures.js';
import type { Outcome } from '../protocol/states.js';
import type { TurnEnd } from './turn.js';

export interface PromptEnd {
  readonly outcome: Outcome;
  /** Overrides the outcome's exit code; null keeps it. */
  readonly exitCode: number | null;
  readonly reason: string | null;
}

export const LOOP_NOTICE =
  'You have made the same tool calls twice in a row and got the same results. Doing it again will ' +
  'end the work: do something else, or say what keeps you from going on.';

export const INTERRUPTED_NOTICE =
  'The user interrupted the turn before this one. What had begun may be half done: look before you go on.';

/** Endings that are the caller's to mend before anything can run: exit code 2. */
const CONFIGURATION_FAILURES: readonly FailureType[] = ['ModelUnauthorized', 'ModelUnknown'];

const failedEnd = (type: FailureType, message: string): PromptEnd => ({
  outcome: 'failed',
  exitCode: CONFIGURATION_FAILURES.includes(type) ? 2 : null,
  reason: message,
});

const plainEnd = (outcome: Outcome, reason: string | null): PromptEnd => ({
  outcome,
  exitCode: null,
  reason,
});

/** A stopped agent ends like this, whatever it was doing. */
export const STOPPED: PromptEnd = plainEnd('stopped', 'the session was stopped');

/** Null: the work goes on with another turn. */
export const endingOf = (end: TurnEnd, carry: AgentCarry, isLooping: boolean): PromptEnd | null => {
  if (carry.stopping) return STOPPED;
  switch (end.kind) {
    case 'answered':
      return plainEnd('done', null);
    case 'interrupted':
      return plainEnd('interrupted', 'the turn was interrupted');
    case 'failed':
      return failedEnd(end.type, end.message);
    case 'called':
      return endAfterCalls(carry, isLooping);
  }
};

const endAfterCalls = (carry: AgentCarry, isLooping: boolean): PromptEnd | null => {
  // A prompt that waits is read before anything is given up.
  if (carry.inbox.length > 0) return null;
  const { maxTurns } = carry.settings;
  if (isLooping)
    return plainEnd(
      'no_progress',
      'the same tool calls with the same results three times in a row: no progress',
    );
  if (maxTurns > 0 && carry.promptTurns >= maxTurns)
    return plainEnd(
      'turn_limit',
      `the limit of ${maxTurns} ${maxTurns === 1 ? 'turn' : 'turns'} was reached before the work ended`,
    );
  return null;
};
