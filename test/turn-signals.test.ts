/**
 * Interrupts within this process: the turn in hand, all of it, and nothing else.
 */
import { makeTurnSignals } from '../activities/turn-signals.js';
import { LEAD, sessionIdOf } from '../workflows/protocol/ids.js';

const S = sessionIdOf('11111111-1111-4111-8111-111111111111');
const OTHER = sessionIdOf('22222222-2222-4222-8222-222222222222');
const turn = (number: number, sessionId = S) => ({ sessionId, agent: LEAD, turn: number });

test('an interrupt ends what runs of its agent, and of no other', () => {
  const signals = makeTurnSignals();
  const [one, two] = [signals.signalOf(turn(1), 'r'), signals.signalOf(turn(1), 'r')];
  const other = signals.signalOf(turn(1, OTHER), 'r');
  signals.aim(S, LEAD)();
  expect([one, two, other].map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
});

test('a call of the interrupted turn that begins later is born interrupted', () => {
  const signals = makeTurnSignals();
  const read = signals.signalOf(turn(4), 'r');
  signals.aim(S, LEAD)();
  read.release();
  expect(signals.signalOf(turn(4), 'r').signal.aborted).toBe(true);
  expect(signals.signalOf(turn(3), 'r').signal.aborted).toBe(true);
});

test('the next turn is not meant, and one that began between aim and word is not either', () => {
  const signals = makeTurnSignals();
  signals.signalOf(turn(4), 'r').release();
  const end = signals.aim(S, LEAD);
  const next = signals.signalOf(turn(5), 'r');
  end();
  expect(next.signal.aborted).toBe(false);
  expect(signals.signalOf(turn(4), 'r').signal.aborted).toBe(true);
});

test('an agent that was begun anew may count the same turns again', () => {
  const signals = makeTurnSignals();
  signals.signalOf(turn(4), 'first').release();
  signals.aim(S, LEAD)();
  const again = signals.signalOf(turn(4), 'second');
  expect(again.signal.aborted).toBe(false);
  signals.aim(S, LEAD)();
  expect(again.signal.aborted).toBe(true);
});

test('an older attempt that comes late does not turn the aim back', () => {
  const signals = makeTurnSignals();
  const newest = signals.signalOf(turn(7), 'r');
  signals.signalOf(turn(6), 'r').release();
  signals.aim(S, LEAD)();
  expect(newest.signal.aborted).toBe(true);
});

test('an interrupt while nothing ever ran means nothing', () => {
  const signals = makeTurnSignals();
  signals.aim(S, LEAD)();
  expect(signals.signalOf(turn(1), 'r').signal.aborted).toBe(false);
});

test('a call that has ended is not told any more', () => {
  const signals = makeTurnSignals();
  const ended = signals.signalOf(turn(1), 'r');
  ended.release();
  signals.aim(S, LEAD)();
  expect(ended.signal.aborted).toBe(false);
});
