/**
 * Groups: one failing call fails alone, a broken group is told apart from a failed call, the deadline
 * and the fence are kept, nobody is left without an answer.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Store } from '../../activities/stores/store.js';
import { openTestStore, takeFence, withStore } from '../support/store.js';
import { prepareFile, withProject } from './prepared-file.js';
import { AT, S, fileClaim, message, notice, prompt, session, state } from './samples.js';

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `m${n}`);
const stored = async (store: Store, count: number): Promise<number> =>
  (await store.call('getMessages', { ids: ids(count) })).length;

/** Another process that holds the write lock until it is told to let go. */
const withLockHolder = async (file: string, body: (letGo: () => void) => Promise<void>) => {
  const script = `
    import Sqlite from 'better-sqlite3';
    const db = new Sqlite(process.argv[1]);
    db.exec('begin immediate');
    console.log('locked');
    process.stdin.once('data', () => { db.exec('rollback'); process.exit(0); });`;
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, file], {
    cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  try {
    await once(createInterface({ input: child.stdout }), 'line');
    await body(() => child.stdin.write('go\n'));
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
};

describe('a group', () => {
  it('of 100 calls with 10 that fail stores 90 and refuses 10', () =>
    withStore(async (store) => {
      await store.call('storeMessage', message('taken'));
      const calls = ids(100).map((id, n) =>
        n % 10 === 3
          ? store.call('storeMessage', message('taken', { text: 'another' }))
          : store.call('storeMessage', message(id)),
      );
      const answers = await Promise.allSettled(calls);
      const refused = answers.filter(({ status }) => status === 'rejected');
      expect(refused).toHaveLength(10);
      for (const answer of refused)
        expect(answer).toMatchObject({ reason: { code: 'REFUSED', reason: 'ID_TAKEN' } });
      expect(await stored(store, 100)).toBe(90);
    }));

  it('takes back all that a failed call had done, events too', () =>
    withStore(async (store) => {
      const told: number[] = [];
      store.onEvents((_session, offsets) => told.push(...offsets));
      const bad = { ...prompt(1, 1, 'm2'), at: null as unknown as string };
      const [good, failed] = await Promise.allSettled([
        store.call('appendEvent', { sessionId: S, key: 'a', at: AT, event: notice('a') }),
        store.call('appendInputs', {
          sessionId: S,
          agent: 'lead',
          rows: [prompt(1, 0, 'm1'), bad],
        }),
      ]);
      expect([good?.status, failed?.status]).toEqual(['fulfilled', 'rejected']);
      expect(failed).toMatchObject({ reason: { code: 'REFUSED', reason: 'CONSTRAINT' } });
      const rows = await store.call('readTranscript', { sessionId: S, agent: 'lead' });
      const events = await store.call('readEvents', { sessionId: S, after: 0, limit: 9 });
      expect([rows.length, events.length, told.length]).toEqual([0, 1, 1]);
    }));

  it('that breaks after a rename answers UNCLEAR for it and stores the others', () =>
    withStore(
      async (store, { folder }) =>
        withProject(folder, async (project) => {
          const path = join(project.dir, 'a.ts');
          await store.call('claimEffect', fileClaim('k1', path));
          const [published, ...others] = await Promise.allSettled([
            store.call('publishFile', prepareFile(project, 'k1', 'a.ts', 'text')),
            ...ids(20).map((id) => store.call('storeMessage', message(id))),
          ]);
          expect(published).toMatchObject({ reason: { code: 'UNCLEAR' } });
          expect(others.map(({ status }) => status)).toEqual(ids(20).map(() => 'fulfilled'));
          expect(await stored(store, 20)).toBe(20);
          expect(existsSync(path)).toBe(true);
          expect((await store.call('getEffect', { key: 'k1' }))?.state).toBe('claimed');
        }),
      { faultSpec: 'effect.after-act:edit=throw', faultsLog: '/dev/null' },
    ));

  it('tells its events once, in commit order, by session', () =>
    withStore(async (store) => {
      const told: [string, readonly number[]][] = [];
      const stop = store.onEvents((sessionId, offsets) => told.push([sessionId, offsets]));
      const append = (sessionId: string, key: string) =>
        store.call('appendEvent', { sessionId, key, at: AT, event: notice(key) });
      const offsets = await Promise.all([append('a', '1'), append('b', '1'), append('a', '2')]);
      await append('a', '1');
      expect(told).toEqual([
        ['a', [offsets[0], offsets[2]]],
        ['b', [offsets[1]]],
      ]);
      stop();
      await append('a', '3');
      expect(told).toHaveLength(2);
    }));
});

describe('a database that another process has locked', () => {
  it('lets reads through, and writes as soon as the lock is gone', () =>
    withStore((store, { file }) =>
      withLockHolder(file, async (letGo) => {
        let done = 0;
        const writes = ids(50).map(async (id) => {
          await store.call('storeMessage', message(id));
          done += 1;
        });
        for (let n = 0; n < 20; n += 1) expect(await stored(store, 50)).toBe(0);
        expect(done).toBe(0);
        letGo();
        await Promise.all(writes);
        expect(await stored(store, 50)).toBe(50);
      }),
    ));

  it('answers BUSY at the deadline, and what was answered so is never done', () =>
    withStore((store, { file }) =>
      withLockHolder(file, async (letGo) => {
        const late = store.call('storeMessage', message('m0'), { waitMs: 60 });
        const patient = store.call('storeMessage', message('m1'), { waitMs: 20_000 });
        await expect(late).rejects.toMatchObject({ name: 'StoreError', code: 'BUSY' });
        letGo();
        expect(await patient).toBe(true);
        expect(await stored(store, 2)).toBe(1);
      }),
    ));
});

describe('the fence', () => {
  it('shuts out whoever held it before: FENCED to every write, and nothing is written', () =>
    withStore(async (first, paths) => {
      await withProject(paths.folder, async (project) => {
        await first.call('claimEffect', fileClaim('k1', join(project.dir, 'a.ts')));
        const second = await openTestStore(paths);
        expect(await takeFence(second)).toEqual({ fence: 2 });
        const answers = await Promise.allSettled([
          first.call('createSession', session()),
          first.call('storeMessage', message('m0')),
          first.call('setAgentState', state()),
          first.call('publishFile', prepareFile(project, 'k1', 'a.ts', 'zombie')),
          first.call('storeBlob', { bytes: Buffer.alloc(100_000) }),
        ]);
        for (const answer of answers) expect(answer).toMatchObject({ reason: { code: 'FENCED' } });
        expect(existsSync(join(project.dir, 'a.ts'))).toBe(false);
        expect(await stored(second, 1)).toBe(0);
        expect((await second.call('getEffect', { key: 'k1' }))?.state).toBe('claimed');
        expect(await second.call('storeMessage', message('m0'))).toBe(true);
        expect(await stored(first, 1)).toBe(1);
        await second.close();
      });
    }));

  it('may be taken back, and is raised each time', () =>
    withStore(async (first, paths) => {
      const second = await openTestStore(paths);
      expect(await takeFence(second)).toEqual({ fence: 2 });
      expect(await takeFence(first)).toEqual({ fence: 3 });
      expect(await first.call('storeMessage', message('m0'))).toBe(true);
      await expect(second.call('storeMessage', message('m1'))).rejects.toMatchObject({
        code: 'FENCED',
      });
      await second.close();
    }));

  it('taken amid other calls counts for those behind it', () =>
    withStore(async (holder, paths) => {
      const store = await openTestStore(paths);
      const [before, fence, after] = await Promise.allSettled([
        store.call('storeMessage', message('m0')),
        takeFence(store),
        store.call('storeMessage', message('m1')),
      ]);
      expect(before).toMatchObject({ reason: { code: 'REFUSED', reason: 'NO_FENCE' } });
      expect([fence?.status, after?.status]).toEqual(['fulfilled', 'fulfilled']);
      await expect(holder.call('storeMessage', message('m2'))).rejects.toMatchObject({
        code: 'FENCED',
      });
      await store.close();
    }));
});
