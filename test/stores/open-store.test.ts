/** The client's side: every call settles, whatever becomes of the thread. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

import { openReadOnly } from '../../activities/stores/open-store.js';
import { openTestStore, storePaths, takeFence, withFolder, withStore } from '../support/store.js';
import { message, notice, session, state } from './samples.js';

describe('the store’s client', () => {
  it('refuses the call beyond ten thousand open ones and answers all before it', () =>
    withStore(async (store) => {
      const calls = Array.from({ length: 10_050 }, (_, n) =>
        store.call('storeMessage', message(`m${n}`)),
      );
      const answers = await Promise.allSettled(calls);
      expect(answers.slice(0, 10_000).every(({ status }) => status === 'fulfilled')).toBe(true);
      for (const answer of answers.slice(10_000))
        expect(answer).toMatchObject({ reason: { name: 'StoreError', code: 'OVERLOADED' } });
      expect(await store.call('storeMessage', message('later'))).toBe(true);
    }));

  it('answers what was open when it is closed, and GONE from then on', () =>
    withFolder(async (folder) => {
      const paths = storePaths(folder);
      const store = await openTestStore(paths);
      await takeFence(store);
      const open = [1, 2, 3].map((n) => store.call('storeMessage', message(`m${n}`)));
      await Promise.all([store.close(), store.close()]);
      expect(await Promise.all(open)).toEqual([true, true, true]);
      await expect(store.call('getMessages', { ids: [] })).rejects.toMatchObject({ code: 'GONE' });
      await store.close();
      const again = await openTestStore(paths);
      const rows = await again.call('getMessages', { ids: ['m1', 'm2', 'm3'] });
      expect(rows).toHaveLength(3);
      await again.close();
    }));

  it('refuses arguments that can’t be sent, and goes on', () =>
    withStore(async (store) => {
      const odd = { ...message('m1'), extra: () => undefined };
      await expect(store.call('storeMessage', odd)).rejects.toMatchObject({ code: 'REFUSED' });
      expect(await store.call('storeMessage', message('m1'))).toBe(true);
    }));
});

describe('reading without a daemon', () => {
  const fill = async (folder: string): Promise<void> => {
    const store = await openTestStore(storePaths(folder));
    await takeFence(store);
    await store.call('createSession', session());
    await store.call('setAgentState', state());
    await store.call('appendEvent', {
      sessionId: session().id,
      key: 'a',
      at: '',
      event: notice('a'),
    });
    await store.close();
  };

  it('answers reads and refuses writes', () =>
    withFolder(async (folder) => {
      await fill(folder);
      const store = openReadOnly(storePaths(folder).file);
      expect(await store.call('listSessions', { since: null })).toEqual([session()]);
      expect(await store.call('countAgentStates', {})).toMatchObject({ thinking: 1 });
      await expect(store.call('createSession', session())).rejects.toMatchObject({
        code: 'REFUSED',
        reason: 'NO_FENCE',
      });
      await store.close();
      const after = await openTestStore(storePaths(folder));
      expect(await after.call('listSessions', { since: null })).toHaveLength(1);
      await after.close();
    }));

  it('sees what a killed daemon had committed', () =>
    withStore(async (store, { folder, file }) => {
      await store.call('createSession', session());
      const copy = join(folder, 'copy.db');
      for (const suffix of ['', '-wal']) copyFileSync(file + suffix, copy + suffix);
      const reader = openReadOnly(copy);
      expect(await reader.call('getSession', { id: session().id })).toEqual(session());
      await reader.close();
    }));

  it('fails with the file’s name where there is no database', async () => {
    const reader = openReadOnly('/nowhere/loomkin.db');
    await expect(reader.call('listSessions', { since: null })).rejects.toThrow();
  });
});
