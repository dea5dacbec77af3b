/**
 * When a dead child is started again: at once, then with growing pauses, and when never again.
 */
import { BackOff, type Exit } from '../../../workers/supervision/back-off.js';

const KILLED: Exit = { code: null, signal: 'SIGKILL' };
const FAILED: Exit = { code: 1, signal: null };
const ADOPTED: Exit = { code: null, signal: null };

const pauses = (backOff: BackOff, exits: readonly Exit[], everyMs = 100): (number | null)[] =>
  exits.map((exit, index) => backOff.afterDeath(exit, index * everyMs));

describe('the pause after a death', () => {
  it('is nothing for the first five in a minute, then doubles up to ten seconds', () => {
    const backOff = new BackOff();
    backOff.answered();
    const exits = Array<Exit>(12).fill(FAILED);
    expect(pauses(backOff, exits)).toEqual([
      ...[0, 0, 0, 0, 0],
      ...[500, 1000, 2000, 4000, 8000, 10_000, 10_000],
    ]);
  });

  it('is never more than half a second for one that was killed, even while it started', () => {
    const exits = Array<Exit>(12).fill(KILLED);
    expect(Math.max(...pauses(new BackOff(), exits).map(Number))).toBe(500);
  });

  it('is never more than half a second for one that had come to answer', () => {
    const backOff = new BackOff();
    const lives = Array.from({ length: 12 }, (_, index) => {
      backOff.answered();
      return backOff.afterDeath(KILLED, index * 100);
    });
    expect(lives).toEqual([...Array<number>(5).fill(0), ...Array<number>(7).fill(500)]);
    expect(backOff.afterDeath(FAILED, 1300)).toBe(10_000);
  });

  it('is nothing again once a minute has passed', () => {
    const backOff = new BackOff();
    pauses(backOff, Array<Exit>(7).fill(KILLED));
    expect(backOff.afterDeath(KILLED, 61_000)).toBe(0);
  });

  it('ends in giving up when it failed by itself five times and never answered', () => {
    expect(pauses(new BackOff(), Array<Exit>(5).fill(FAILED))).toEqual([0, 0, 0, 0, null]);
    const crash: Exit = { code: null, signal: 'SIGSEGV' };
    expect(pauses(new BackOff(), Array<Exit>(5).fill(crash)).at(-1)).toBeNull();
  });

  it.each([
    ['somebody kills it', KILLED],
    ['an adopted one ends, nobody knows how', ADOPTED],
  ])('never ends in giving up when %s', (_how, exit) => {
    expect(pauses(new BackOff(), Array<Exit>(30).fill(exit))).not.toContain(null);
  });

  it('never ends in giving up once it has answered', () => {
    const backOff = new BackOff();
    pauses(backOff, Array<Exit>(4).fill(FAILED));
    backOff.answered();
    expect(pauses(backOff, Array<Exit>(30).fill(FAILED))).not.toContain(null);
  });
});
