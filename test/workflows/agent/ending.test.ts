/** How the work on a prompt ends, as a table. */
import { endingOf } from '../../../workflows/agent/ending.js';
import { initialCarry } from '../../../workflows/agent/state.js';
import type { TurnEnd } from '../../../workflows/agent/turn.js';
import type { AgentCarry } from '../../../workflows/protocol/agent.js';
import { LEAD, messageIdOf, sessionIdOf } from '../../../workflows/protocol/ids.js';

const carryWith = (changes: Partial<AgentCarry> & { maxTurns?: number }): AgentCarry => {
  const carry = initialCarry({
    version: 1,
    sessionId: sessionIdOf('s'),
    agent: LEAD,
    role: 'lead',
    model: 'm',
    project: '/p',
    title: 't',
    turn: 0,
    carry: null,
  });
  const settings = { ...carry.settings, maxTurns: changes.maxTurns ?? 0 };
  return { ...carry, settings, ...changes };
};
const waiting = {
  inbox: [{ messageId: messageIdOf('m'), settings: carryWith({}).settings }],
};
const CALLED: TurnEnd = { kind: 'called', costUsd: null, calls: [], results: [] };
const ANSWERED: TurnEnd = { kind: 'answered', costUsd: null };

describe('how a prompt ends', () => {
  test.each<[string, TurnEnd, AgentCarry, boolean, string | null]>([
    ['the model stops', ANSWERED, carryWith({}), false, 'done'],
    ['the model stops while a prompt waits', ANSWERED, carryWith(waiting), false, 'done'],
    ['the model asked for tools', CALLED, carryWith({}), false, null],
    [
      'it asks beyond the turn limit',
      CALLED,
      carryWith({ maxTurns: 3, promptTurns: 3 }),
      false,
      'turn_limit',
    ],
    [
      'it asks below the turn limit',
      CALLED,
      carryWith({ maxTurns: 3, promptTurns: 2 }),
      false,
      null,
    ],
    ['no turn limit', CALLED, carryWith({ promptTurns: 999 }), false, null],
    ['it goes in circles', CALLED, carryWith({}), true, 'no_progress'],
    ['it goes in circles while a prompt waits', CALLED, carryWith(waiting), true, null],
    [
      'it was interrupted',
      { kind: 'interrupted', isRead: true, costUsd: null },
      carryWith({}),
      false,
      'interrupted',
    ],
    [
      'it was stopped',
      { kind: 'interrupted', isRead: true, costUsd: null },
      carryWith({ stopping: true }),
      false,
      'stopped',
    ],
    ['it was stopped at its last word', ANSWERED, carryWith({ stopping: true }), false, 'stopped'],
  ])('%s', (_, end, carry, isLooping, outcome) => {
    expect(endingOf(end, carry, isLooping)?.outcome ?? null).toBe(outcome);
  });

  test.each([
    ['ModelUnauthorized', 2],
    ['ModelUnknown', 2],
    ['ModelExhausted', null],
    ['ScriptFailed', null],
  ] as const)('a failure %s ends as failed with exit code override %s', (type, exitCode) => {
    const end = endingOf({ kind: 'failed', type, message: 'why' }, carryWith({}), false);
    expect(end).toEqual({ outcome: 'failed', exitCode, reason: 'why' });
  });
});
