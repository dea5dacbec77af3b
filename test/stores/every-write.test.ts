/** Promises that hold for every operation that writes, not for the ones somebody thought of. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { OPERATION_KINDS } from '../../activities/stores/operations.js';
import { openTestStore, takeFence, withStore } from '../support/store.js';
import { COUNTING, contentOf, REPEATABLE, send, withoutGaps } from './every-write.js';
import { prepareFile, withProject } from './prepared-file.js';
import { fileClaim } from './samples.js';

const ALL = [...REPEATABLE, ...COUNTING];

test('every operation that writes is among those tried here', () => {
  const writing = Object.entries(OPERATION_KINDS).flatMap(([name, kind]) =>
    kind === 'write' ? [name] : [],
  );
  expect([...new Set(ALL.map(([name]) => name))].sort()).toEqual(writing.sort());
});

describe('every write', () => {
  it('sent twice is done once, whether one after the other or at the same moment', async () => {
    const contents: unknown[] = [];
    for (const times of [[1], [1, 2], [1, 2, 3]])
      await withStore(async (store, { file }) => {
        for (const write of REPEATABLE) await Promise.all(times.map(() => send(store, write)));
        contents.push(withoutGaps(contentOf(file)));
      });
    expect(contents[1]).toEqual(contents[0]);
    expect(contents[2]).toEqual(contents[0]);
  });

  it('sent again after all of the others changes nothing and tells nobody', () =>
    withStore(async (store, { file }) => {
      for (const write of REPEATABLE) await send(store, write);
      const told: unknown[] = [];
      store.onEvents((_session, offsets) => told.push(...offsets));
      const before = contentOf(file);
      for (const write of [...REPEATABLE].reverse()) await send(store, write);
      // Noted anew behind its end: only its owner may drop it.
      await store.call('dropInFlight', { activityKey: 'a1' });
      expect(contentOf(file)).toEqual(before);
      expect(told).toEqual([]);
    }));

  it('is refused to a daemon that lost the installation, and leaves no trace', () =>
    withStore(async (zombie, paths) => {
      for (const write of REPEATABLE.slice(0, 9)) await send(zombie, write);
      const heir = await openTestStore(paths);
      try {
        await takeFence(heir);
        const before = contentOf(paths.file);
        for (const write of ALL)
          await expect(send(zombie, write)).rejects.toMatchObject({ code: 'FENCED' });
        expect(contentOf(paths.file)).toEqual(before);
        for (const write of ALL) await send(heir, write);
        expect(await zombie.call('modelFailures', COUNTING[0]![1] as never)).toBe(1);
      } finally {
        await heir.close();
      }
    }));

  it('is refused to whoever never took the installation', () =>
    withStore(async (_holder, paths) => {
      const guest = await openTestStore(paths);
      try {
        const before = contentOf(paths.file);
        const answers = await Promise.allSettled(ALL.map((write) => send(guest, write)));
        for (const answer of answers)
          expect(answer).toMatchObject({ reason: { code: 'REFUSED', reason: 'NO_FENCE' } });
        expect(contentOf(paths.file)).toEqual(before);
      } finally {
        await guest.close();
      }
    }));

  it('is done once although the group that it came in broke at its commit', async () => {
    const contents: unknown[] = [];
    for (const faultSpec of [undefined, 'effect.after-act:edit=throw'])
      await withStore(
        (store, { folder, file }) =>
          withProject(folder, async (project) => {
            const claim = fileClaim('breaks', join(project.dir, 'a.ts'));
            await store.call('claimEffect', claim);
            const told: number[] = [];
            store.onEvents((_session, offsets) => told.push(...offsets));
            const publishing = store.call(
              'publishFile',
              prepareFile(project, 'breaks', 'a.ts', 'text'),
            );
            const [published, ...others] = await Promise.allSettled([
              publishing,
              ...ALL.map((write) => send(store, write)),
            ]);
            expect(published?.status).toBe(faultSpec ? 'rejected' : 'fulfilled');
            expect(others.map(({ status }) => status)).toEqual(ALL.map(() => 'fulfilled'));
            expect(existsSync(join(project.dir, 'a.ts'))).toBe(true);
            const { effects, ...content } = contentOf(file);
            expect(effects).toHaveLength(2);
            expect(told).toEqual(content['events']?.map(({ offset }) => offset));
            contents.push(withoutGaps(content));
          }),
        { faultSpec, faultsLog: '/dev/null' },
      );
    expect(contents[1]).toEqual(contents[0]);
  });
});
