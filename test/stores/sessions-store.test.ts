/** Sessions: idempotent creation, lookup by prefix and project, what a listing leaves out. */
import { withStore } from '../support/store.js';
import { message, second, session, state } from './samples.js';

const id = (digit: string): string => `${digit.repeat(8)}-0000-4000-8000-000000000000`;

describe('sessions', () => {
  it('are created once, whatever is sent the second time', () =>
    withStore(async (store) => {
      await store.call('createSession', session());
      await store.call('createSession', session({ title: 'another' }));
      expect(await store.call('getSession', { id: session().id })).toEqual(session());
      expect(await store.call('getSession', { id: id('9') })).toBeNull();
    }));

  it('refuse an id that is used on another project', () =>
    withStore(async (store) => {
      await store.call('createSession', session());
      await expect(
        store.call('createSession', session({ project: '/elsewhere' })),
      ).rejects.toMatchObject({ name: 'StoreError', code: 'REFUSED', reason: 'ID_TAKEN' });
    }));

  it('are found by prefix, ten at most, and no character is a wildcard', () =>
    withStore(async (store) => {
      for (let n = 0; n < 12; n += 1)
        await store.call('createSession', session({ id: `abcd${String(n).padStart(4, '0')}` }));
      expect(await store.call('findSessions', { prefix: 'abcd' })).toHaveLength(10);
      const [one] = await store.call('findSessions', { prefix: 'abcd0011' });
      expect(one?.id).toBe('abcd0011');
      for (const prefix of ['abcd%', 'abc_', 'ABCD', 'zz'])
        expect(await store.call('findSessions', { prefix })).toEqual([]);
    }));

  it('the newest of a project is the one with the last message', () =>
    withStore(async (store) => {
      const [first, second_, other] = [id('1'), id('2'), id('3')];
      await store.call('createSession', session({ id: first, createdAt: second(1) }));
      await store.call('createSession', session({ id: second_, createdAt: second(2) }));
      await store.call(
        'createSession',
        session({ id: other, project: '/other', createdAt: second(9) }),
      );
      const newest = async () =>
        (await store.call('newestSession', { project: session().project }))?.id;
      expect(await newest()).toBe(second_);
      await store.call('storeMessage', message('m', { sessionId: first, sentAt: second(5) }));
      expect(await newest()).toBe(first);
      expect(await store.call('newestSession', { project: '/nowhere' })).toBeNull();
    }));

  it('a listing shows what goes on, what has no agent yet, and what ended lately', () =>
    withStore(async (store) => {
      const ids = { busy: id('1'), fresh: id('2'), lately: id('3'), longAgo: id('4') };
      let created = 0;
      for (const sessionId of Object.values(ids))
        await store.call(
          'createSession',
          session({ id: sessionId, createdAt: second((created += 1)) }),
        );
      await store.call('setAgentState', state({ sessionId: ids.busy, at: second(1) }));
      for (const [sessionId, at] of [
        [ids.lately, second(100)],
        [ids.longAgo, second(10)],
      ] as const)
        await store.call('setAgentState', state({ sessionId, state: 'ended', at }));
      const listed = async (since: string | null) =>
        (await store.call('listSessions', { since })).map((row) => row.id);
      expect(await listed(second(50))).toEqual([ids.lately, ids.fresh, ids.busy]);
      expect(await listed(null)).toEqual([ids.longAgo, ids.lately, ids.fresh, ids.busy]);
    }));

  it('keep the model they were last given', () =>
    withStore(async (store) => {
      await store.call('createSession', session());
      await store.call('setSessionModel', { id: session().id, model: 'openai/other' });
      expect((await store.call('getSession', { id: session().id }))?.model).toBe('openai/other');
    }));
});
