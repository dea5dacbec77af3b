/**
 * Content that no one would choose: half characters, NUL, ten megabytes, files of blobs that are gone
 * or wrong, events of many writers at the same moment.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Store } from '../../activities/stores/store.js';
import { openTestStore, takeFence, withFolder, withStore, storePaths } from '../support/store.js';
import {
  AT,
  REF,
  S,
  answer,
  approval,
  fileClaim,
  message,
  notice,
  outcome,
  prompt,
  promptResult,
  result,
  session,
  usage,
} from './samples.js';

const HALF = 'a\ud83d\u0000b\udc00';
const READ_BACK = 'a\ufffd\u0000b\ufffd';

describe('text with half characters and NUL', () => {
  it('sent again is the same message, not another one under a used id', () =>
    withStore(async (store) => {
      const odd = message('m1', { text: HALF });
      expect(await store.call('storeMessage', odd)).toBe(true);
      expect(await store.call('storeMessage', odd)).toBe(false);
      expect(await store.call('getMessages', { ids: ['m1'] })).toEqual([
        message('m1', { text: READ_BACK }),
      ]);
      const another = message('m1', { text: `${HALF}.` });
      await expect(store.call('storeMessage', another)).rejects.toMatchObject({
        reason: 'ID_TAKEN',
      });
    }));

  it('is kept word for word in the transcript, and shown so', () =>
    withStore(async (store) => {
      const rows = [answer(1, HALF, { role: HALF }), result(1, 0, HALF)] as const;
      await store.call('appendAnswer', { ...REF, row: rows[0], usage: usage() });
      await store.call('appendResult', { ...REF, row: rows[1], effect: null });
      expect(await store.call('readTranscript', REF)).toEqual(rows);
      const events = await store.call('readEvents', { sessionId: S, after: 0, limit: 9 });
      expect(events.map(({ event }) => event)).toMatchObject([
        { blocks: [{ text: HALF }] },
        { text: HALF },
      ]);
    }));

  it('in an id, a key or a title names the same row the second time', () =>
    withStore(async (store) => {
      for (let time = 0; time < 2; time += 1) {
        await store.call('createSession', session({ id: `\u0000${S}`, title: HALF }));
        await store.call('appendEvent', { sessionId: S, key: HALF, at: AT, event: notice(HALF) });
        await store.call('askApproval', approval('q-1', { summary: HALF, subject: HALF }));
        await store.call('claimEffect', fileClaim('k\u0000', '/a\u0000b'));
      }
      expect(await store.call('listSessions', { since: null })).toHaveLength(1);
      expect(await store.call('openEffects', {})).toHaveLength(1);
      expect(await store.call('getSession', { id: S })).toBeNull();
      const events = await store.call('readEvents', { sessionId: S, after: 0, limit: 9 });
      expect(events.map(({ event }) => event.kind)).toEqual(['notice', 'approval']);
    }));
});

it('rows of ten megabytes are stored once each and read back whole', () =>
  withStore(async (store) => {
    const text = 'zeile €\n'.repeat(1_000_000);
    await Promise.all([
      store.call('appendAnswer', { ...REF, row: answer(1, text), usage: usage() }),
      store.call('appendResult', { ...REF, row: result(1, 0, text), effect: null }),
      store.call('storeMessage', message('small')),
    ]);
    const [event] = await store.call('readEvents', { sessionId: S, after: 0, limit: 1 });
    const row = await store.call('readResult', { ...REF, turn: 1, call: 0 });
    expect(row?.body.kind === 'result' && row.body.text === text).toBe(true);
    expect(event?.event.kind === 'answer' && event.event.blocks[0]).toEqual({ kind: 'text', text });
  }));

describe('the file of a blob', () => {
  const bytes = Buffer.alloc(150_000, 'content');
  const hash = createHash('sha256').update(bytes).digest('hex');
  const HARMS: readonly (readonly [string, (file: string) => void])[] = [
    ['gone', (file) => rmSync(file)],
    ['gone with its folder', (file) => rmSync(dirname(file), { recursive: true })],
    ['cut', (file) => truncateSync(file, 1_000)],
    ['empty', (file) => truncateSync(file, 0)],
    ['of the right length with wrong bytes', (file) => writeFileSync(file, Buffer.alloc(150_000))],
  ];
  const harmed = (
    harm: (file: string) => void,
    body: (store: Store, file: string) => Promise<void>,
  ) =>
    withStore(async (store, { blobsDir }) => {
      await store.call('storeBlob', { bytes });
      const file = join(blobsDir, hash.slice(0, 2), hash);
      harm(file);
      await body(store, file);
    });

  it.each(HARMS)(
    'that is %s is not taken for its content, and made anew when stored again',
    (_how, harm) =>
      harmed(harm, async (store, file) => {
        expect(await store.call('readBlob', { hash })).toBeNull();
        expect(await store.call('storeBlob', { bytes })).toEqual({ hash });
        expect(readFileSync(file).equals(bytes)).toBe(true);
        expect(Buffer.from((await store.call('readBlob', { hash })) ?? []).equals(bytes)).toBe(
          true,
        );
      }),
  );

  it('that is damaged is never rolled forward into a project', () =>
    withStore(async (store, { blobsDir }) => {
      await store.call('claimEffect', fileClaim('k1', '/a.ts', { postImage: bytes }));
      writeFileSync(join(blobsDir, hash.slice(0, 2), hash), Buffer.alloc(150_000, 'evil'));
      expect(await store.call('readPostImage', { key: 'k1' })).toBeNull();
    }));

  it('that lay there before its row, with other bytes, is replaced', () =>
    withStore(async (store, { blobsDir }) => {
      const file = join(blobsDir, hash.slice(0, 2), hash);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, Buffer.alloc(150_000, 'planted'));
      await store.call('storeBlob', { bytes });
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }));

  it('is not made by a call that is refused', () =>
    withStore(async (store, { blobsDir }) => {
      await store.call('claimEffect', fileClaim('k1', '/a.ts'));
      const second = fileClaim('k2', '/a.ts', { postImage: bytes });
      await expect(store.call('claimEffect', second)).rejects.toMatchObject({
        reason: 'PATH_CLAIMED',
      });
      expect(existsSync(join(blobsDir, hash.slice(0, 2), hash))).toBe(false);
    }));
});

describe('events of many writers', () => {
  it('are told in the order in which they are read, each once, refused ones not at all', () =>
    withStore(async (store) => {
      const told = new Map<string, number[]>();
      store.onEvents((sessionId, offsets) =>
        told.set(sessionId, [...(told.get(sessionId) ?? []), ...offsets]),
      );
      const sessions = ['a', 'b', 'c', 'd', 'e'];
      const writers = sessions.flatMap((sessionId, n) =>
        Array.from({ length: 40 }, async (_, k) => {
          const key = `k${k % 25}`;
          const at = k % 10 === n ? (null as unknown as string) : AT;
          await store.call('appendEvent', { sessionId, key, at, event: notice(`${k}`) });
        }),
      );
      const answers = await Promise.allSettled(writers);
      expect(answers.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
      const all: number[] = [];
      for (const sessionId of sessions) {
        const rows = await store.call('readEvents', { sessionId, after: 0, limit: 100 });
        const offsets = rows.map(({ offset }) => offset);
        expect(told.get(sessionId)).toEqual(offsets);
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
        expect(await store.call('lastOffset', { sessionId })).toBe(offsets.at(-1));
        all.push(...offsets);
      }
      expect(new Set(all).size).toBe(all.length);
    }));

  it('are seen by a reader that asks in between as a beginning of all, never with a hole', () =>
    withStore(async (store) => {
      const writes = Array.from({ length: 300 }, (_, n) =>
        store.call('appendEvent', { sessionId: S, key: `k${n}`, at: AT, event: notice(`${n}`) }),
      );
      const seen: string[] = [];
      let after = 0;
      while (seen.length < 300) {
        const page = await store.call('readEvents', { sessionId: S, after, limit: 17 });
        seen.push(...page.map(({ event }) => (event.kind === 'notice' ? event.text : '')));
        after = page.at(-1)?.offset ?? after;
      }
      await Promise.all(writes);
      expect(seen).toEqual(Array.from({ length: 300 }, (_, n) => `${n}`));
    }));

  it('whose result names a message twice answer it once', () =>
    withStore(async (store) => {
      const event = promptResult(['m1', 'm1', 'm2']);
      const write = () =>
        store.call('appendEvent', { sessionId: S, key: 'outcome/m1', at: AT, event });
      const offset = await write();
      expect(await write()).toBe(offset);
      for (const messageId of ['m1', 'm2']) {
        const told = await store.call('resultOf', { sessionId: S, messageId });
        expect(told?.event).toMatchObject({ messages: ['m1', 'm2'] });
      }
    }));

  it('of two attempts that end one prompt at the same moment are one result', () =>
    withStore(async (store) => {
      const end = (key: string, text: string) =>
        store.call('appendEvent', {
          sessionId: S,
          key,
          at: AT,
          event: promptResult(['m1'], { text }),
        });
      const offsets = await Promise.all(['a', 'b', 'c', 'd'].map((key) => end(key, key)));
      expect(new Set(offsets).size).toBe(1);
      const events = await store.call('readEvents', { sessionId: S, after: 0, limit: 9 });
      expect(events.map(({ event }) => event)).toMatchObject([{ kind: 'result', text: 'a' }]);
    }));
});

it('places of a transcript that are taken stay as they are, also by rows of another kind', () =>
  withStore(async (store) => {
    await store.call('appendAnswer', { ...REF, row: answer(1, 'first'), usage: usage() });
    const intruder = { ...prompt(1, 0, 'm9'), index: answer(1).index };
    await store.call('appendInputs', { ...REF, rows: [intruder] });
    expect(await store.call('readTranscript', REF)).toEqual([answer(1, 'first')]);
    const events = await store.call('readEvents', { sessionId: S, after: 0, limit: 9 });
    expect(events).toHaveLength(1);
  }));

it('an outcome settles nothing of another key, whatever the key looks like', () =>
  withStore(async (store) => {
    for (const key of ["k' or '1'='1", 'k%', 'k_', ''])
      await store.call('claimEffect', fileClaim(key, `/p/${key}`));
    await store.call('settleEffect', { key: 'k%', outcome: outcome() });
    const open = await store.call('openEffects', {});
    expect(open.map(({ key }) => key).sort()).toEqual(['', "k' or '1'='1", 'k_']);
  }));

it('what one daemon wrote in its last moment is read by the next from the log alone', () =>
  withFolder(async (folder) => {
    const paths = storePaths(folder);
    const first = await openTestStore(paths);
    await takeFence(first);
    await first.call('storeMessage', message('last'));
    // Not closed: its log is all that there is. The second one reads and writes beside it.
    const second = await openTestStore(paths);
    expect(await second.call('getMessages', { ids: ['last'] })).toEqual([message('last')]);
    await takeFence(second);
    await second.call('storeMessage', message('after'));
    expect(await first.call('getMessages', { ids: ['after'] })).toEqual([message('after')]);
    await Promise.all([first.close(), second.close()]);
  }));
