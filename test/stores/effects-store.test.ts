/** The ledger: one claim a path, one outcome an effect, files put in place under a claim alone. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { withStore } from '../support/store.js';
import { prepareFile, withProject } from './prepared-file.js';
import { fileClaim, note, outcome, processClaim, second } from './samples.js';

const PATH = '/code/project/a.ts';
const inFlight = {
  taskToken: Uint8Array.from([1]),
  workflowId: 'w',
  activityType: 'runTool',
} as const;

describe('claims', () => {
  it('are fresh once; a second attempt finds the first one', () =>
    withStore(async (store) => {
      const first = await store.call('claimEffect', fileClaim('k1', PATH));
      const again = await store.call('claimEffect', fileClaim('k1', PATH, { at: second(5) }));
      expect([first.fresh, again.fresh]).toEqual([true, false]);
      expect(again.row).toEqual(first.row);
      expect(await store.call('getEffect', { key: 'k1' })).toEqual({
        key: 'k1',
        sessionId: first.row.sessionId,
        tool: 'edit',
        effect: 'reconcilable',
        state: 'claimed',
        claim: fileClaim('k1', PATH).claim,
        claimedAt: second(0),
        settledAt: null,
        deaths: 0,
        text: null,
        isError: false,
        note: null,
      });
      expect(await store.call('getEffect', { key: 'k2' })).toBeNull();
    }));

  it('hold a path for one effect until it is settled', () =>
    withStore(async (store) => {
      await store.call('claimEffect', fileClaim('k1', PATH));
      await expect(store.call('claimEffect', fileClaim('k2', PATH))).rejects.toMatchObject({
        code: 'REFUSED',
        reason: 'PATH_CLAIMED',
        message: expect.stringContaining('k1'),
      });
      expect(await store.call('getEffect', { key: 'k2' })).toBeNull();
      await store.call('settleEffect', { key: 'k1', outcome: outcome() });
      expect((await store.call('claimEffect', fileClaim('k2', PATH))).fresh).toBe(true);
    }));

  it('of twenty effects on one path at the same moment give it to one', () =>
    withStore(async (store) => {
      const claims = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) => store.call('claimEffect', fileClaim(`k${n}`, PATH))),
      );
      expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }));

  it('of processes do not stand in each other’s way', () =>
    withStore(async (store) => {
      for (const key of ['k1', 'k2'])
        expect((await store.call('claimEffect', processClaim(key))).fresh).toBe(true);
    }));

  it('keep the images of before and after', () =>
    withStore(async (store) => {
      const postImage = Buffer.alloc(300_000, 'after');
      const claim = fileClaim('k1', PATH, { preImage: Buffer.from('before'), postImage });
      await store.call('claimEffect', claim);
      const image = await store.call('readPostImage', { key: 'k1' });
      expect(Buffer.compare(Buffer.from(image ?? []), postImage)).toBe(0);
      expect(postImage.byteLength).toBe(300_000);
      await store.call('claimEffect', fileClaim('k2', '/other'));
      for (const key of ['k2', 'k3']) expect(await store.call('readPostImage', { key })).toBeNull();
    }));
});

describe('outcomes', () => {
  it('are the first that was recorded', () =>
    withStore(async (store) => {
      await store.call('claimEffect', fileClaim('k1', PATH));
      const first = await store.call('settleEffect', { key: 'k1', outcome: outcome() });
      const late = outcome({ state: 'failed', text: 'late', isError: true });
      expect(await store.call('settleEffect', { key: 'k1', outcome: late })).toEqual(first);
      expect(first).toMatchObject({
        state: 'applied',
        text: 'edited',
        isError: false,
        settledAt: second(1),
        note: note(),
      });
    }));

  it('without a claim are refused', () =>
    withStore(async (store) => {
      await expect(
        store.call('settleEffect', { key: 'k1', outcome: outcome() }),
      ).rejects.toMatchObject({ code: 'REFUSED', reason: 'NOT_CLAIMED' });
    }));

  it('close the claim: open ones are listed oldest first, deaths counted on them alone', () =>
    withStore(async (store) => {
      await store.call('claimEffect', processClaim('settled'));
      await store.call('settleEffect', { key: 'settled', outcome: outcome() });
      await store.call('claimEffect', { ...processClaim('late'), at: second(9) });
      await store.call('claimEffect', { ...processClaim('early'), at: second(3) });
      const die = async (...attempts: readonly (readonly [string, string])[]) => {
        for (const [activityKey, effectKey] of attempts)
          await store.call('putInFlight', { ...inFlight, activityKey, effectKey });
        await store.call('countDeaths', {});
      };
      await die(['a/1', 'late'], ['a/2', 'late'], ['b/1', 'settled'], ['c/1', 'unknown']);
      // The daemon that counted died at its start: nothing ran in between.
      await die();
      await die(['a/3', 'late']);
      const open = await store.call('openEffects', {});
      expect(open.map(({ key, deaths }) => [key, deaths])).toEqual([
        ['early', 0],
        ['late', 2],
      ]);
      expect((await store.call('getEffect', { key: 'settled' }))?.deaths).toBe(0);
      // The tokens are there as long as somebody has to hand them back.
      expect(await store.call('listInFlight', {})).toHaveLength(5);
    }));
});

describe('files', () => {
  it('are put in their place with the outcome, new and replaced', () =>
    withStore((store, { folder }) =>
      withProject(folder, async (project) => {
        const path = join(project.dir, 'a.ts');
        for (const [key, text] of [
          ['k1', 'one'],
          ['k2', 'two'],
        ] as const) {
          await store.call('claimEffect', fileClaim(key, path));
          await store.call('publishFile', prepareFile(project, key, 'a.ts', text));
          expect(readFileSync(path, 'utf8')).toBe(text);
          expect((await store.call('getEffect', { key }))?.state).toBe('applied');
        }
        expect(readdirSync(project.dir)).toEqual(['a.ts']);
      }),
    ));

  it('are not written without an open claim', () =>
    withStore((store, { folder }) =>
      withProject(folder, async (project) => {
        const path = join(project.dir, 'a.ts');
        const refused = { code: 'REFUSED', reason: 'NOT_CLAIMED' };
        const publish = () => store.call('publishFile', prepareFile(project, 'k1', 'a.ts', 'x'));
        await expect(publish()).rejects.toMatchObject(refused);
        await store.call('claimEffect', fileClaim('k1', path));
        await store.call('settleEffect', { key: 'k1', outcome: outcome({ state: 'unknown' }) });
        await expect(publish()).rejects.toMatchObject(refused);
        expect(existsSync(path)).toBe(false);
      }),
    ));

  it('that changed or appeared meanwhile stay, and the claim stays open', () =>
    withStore((store, { folder }) =>
      withProject(folder, async (project) => {
        for (const [name, before, reason] of [
          ['changed.ts', 'before', 'CHANGED'],
          ['appeared.ts', null, 'EXISTS'],
        ] as const) {
          const path = join(project.dir, name);
          if (before !== null) writeFileSync(path, before);
          await store.call('claimEffect', fileClaim(name, path));
          const args = prepareFile(project, name, name, 'ours');
          writeFileSync(path, 'somebody else’s');
          await expect(store.call('publishFile', args)).rejects.toMatchObject({
            code: 'REFUSED',
            reason,
          });
          expect(readFileSync(path, 'utf8')).toBe('somebody else’s');
          expect((await store.call('getEffect', { key: name }))?.state).toBe('claimed');
        }
      }),
    ));

  it('of many effects in one group are each in place, refused ones left out', () =>
    withStore((store, { folder }) =>
      withProject(folder, async (project) => {
        const keys = Array.from({ length: 30 }, (_, n) => `k${n}`);
        for (const key of keys)
          if (key !== 'k7') await store.call('claimEffect', fileClaim(key, join(project.dir, key)));
        const answers = await Promise.allSettled(
          keys.map((key) => store.call('publishFile', prepareFile(project, key, key, key))),
        );
        const written = keys.filter((key) => existsSync(join(project.dir, key)));
        expect(written).toEqual(keys.filter((key) => key !== 'k7'));
        expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(1);
        expect(await store.call('openEffects', {})).toEqual([]);
      }),
    ));
});
