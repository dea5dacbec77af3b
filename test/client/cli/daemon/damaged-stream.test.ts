/**
 * A stream that is damaged in every way a line can be: what is whole is handed out once and in order, the
 * rest is asked for again, and what never gets better is said instead of waited for.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createConnection } from '../../../../client/cli/daemon/lasting-connection.js';
import type { Connection, StreamItem } from '../../../../client/cli/daemon/lasting-connection.js';
import { EventReader } from '../../../../client/cli/daemon/server-sent-events.js';
import type { StoredEvent } from '../../../../workflows/protocol/events.js';
import { LEAD } from '../../../../workflows/protocol/ids.js';
import { refusal } from '../../../support/cli.js';

const storedAt = (offset: number, text = `event ${offset}`): StoredEvent => ({
  offset,
  uuid: `u-${offset}`,
  at: '',
  event: { kind: 'notice', agent: LEAD, text },
});
const frame = (stored: StoredEvent): string =>
  `id: ${stored.offset}\nevent: notice\ndata: ${JSON.stringify(stored)}\n\n`;
const frames = (...offsets: readonly number[]): string =>
  offsets.map((offset) => frame(storedAt(offset))).join('');

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A server whose n-th request gets the n-th answer; the last one goes on for ever. */
const withServer = async (
  answers: readonly Answer[],
  body: (line: {
    readonly connection: Connection;
    readonly paths: readonly string[];
    /** Texts of the first so many events after `from`. */
    readonly read: (count: number, from?: number) => Promise<readonly string[]>;
  }) => Promise<void>,
  outageMsMax = 5000,
): Promise<void> => {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    answers[Math.min(paths.length, answers.length) - 1]!(response, request);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const locate = () => Promise.resolve({ port, token: 'secret' });
  const connection = createConnection({ locate, outageMsMax });
  const read = async (count: number, from = 0): Promise<readonly string[]> => {
    const texts: string[] = [];
    for await (const item of connection.events('session', from)) {
      texts.push(textOf(item));
      if (texts.length === count) break;
    }
    return texts;
  };
  try {
    await body({ connection, paths, read });
  } finally {
    connection.close();
    server.closeAllConnections();
    server.close();
  }
};

const textOf = (item: StreamItem): string => {
  if (item.kind === 'delta') return item.delta.text;
  const { event } = item.stored;
  return event.kind === 'notice' ? event.text : event.kind;
};

/** An open stream that says this and stays, or ends. */
const says =
  (text: string | Buffer, end: 'stays' | 'ends' | 'breaks' = 'stays'): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (end === 'ends') return void response.end(text);
    response.write(text, () => {
      if (end === 'breaks') response.destroy();
    });
  };
const fails =
  (status: number, body: unknown = {}): Answer =>
  (response) =>
    void response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));

const from = (offset: number): string => `/v1/sessions/session/events?from=${offset}`;

describe('a stream', () => {
  const whole = frame(storedAt(2));
  const DAMAGE: readonly (readonly [string, string])[] = [
    ['an event without its end', whole.slice(0, -1)],
    ['half an event', whole.slice(0, 40)],
    ['half a line', 'id: 2\nda'],
    ['garbage where JSON should be', 'id: 2\nevent: notice\ndata: {"offset":2,"even\n\n'],
    ['an event that is null', 'id: 2\nevent: notice\ndata: null\n\n'],
    ['an event that is a list', 'id: 2\nevent: notice\ndata: []\n\n'],
    ['an event without offset', 'id: 2\nevent: notice\ndata: {"event":{"kind":"notice"}}\n\n'],
    ['an offset that is none', 'id: 2\ndata: {"offset":"2","event":{"kind":"notice"}}\n\n'],
    ['an offset in between', 'id: 2\ndata: {"offset":1.5,"event":{"kind":"notice"}}\n\n'],
    ['an event of no kind', 'id: 2\ndata: {"offset":2,"event":{}}\n\n'],
    ['an event that is no object', 'id: 2\ndata: {"offset":2,"event":"x"}\n\n'],
    ['text that is none', 'event: delta\ndata: {"agent":"lead","turn":1,"attempt":1}\n\n'],
    ['text that is garbage', 'event: delta\ndata: }\n\n'],
  ];
  test.each(DAMAGE)('with %s is asked for again behind what was whole', (_, damage) =>
    withServer([says(frames(1) + damage, 'ends'), says(frames(2, 3))], async ({ read, paths }) => {
      expect(await read(3)).toEqual(['event 1', 'event 2', 'event 3']);
      expect(paths).toEqual([from(0), from(1)]);
    }),
  );

  test('that is nothing but damage is given up, and says of what kind', () =>
    withServer(
      [says('id: 1\nevent: notice\ndata: {{{\n\n')],
      async ({ read, paths }) => {
        await expect(read(1)).rejects.toMatchObject({
          kind: 'unreachable',
          exitCode: 1,
          message: expect.stringContaining('held something that is no event'),
        });
        expect(paths.length).toBeGreaterThan(2);
        expect(new Set(paths)).toEqual(new Set([from(0)]));
      },
      200,
    ));

  test('that tells old events again is believed for the new ones alone', () =>
    withServer(
      [says(frames(5, 6), 'breaks'), says(frames(4, 5, 6, 7), 'ends'), says(frames(6, 7, 3, 8))],
      async ({ read, paths }) => {
        expect(await read(4, 4)).toEqual(['event 5', 'event 6', 'event 7', 'event 8']);
        expect(paths).toEqual([from(4), from(6), from(7)]);
      },
    ));

  test('that breaks at every byte is read whole, each event once', async () => {
    const told = frames(1, 2);
    for (let cut = 1; cut < told.length; cut += 7)
      await withServer([says(told.slice(0, cut), 'ends'), says(frames(1, 2))], async ({ read }) => {
        expect(await read(2)).toEqual(['event 1', 'event 2']);
      });
  });

  test('whose bytes come one by one, in the middle of characters, is text all the same', () =>
    withServer(
      [
        async (response) => {
          response.writeHead(200);
          response.socket?.setNoDelay(true);
          const bytes = Buffer.from(frame(storedAt(1, '漢🧵\u2028é')));
          for (const byte of bytes)
            await new Promise<void>((resolve) => {
              response.write(Buffer.from([byte]), () => resolve());
            });
        },
      ],
      async ({ read }) => {
        expect(await read(1)).toEqual(['漢🧵\u2028é']);
      },
    ));

  test('of offsets as large as can be is followed from there', () =>
    withServer(
      [says(frames(Number.MAX_SAFE_INTEGER - 1), 'ends'), says(frames(Number.MAX_SAFE_INTEGER))],
      async ({ read, paths }) => {
        await read(2);
        expect(paths[1]).toBe(from(Number.MAX_SAFE_INTEGER - 1));
      },
    ));

  test('of a line of 20 MB is handed out whole', () =>
    withServer([says(frame(storedAt(1, 'x'.repeat(20_000_000))))], async ({ read }) => {
      expect((await read(1))[0]).toHaveLength(20_000_000);
    }));
});

describe('an answer that says', () => {
  test.each([401, 502, 503, 504])('%i to a stream is "not now": it is tried again', (status) =>
    withServer([fails(status), fails(status), says(frames(1))], async ({ read, paths }) => {
      expect(await read(1)).toEqual(['event 1']);
      expect(paths).toHaveLength(3);
    }),
  );

  test.each([400, 403, 404, 405, 409, 413, 500, 507])(
    '%i is "no": once, in its own words',
    (status) =>
      withServer([fails(status, refusal(7, 'no'))], async ({ read, connection, paths }) => {
        await expect(read(1)).rejects.toMatchObject({ message: 'no', exitCode: 7 });
        const call = connection.call({ method: 'POST', path: '/x', body: {} });
        await expect(call).rejects.toMatchObject({ message: 'no', exitCode: 7 });
        expect(paths).toHaveLength(2);
      }),
  );

  test.each<[string, unknown]>([
    ['no JSON', '<html>'],
    ['nothing', ''],
    ['no error', {}],
    ['an error that is a text', { error: 'boom' }],
    ['an error that is null', { error: null }],
    ['an error without words', { error: { exit_code: 3 } }],
    ['words that are none', { error: { kind: 'x', message: 1, cure: [], exit_code: 3 } }],
    ['a success', { error: { kind: 'x', message: 'm', cure: 'c', exit_code: 0 } }],
    ['no exit code', { error: { kind: 'x', message: 'm', cure: 'c' } }],
  ])('no with %s is one clear failure', (_, body) =>
    withServer([fails(418, body)], async ({ connection }) => {
      await expect(connection.call({ method: 'GET', path: '/x' })).rejects.toMatchObject({
        kind: 'internal',
        message: 'the engine answered 418 (GET /x)',
        exitCode: 1,
      });
    }),
  );

  test('yes without JSON is asked again, with the same body', async () => {
    const bodies: string[] = [];
    const take: Answer = (response, request) => {
      request.setEncoding('utf8').on('data', (part: string) => bodies.push(part));
      request.on('end', () => response.end(bodies.length < 3 ? '{"half":' : '{"ok":true}'));
    };
    await withServer([take], async ({ connection }) => {
      const call = { method: 'POST', path: '/x', body: { id: 1 } } as const;
      expect(await connection.call(call)).toEqual({ ok: true });
      expect(bodies).toEqual(['{"id":1}', '{"id":1}', '{"id":1}']);
    });
  });

  test('yes and is cut in the middle is asked again', () => {
    const cut: Answer = (response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"ok":', () => response.destroy());
    };
    return withServer([cut, cut, fails(200, { ok: 1 })], async ({ connection, paths }) => {
      expect(await connection.call({ method: 'GET', path: '/x' })).toEqual({ ok: 1 });
      expect(paths).toHaveLength(3);
    });
  });
});

describe('a hundred calls at once', () => {
  test('are a hundred answers, each to its own', () =>
    withServer(
      [(response, { url }) => void response.end(JSON.stringify({ url }))],
      async ({ connection }) => {
        const paths = Array.from({ length: 100 }, (_, n) => `/x/${n}`);
        const answers = await Promise.all(
          paths.map((path) => connection.call<{ url: string }>({ method: 'GET', path })),
        );
        expect(answers.map(({ url }) => url)).toEqual(paths);
      },
    ));

  test('one after the other use one connection', () => {
    const ports = new Set<number>();
    const answer: Answer = (response, request) => {
      ports.add(request.socket.remotePort ?? 0);
      response.end('{}');
    };
    return withServer([answer], async ({ connection }) => {
      for (let n = 0; n < 100; n += 1) await connection.call({ method: 'GET', path: '/x' });
      expect(ports.size).toBe(1);
    });
  });
});

describe('lines of a stream', () => {
  const read = (text: string) => [...new EventReader().push(text)];

  test.each<[string, string, readonly unknown[]]>([
    ['data alone', 'data: x\n\n', [{ name: 'message', id: null, data: 'x' }]],
    ['no data', 'id: 1\nevent: x\n\n', []],
    ['empty data', 'data:\n\n', [{ name: 'message', id: null, data: '' }]],
    ['one blank taken, more kept', 'data:  x\n\n', [{ name: 'message', id: null, data: ' x' }]],
    ['a field of no name', ': data: x\n\n', []],
    ['a name that goes on', 'database: x\n\n', []],
    ['the last id counts', 'id: 1\nid: 2\ndata: x\n\n', [{ name: 'message', id: '2', data: 'x' }]],
    [
      'fields end with their event',
      'id: 1\nevent: a\n\ndata: x\n\n',
      [{ name: 'message', id: null, data: 'x' }],
    ],
    ['many empty lines', '\n\n\n\ndata: x\n\n\n\n', [{ name: 'message', id: null, data: 'x' }]],
    [
      'lines within data',
      'data: x\ndata:\ndata: y\n\n',
      [{ name: 'message', id: null, data: 'x\n\ny' }],
    ],
  ])('%s', (_, text, events) => {
    expect(read(text)).toEqual(events);
  });
});
