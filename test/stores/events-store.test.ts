/** Events: offsets that only grow, one row a key, the same uuid for ever, one result a message. */
import { openTestStore, storePaths, takeFence, withFolder, withStore } from '../support/store.js';
import type { Store } from '../../activities/stores/store.js';
import { AT, S, notice, promptResult } from './samples.js';

const append = (store: Store, key: string, event = notice(key), sessionId = S) =>
  store.call('appendEvent', { sessionId, key, at: AT, event });
const all = (store: Store) => store.call('readEvents', { sessionId: S, after: 0, limit: 1000 });
const resultOf = async (store: Store, messageId: string) =>
  store.call('resultOf', { sessionId: S, messageId });

describe('events', () => {
  it('have growing offsets over all sessions, and one row a session and key', () =>
    withStore(async (store) => {
      const first = await append(store, 'a');
      const other = await append(store, 'a', notice('a'), 'another');
      const second = await append(store, 'b');
      expect([other > first, second > other]).toEqual([true, true]);
      expect(await append(store, 'a', notice('changed'))).toBe(first);
      expect((await all(store)).map(({ event }) => event)).toEqual([notice('a'), notice('b')]);
      expect(await store.call('lastOffset', { sessionId: S })).toBe(second);
      expect(await store.call('lastOffset', { sessionId: 'nobody' })).toBe(0);
    }));

  it('are read in pages by offset, without gap or repetition', () =>
    withStore(async (store) => {
      await Promise.all(Array.from({ length: 25 }, (_, n) => append(store, `k${n}`)));
      const pages: number[][] = [];
      for (let after = 0; ;) {
        const page = await store.call('readEvents', { sessionId: S, after, limit: 10 });
        if (page.length === 0) break;
        pages.push(page.map(({ offset }) => offset));
        after = page.at(-1)?.offset ?? 0;
      }
      expect(pages.map((page) => page.length)).toEqual([10, 10, 5]);
      const offsets = pages.flat();
      expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
    }));

  it('have a uuid that depends on session and key alone', async () => {
    const uuids: string[] = [];
    for (const keysBefore of [0, 3])
      await withStore(async (store) => {
        for (let n = 0; n < keysBefore; n += 1) await append(store, `before ${n}`);
        await append(store, 'key');
        uuids.push((await all(store)).at(-1)?.uuid ?? '');
      });
    expect(uuids[0]).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(uuids[1]).toBe(uuids[0]);
  });

  it('keep growing after the store was closed and opened again', () =>
    withFolder(async (folder) => {
      const offsets: number[] = [];
      for (const key of ['a', 'b']) {
        const store = await openTestStore(storePaths(folder));
        await takeFence(store);
        offsets.push(await append(store, key));
        await store.close();
      }
      expect(offsets[1]).toBeGreaterThan(offsets[0] ?? Infinity);
    }));
});

describe('results', () => {
  it('are one a message, also when another outcome is written later', () =>
    withStore(async (store) => {
      const first = await append(store, 'outcome/m1', promptResult(['m1']));
      expect(await append(store, 'outcome/m1', promptResult(['m1'], { text: 'b' }))).toBe(first);
      expect(await append(store, 'other key', promptResult(['m1'], { text: 'c' }))).toBe(first);
      expect((await all(store)).map(({ event }) => event)).toEqual([promptResult(['m1'])]);
      expect((await resultOf(store, 'm1'))?.event).toEqual(promptResult(['m1']));
    }));

  it('of several messages are one event that answers each', () =>
    withStore(async (store) => {
      await append(store, 'outcome/m1', promptResult(['m1', 'm2']));
      const [one, two] = [await resultOf(store, 'm1'), await resultOf(store, 'm2')];
      expect(one).toEqual(two);
      expect(one?.event).toEqual(promptResult(['m1', 'm2']));
      expect(await resultOf(store, 'm3')).toBeNull();
    }));

  it('leave no message without one when some were answered before', () =>
    withStore(async (store) => {
      const first = await append(store, 'outcome/m1', promptResult(['m1']));
      const second = await append(store, 'outcome/m1', promptResult(['m1', 'm2']));
      expect(second).toBeGreaterThan(first);
      expect((await resultOf(store, 'm1'))?.offset).toBe(first);
      expect((await resultOf(store, 'm2'))?.event).toEqual(promptResult(['m2']));
    }));
});
