/** The event stream under writers, reconnects, slow readers and streaming text. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';

import type { Store } from '../../../activities/stores/store.js';
import { LEAD } from '../../../workflows/protocol/ids.js';
import { createSession, notice, TOKEN, withFront, type Front } from '../front.js';

const ID = '3f2a0c1e-1111-4111-8111-000000000001';
const OTHER = '4f2a0c1e-2222-4222-8222-000000000002';

interface Frame {
  readonly id: number | null;
  readonly event: string;
  readonly data: any;
}

interface Reader {
  readonly frames: Frame[];
  readonly comments: string[];
  readonly response: IncomingMessage;
  /** Resolves when the frames fit. */
  until(fits: (frames: readonly Frame[]) => boolean): Promise<void>;
  leave(): void;
}

const parseFrame = (text: string): Frame => {
  const field = (name: string): string | undefined =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const id = field('id');
  return {
    id: id === undefined ? null : Number(id),
    event: field('event') ?? '',
    data: JSON.parse(field('data') ?? 'null'),
  };
};

/** Opens a stream; `isPaused` reads nothing until `response.resume()`. */
const attach = async (
  front: Front,
  path: string,
  { isPaused = false, headers = {} } = {},
): Promise<Reader> => {
  const request = httpRequest({
    host: '127.0.0.1',
    port: front.server.port,
    path,
    agent: false,
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const frames: Frame[] = [];
  const comments: string[] = [];
  const watchers = new Set<() => void>();
  let rest = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts)
      if (part.startsWith(':')) comments.push(part);
      else frames.push(parseFrame(part));
    for (const watcher of watchers) watcher();
  });
  response.on('error', () => undefined);
  if (isPaused) response.pause();
  const until: Reader['until'] = (fits) =>
    new Promise((resolve, reject) => {
      const watcher = (): void => {
        if (!fits(frames)) return;
        watchers.delete(watcher);
        resolve();
      };
      watchers.add(watcher);
      response.on('close', () => reject(new Error('the stream was closed')));
      watcher();
    });
  return { frames, comments, response, until, leave: () => request.destroy() };
};

const events = (from: number | 'now' = 0, id = ID): string =>
  `/v1/sessions/${id}/events?from=${from}`;
const offsets = ({ frames }: Reader): (number | null)[] =>
  frames.filter(({ id }) => id !== null).map(({ id }) => id);
const has = (count: number) => (frames: readonly Frame[]) => frames.length >= count;

const withSession = (
  body: (front: Front) => Promise<void>,
  options: { watchStore?: (store: Store) => Store; keepAliveMs?: number } = {},
): Promise<void> =>
  withFront({ client: null, ...options }, async (front) => {
    await createSession(front, ID);
    await createSession(front, OTHER);
    await body(front);
  });

describe('stored events', () => {
  test('come once and in order to readers that attach, leave and return while many write', () =>
    withSession(async (front) => {
      const COUNT = 1500;
      const written: number[] = [];
      const write = async (writer: number): Promise<void> => {
        for (let n = 0; n < COUNT / 5; n += 1) {
          written.push(await notice(front, ID, `${writer}.${n}`));
          if (n % 3 === 0) await notice(front, OTHER, `${writer}.${n}`);
        }
      };
      const seen: number[][] = [];
      /** Reads in pieces of random length, each from where the last one ended. */
      const read = async (seed: number): Promise<void> => {
        const got: number[] = [];
        for (let round = 0; got.length < COUNT; round += 1) {
          const reader = await attach(front, events(got.at(-1) ?? 0));
          const piece = Math.min(COUNT - got.length, 40 + ((seed * 131 + round * 67) % 300));
          await reader.until(has(piece));
          got.push(...(offsets(reader) as number[]));
          reader.leave();
        }
        seen.push(got);
      };
      await Promise.all([...[1, 2, 3, 4, 5].map(write), ...[1, 2, 3, 4].map(read)]);
      const expected = written.toSorted((a, b) => a - b);
      for (const got of seen) expect(got).toEqual(expected);
    }));

  test('an event is told as it is stored, and comes within moments', () =>
    withSession(async (front) => {
      const reader = await attach(front, events());
      await notice(front, ID, 'first', 'line one\nline two \u2028 end');
      await reader.until(has(1));
      const [frame] = reader.frames;
      const [stored] = await front.store.call('readEvents', { sessionId: ID, after: 0, limit: 1 });
      expect(frame).toEqual({ id: stored?.offset, event: 'notice', data: stored });
      const delays: number[] = [];
      for (let n = 0; n < 50; n += 1) {
        const began = performance.now();
        await notice(front, ID, `n${n}`);
        await reader.until(has(n + 2));
        delays.push(performance.now() - began);
      }
      expect(delays.toSorted((a, b) => a - b)[25]).toBeLessThan(25);
      reader.leave();
    }));

  test('"now" begins after what is there, Last-Event-ID where a browser left off', () =>
    withSession(async (front) => {
      const first = await notice(front, ID, 'first');
      const fresh = await attach(front, events('now'));
      const back = await attach(front, `/v1/sessions/${ID}/events`, {
        headers: { 'last-event-id': String(first) },
      });
      while ((await attachedTo(front)) < 2);
      const second = await notice(front, ID, 'second');
      await Promise.all([fresh.until(has(1)), back.until(has(1))]);
      expect([offsets(fresh), offsets(back)]).toEqual([[second], [second]]);
      for (const reader of [fresh, back]) reader.leave();
      for (const bad of ['-1', 'x', '1e3', '9'.repeat(16)])
        expect((await front.call('GET', `/v1/sessions/${ID}/events?from=${bad}`)).status).toBe(400);
      expect((await front.call('GET', events(0, '5f2a0c1e'))).status).toBe(404);
    }));

  test('watchers are counted exactly while they watch, and a silent line is kept open', () =>
    withSession(
      async (front) => {
        const readers = await Promise.all([1, 2, 3].map(() => attach(front, events('now'))));
        expect(await attachedTo(front)).toBe(3);
        while ((readers[0]?.comments.length ?? 0) < 2) await once(readers[0]!.response, 'data');
        expect(readers[0]?.frames).toEqual([]);
        readers[0]?.leave();
        while ((await attachedTo(front)) > 2);
        for (const reader of readers) reader.leave();
        while ((await attachedTo(front)) > 0);
        expect(front.logged).toEqual([]);
      },
      { keepAliveMs: 20 },
    ));
});

test('a reader that is gone before its stream began is not counted for ever', () =>
  withSession(async (front) => {
    const gone = Array.from({ length: 60 }, (_, n) => {
      const request = httpRequest({
        host: '127.0.0.1',
        port: front.server.port,
        path: events(),
        agent: false,
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      request.on('error', () => undefined);
      request.end();
      const leave = (): void => void request.destroy();
      request.on('socket', (socket) => socket.on('connect', () => setTimeout(leave, n % 6)));
      return new Promise((resolve) => request.on('close', resolve));
    });
    await Promise.all(gone);
    while ((await attachedTo(front)) > 0);
    expect(front.logged).toEqual([]);
  }));

const attachedTo = async (front: Front): Promise<number> =>
  (await front.call('GET', `/v1/sessions/${ID}`)).body.session.attached;

describe('a reader that does not read', () => {
  test('costs no pages beyond what the line holds, holds nobody up, and misses nothing', () => {
    let pages = 0;
    const watchStore = (store: Store): Store => ({
      ...store,
      call: (name, args, options) => {
        if (name === 'readEvents') pages += 1;
        return store.call(name, args, options);
      },
    });
    return withSession(
      async (front) => {
        const COUNT = 1200;
        const body = 'x'.repeat(20_000);
        const slow = await attach(front, events(), { isPaused: true });
        for (let n = 0; n < COUNT; n += 100)
          await Promise.all(
            Array.from({ length: 100 }, (_, m) => notice(front, ID, `n${n + m}`, body)),
          );
        const pagesOfSlow = pages;
        const quick = await attach(front, events());
        await quick.until(has(COUNT));
        expect(pages - pagesOfSlow).toBeGreaterThanOrEqual(COUNT / 50);
        // What the sockets buffer is a few megabytes of the 24 that were written.
        expect(pagesOfSlow * 50 * body.length).toBeLessThan((COUNT * body.length * 3) / 4);
        slow.response.resume();
        await slow.until(has(COUNT));
        expect(offsets(slow)).toEqual(offsets(quick));
        for (const reader of [slow, quick]) reader.leave();
      },
      { watchStore },
    );
  });

  test("gets streaming text in bigger pieces, whole, and is not the daemon's memory", () =>
    withSession(async (front) => {
      const slow = await attach(front, events(), { isPaused: true });
      // Fills the line first, so that text has to wait.
      for (let n = 0; n < 10; n += 1) await notice(front, ID, `n${n}`, 'x'.repeat(1_500_000));
      const pieces = Array.from({ length: 20_000 }, (_, n) => `${n} `);
      for (const text of pieces)
        front.deltas.publish(ID, { kind: 'delta', agent: LEAD, turn: 1, attempt: 1, text });
      slow.response.resume();
      const textOf = (frames: readonly Frame[]): string =>
        frames
          .filter(({ event }) => event === 'delta')
          .map(({ data }) => data.text)
          .join('');
      await slow.until((frames) => textOf(frames).length === pieces.join('').length);
      expect(textOf(slow.frames)).toBe(pieces.join(''));
      expect(slow.frames.filter(({ event }) => event === 'delta').length).toBeLessThan(100);
      slow.leave();
    }));

  test('does not keep the server from closing', () =>
    withSession(async (front) => {
      const slow = await attach(front, events(), { isPaused: true });
      for (let n = 0; n < 10; n += 1) await notice(front, ID, `n${n}`, 'x'.repeat(1_500_000));
      const began = performance.now();
      await front.server.close();
      expect(performance.now() - began).toBeLessThan(1500);
      slow.leave();
    }));
});

describe('streaming text', () => {
  const publish = (front: Front, text: string, turn = 1, attempt = 1): void =>
    front.deltas.publish(ID, { kind: 'delta', agent: LEAD, turn, attempt, text });
  const answer = (front: Front, turn: number, text: string): Promise<boolean> =>
    front.store.call('appendAnswer', {
      sessionId: ID,
      agent: LEAD,
      row: {
        turn,
        index: 100_000,
        at: new Date().toISOString(),
        body: {
          kind: 'answer',
          model: 'm/m',
          blocks: [{ kind: 'text', text }],
          stopReason: 'stop',
          usage: null,
          native: null,
        },
      },
      usage: { model: 'm/m', usage: null, costUsd: null, estimated: false, durationMs: 1 },
    });
  const told = ({ frames }: Reader): string[] =>
    frames.map(({ event, data }) =>
      event === 'delta' ? `${data.turn}/${data.attempt} ${data.text}` : event,
    );

  test('comes live, before its answer; a late reader gets all of it, one after the answer none', () =>
    withSession(async (front) => {
      const early = await attach(front, events());
      publish(front, 'Hel');
      await early.until(has(1));
      publish(front, 'lo');
      await early.until(has(2));
      const late = await attach(front, events());
      await late.until(has(1));
      publish(front, '!');
      await Promise.all([early.until(has(3)), late.until(has(2))]);
      await answer(front, 1, 'Hello!');
      await Promise.all([early.until(has(4)), late.until(has(3))]);
      expect(told(early)).toEqual(['1/1 Hel', '1/1 lo', '1/1 !', 'answer']);
      expect(told(late)).toEqual(['1/1 Hello', '1/1 !', 'answer']);
      expect(late.frames[0]?.id).toBeNull();
      const after = await attach(front, events('now'));
      const again = await attach(front, events(0));
      while ((await attachedTo(front)) < 4);
      publish(front, 'Next', 2);
      await Promise.all([after.until(has(1)), again.until(has(2))]);
      expect(told(after)).toEqual(['2/1 Next']);
      expect(told(again)).toEqual(['answer', '2/1 Next']);
      for (const reader of [early, late, after, again]) reader.leave();
    }));

  test('a new attempt begins anew; text of an answer that is stored already is not sent', () =>
    withSession(async (front) => {
      const reader = await attach(front, events());
      publish(front, 'abc');
      await reader.until(has(1));
      publish(front, 'xy', 1, 2);
      await reader.until(has(2));
      await answer(front, 1, 'xyz');
      await reader.until(has(3));
      publish(front, 'late', 1, 2);
      publish(front, 'two', 2);
      await reader.until(has(4));
      expect(told(reader)).toEqual(['1/1 abc', '1/2 xy', 'answer', '2/1 two']);
      reader.leave();
    }));
});
