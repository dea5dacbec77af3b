/** Usage: sums over turns, unknown prices told apart from free ones, failures counted by turn. */
import { withStore } from '../support/store.js';
import { REF, S, answer, usage } from './samples.js';

const EMPTY = {
  usage: {
    input_tokens: 0,
    output_tokens: 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
  },
  costUsd: 0,
  estimatedUsd: 0,
  apiMs: 0,
  calls: 0,
};

describe('usage', () => {
  it('sums the turns from the given one on', () =>
    withStore(async (store) => {
      const append = (turn: number, over: Parameters<typeof usage>[0]) =>
        store.call('appendAnswer', { ...REF, row: answer(turn), usage: usage(over) });
      await append(1, {});
      await append(2, { costUsd: 0.5, estimated: true });
      await append(3, { costUsd: null, usage: null, durationMs: 10 });
      expect(await store.call('sumUsage', { ...REF, fromTurn: 2 })).toEqual({
        usage: {
          input_tokens: 1000,
          output_tokens: 50,
          cache_creation_input_tokens: 3,
          cache_read_input_tokens: 7,
        },
        costUsd: 0.5,
        estimatedUsd: 0.5,
        apiMs: 1210.5,
        calls: 2,
      });
    }));

  it('is nothing without calls, and unknown when no price is known', () =>
    withStore(async (store) => {
      expect(await store.call('sumUsage', { ...REF, fromTurn: 1 })).toEqual(EMPTY);
      await store.call('appendAnswer', { ...REF, row: answer(1), usage: usage({ costUsd: null }) });
      const sum = await store.call('sumUsage', { ...REF, fromTurn: 1 });
      expect(sum).toMatchObject({ costUsd: null, estimatedUsd: 0, calls: 1 });
      const guessed = usage({ costUsd: null, estimated: true });
      await store.call('appendAnswer', { ...REF, row: answer(2), usage: guessed });
      const both = await store.call('sumUsage', { ...REF, fromTurn: 1 });
      expect(both).toMatchObject({ costUsd: null, estimatedUsd: null, calls: 2 });
    }));

  it('counts the real failures of each turn', () =>
    withStore(async (store) => {
      const key = { sessionId: S, agent: 'lead', turn: 4 };
      expect(await store.call('modelFailures', key)).toBe(0);
      expect(await store.call('countModelFailure', key)).toBe(1);
      expect(await store.call('countModelFailure', key)).toBe(2);
      expect(await store.call('countModelFailure', { ...key, turn: 5 })).toBe(1);
      expect(await store.call('modelFailures', key)).toBe(2);
    }));
});
