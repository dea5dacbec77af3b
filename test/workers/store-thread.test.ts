/**
 * The store's thread as its owner sees it: errors come across whole, and its death is told to everybody
 * who waits, once.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { message } from '../stores/samples.js';
import { runToEnd } from '../support/installation.js';
import {
  openTestStore,
  storePaths,
  takeFence,
  threadFile,
  withFolder,
  withStore,
} from '../support/store.js';

const thrownBy = async (attempt: Promise<unknown>): Promise<Record<string, unknown>> => {
  const error = (await attempt.then(
    () => null,
    (reason: unknown) => reason,
  )) as (Error & Record<string, unknown>) | null;
  if (!error) throw new Error('nothing was thrown');
  return { isError: error instanceof Error, ...error, name: error.name, message: error.message };
};

describe('an error of the store’s thread', () => {
  it('keeps name, code, reason and words, and names the operation', () =>
    withFolder(async (folder) => {
      const store = await openTestStore(storePaths(folder));
      expect(await thrownBy(store.call('storeMessage', message('m1')))).toMatchObject({
        isError: true,
        name: 'StoreError',
        code: 'REFUSED',
        reason: 'NO_FENCE',
        message: expect.stringMatching(/^storeMessage: .*takeFence/),
      });
      await takeFence(store);
      const nobody = await thrownBy(
        store.call('storeMessage', { ...message('m1'), sessionId: null as unknown as string }),
      );
      expect(nobody).toMatchObject({
        name: 'StoreError',
        code: 'REFUSED',
        reason: 'CONSTRAINT',
        message: expect.stringMatching(/^storeMessage: /),
      });
      await store.close();
    }));

  it('about an operation that is none refuses that call alone', () =>
    withStore(async (store) => {
      const odd = store.call as unknown as (name: string, args: unknown) => Promise<unknown>;
      const [first, wrong, last] = await Promise.allSettled([
        store.call('storeMessage', message('m1')),
        odd('dropEverything', {}),
        store.call('storeMessage', message('m2')),
      ]);
      expect([first.status, wrong.status, last.status]).toEqual([
        ...['fulfilled', 'rejected', 'fulfilled'],
      ]);
      expect(wrong).toMatchObject({ reason: { name: 'StoreError', code: 'REFUSED' } });
    }));

  it.each([
    ['null', null],
    ['nothing', undefined],
    ['text', 'session'],
    ['a list', [1, 2]],
  ])('about %s in the place of arguments is a refusal, not the end', (_what, args) =>
    withStore(async (store) => {
      await expect(
        store.call('storeMessage', args as unknown as ReturnType<typeof message>),
      ).rejects.toMatchObject({ name: 'StoreError', code: 'REFUSED' });
      expect(await store.call('storeMessage', message('m1'))).toBe(true);
    }),
  );

  it('while it opens keeps its kind, and leaves no thread behind', () =>
    withFolder(async (folder) => {
      const paths = storePaths(folder);
      mkdirSync(paths.file);
      const before = process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort');
      for (let attempt = 0; attempt < 3; attempt += 1)
        expect(await thrownBy(openTestStore(paths))).toMatchObject({
          name: 'StoreOpenError',
          kind: 'unwritable',
          message: expect.stringContaining(paths.file),
        });
      const after = process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort');
      expect(after.length).toBeLessThanOrEqual(before.length);
    }));
});

describe('the death of the store’s thread', () => {
  it('before it opened, by a kill point that can not be read, is told in the words for it', () =>
    withFolder(async (folder) => {
      const faultSpec = 'effect.nowhere=kill';
      const opening = openTestStore(storePaths(folder), { faultSpec });
      await expect(opening).rejects.toThrow(`can't read "${faultSpec}"`);
      await expect(
        openTestStore(storePaths(folder)).then((store) => store.close()),
      ).resolves.toBeUndefined();
    }));

  it.each([
    ['is missing', null, /Cannot find module/],
    ['does not parse', 'const = 1;', /Unexpected token/],
    ['throws at once', 'throw new RangeError("of its own");', /of its own/],
  ])('before it opened is the error of the opening: its program %s', (_how, program, words) =>
    withFolder(async (folder) => {
      const file = join(folder, 'thread.mjs');
      if (program !== null) writeFileSync(file, program);
      await expect(openTestStore(storePaths(folder), { threadFile: file })).rejects.toThrow(words);
      expect(existsSync(storePaths(folder).file)).toBe(false);
    }),
  );

  it('comes to nobody who runs it as a program: it says what it is', async () => {
    const end = await runToEnd(process.execPath, [threadFile()]);
    expect(end.code).not.toBe(0);
    expect(end.stderr).toContain('store-thread.js is a worker thread, not a program');
  });
});
