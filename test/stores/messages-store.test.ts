/** Messages: one row an id, order as asked, a second text under a used id is refused. */
import { withStore } from '../support/store.js';
import { message, second } from './samples.js';

describe('messages', () => {
  it('sent twice are stored once', () =>
    withStore(async (store) => {
      expect(await store.call('storeMessage', message('a'))).toBe(true);
      expect(await store.call('storeMessage', message('a', { sentAt: second(9) }))).toBe(false);
      expect(await store.call('getMessages', { ids: ['a'] })).toEqual([message('a')]);
    }));

  it.each([
    ['text', { text: 'something else' }],
    ['session', { sessionId: 'another' }],
    ['agent', { agent: 'another' }],
  ])('under a used id with another %s are refused', (_what, over) =>
    withStore(async (store) => {
      await store.call('storeMessage', message('a'));
      await expect(store.call('storeMessage', message('a', over))).rejects.toMatchObject({
        code: 'REFUSED',
        reason: 'ID_TAKEN',
        message: expect.stringContaining('message a'),
      });
      expect(await store.call('getMessages', { ids: ['a'] })).toEqual([message('a')]);
    }),
  );

  it('come in the order they are asked for, unknown ids left out', () =>
    withStore(async (store) => {
      for (const id of ['a', 'b', 'c']) await store.call('storeMessage', message(id));
      const rows = await store.call('getMessages', { ids: ['c', 'x', 'a'] });
      expect(rows.map((row) => row.id)).toEqual(['c', 'a']);
      expect(await store.call('getMessages', { ids: [] })).toEqual([]);
    }));

  it('tell when the first of them was sent', () =>
    withStore(async (store) => {
      await store.call('storeMessage', message('a', { sentAt: second(5) }));
      await store.call('storeMessage', message('b', { sentAt: second(3) }));
      expect(await store.call('firstSentAt', { ids: ['a', 'b', 'x'] })).toBe(second(3));
      expect(await store.call('firstSentAt', { ids: ['x'] })).toBeNull();
    }));

  it('of four megabytes with every kind of character come back as they were', () =>
    withStore(async (store) => {
      const text = `${'zeile\r\n\t"\\ü€😀\u0000'.repeat(250_000)}`;
      await store.call('storeMessage', message('big', { text }));
      const [row] = await store.call('getMessages', { ids: ['big'] });
      expect(row?.text === text).toBe(true);
    }));
});
