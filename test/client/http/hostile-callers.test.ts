/**
 * Callers that mean harm or know no better: pages that resolve to loopback, raw bytes, wrong methods, bodies
 * that never end. Each gets one clear answer, and disturbs nobody else.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { sharedFront, TOKEN, withFront, type Front } from '../front.js';

const shared = sharedFront({ client: null, patienceMs: 50 });
const withServer = (body: (front: Front) => Promise<void>): Promise<void> => body(shared());

/** What came back on a connection, byte by byte, and a way to say more. */
const dial = async (front: Front) => {
  const socket: Socket = connect(front.server.port, '127.0.0.1').setEncoding('latin1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  let heard = '';
  socket.on('data', (part: string) => (heard += part));
  return {
    socket,
    heard: () => heard,
    say: (text: string) => void socket.write(text, 'latin1'),
    until: async (passes: (text: string) => boolean): Promise<void> => {
      while (!passes(heard)) await once(socket, 'data');
    },
    closed: () => (socket.destroyed ? Promise.resolve([]) : once(socket, 'close')),
  };
};

const head = (front: Front, first: string, ...lines: readonly string[]): string =>
  [
    first,
    `host: 127.0.0.1:${front.server.port}`,
    `authorization: Bearer ${TOKEN}`,
    ...lines,
    '',
    '',
  ].join('\r\n');

const statusesIn = (text: string): readonly number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

describe('a name that resolves to this machine', () => {
  test('is no name of ours, whatever it looks like', () =>
    withServer(async (front) => {
      const { port } = front.server;
      const own = ['127.0.0.1', 'localhost', 'LOCALHOST', 'LocalHost'];
      const foreign = [
        'evil.example',
        '127.0.0.1.evil.example',
        'localhost.evil.example',
        'localhost.',
        'localhost@evil.example',
        '127.1',
        '127.0.0.2',
        '0.0.0.0',
        '0',
        '2130706433',
        '0x7f.1',
        '[::1]',
        '[::ffff:127.0.0.1]',
        'user@127.0.0.1',
        '',
      ];
      const statuses = async (names: readonly string[], path: string) =>
        Promise.all(
          names.map(async (name) => {
            const { status } = await front.call('GET', path, undefined, {
              host: `${name}:${port}`,
            });
            return [name, status];
          }),
        );
      for (const path of ['/v1/sessions', '/v1/health']) {
        expect(await statuses(own, path)).toEqual(own.map((name) => [name, 200]));
        expect(await statuses(foreign, path)).toEqual(foreign.map((name) => [name, 403]));
      }
    }));

  test.each([
    ['http://127.0.0.1:PORT', 200],
    ['http://localhost:PORT', 200],
    ['HTTP://LOCALHOST:PORT', 200],
    ['https://127.0.0.1:PORT', 403],
    ['http://127.0.0.1:PORT.evil.example', 403],
    ['http://127.0.0.1:PORT/', 403],
    ['http://evil.example#http://127.0.0.1:PORT', 403],
    ['http://127.0.0.1', 403],
    ['http://[::1]:PORT', 403],
    ['file://', 403],
    ['chrome-extension://abcdef', 403],
    ['', 403],
  ])('of origin "%s" gets %i', (origin, status) =>
    withServer(async (front) => {
      const headers = { origin: origin.replace('PORT', String(front.server.port)) };
      expect((await front.call('GET', '/v1/sessions', undefined, headers)).status).toBe(status);
      expect((await front.call('GET', '/v1/health', undefined, headers)).status).toBe(status);
    }),
  );

  test('gets no leave of a browser, neither before nor with a request', () =>
    withServer(async (front) => {
      const origin = 'https://evil.example';
      const asked = { origin, 'access-control-request-method': 'POST' };
      const preflight = await front.call('OPTIONS', '/v1/sessions', undefined, asked);
      expect(preflight.status).toBe(403);
      const simple = await front.call('POST', '/v1/sessions', '{}', {
        origin,
        'content-type': 'text/plain',
      });
      for (const { headers } of [preflight, simple]) {
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual(
          [],
        );
        expect(headers).toMatchObject({
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        });
      }
    }));
});

describe('raw bytes', () => {
  test.each<[string, readonly string[], readonly number[]]>([
    ['no Host', ['GET /v1/health HTTP/1.1\r\n\r\n'], [400]],
    ['no Host in HTTP/1.0', ['GET /v1/health HTTP/1.0\r\n\r\n'], [403]],
    ['nonsense', ['\u0000\u0001\u0002\r\n\r\n'], [400]],
    ['another protocol', ['SSH-2.0-OpenSSH_9\r\n'], [400]],
    ['a verb of nobody', ['FROBNICATE / HTTP/1.1\r\n\r\n'], [400]],
    [
      'two lengths',
      ['POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'],
      [400],
    ],
    [
      'a length and chunks at once',
      ['POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n'],
      [400],
    ],
    [
      'headers without end',
      [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`],
      [431],
    ],
  ])('with %s are refused, and the line is cut', (_, said, statuses) =>
    withServer(async (front) => {
      const line = await dial(front);
      for (const text of said) line.say(text);
      await line.until((text) => text.includes('\r\n\r\n'));
      expect(statusesIn(line.heard())).toEqual(statuses);
      line.socket.destroy();
      expect(front.logged).toEqual([]);
      expect((await front.call('GET', '/v1/health')).status).toBe(200);
    }),
  );

  test('that ask for a tunnel or another protocol get none', () =>
    withServer(async (front) => {
      const tunnel = await dial(front);
      tunnel.say(head(front, 'CONNECT evil.example:443 HTTP/1.1'));
      await tunnel.closed();
      expect(tunnel.heard()).toBe('');
      const upgrade = await dial(front);
      upgrade.say(
        head(front, 'GET /v1/nope HTTP/1.1', 'connection: upgrade', 'upgrade: websocket'),
      );
      await upgrade.until((text) => text.includes('no_route'));
      expect(statusesIn(upgrade.heard())).toEqual([404]);
      upgrade.socket.destroy();
    }));
});

describe('a connection that is kept', () => {
  test('answers many requests in their order, with refusals among them', () =>
    withServer(async (front) => {
      const line = await dial(front);
      const get = head(front, 'GET /v1/sessions HTTP/1.1');
      const lost = head(front, 'GET /v1/nope HTTP/1.1');
      const bad = `${head(front, 'POST /v1/sessions HTTP/1.1', 'content-length: 2')}[]`;
      const unread = `${head(front, 'POST /v1/nope HTTP/1.1', 'content-length: 9')}{"a":"b"}`;
      line.say(Array.from({ length: 20 }, () => get + lost + bad + unread).join(''));
      await line.until((text) => statusesIn(text).length === 80 && text.endsWith('}}'));
      expect(statusesIn(line.heard())).toEqual(
        Array.from({ length: 20 }, () => [200, 404, 400, 404]).flat(),
      );
      line.socket.destroy();
    }));

  test('HEAD and other methods get a status, no body, and do not disturb what follows', () =>
    withServer(async (front) => {
      const line = await dial(front);
      const methods = ['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE', 'TRACE'];
      for (const method of methods) line.say(head(front, `${method} /v1/sessions HTTP/1.1`));
      line.say(head(front, 'GET /v1/sessions HTTP/1.1'));
      await line.until((text) => statusesIn(text).length === 7 && text.endsWith(']}'));
      expect(statusesIn(line.heard())).toEqual([...methods.map(() => 405), 200]);
      const [first] = line.heard().split('HTTP/1.1 405').slice(1);
      expect(first?.split('\r\n\r\n')[1]).toBe('');
      line.socket.destroy();
    }));
});

describe('a body', () => {
  test('that comes in pieces, through the middle of characters, is read whole', () =>
    withServer(async (front) => {
      const body = Buffer.from(JSON.stringify({ ...front.start(), text: ' \u3000 ', title: '🧵' }));
      const line = await dial(front);
      line.say(head(front, 'POST /v1/sessions HTTP/1.1', 'transfer-encoding: chunked'));
      for (const byte of body) line.say(`1\r\n${String.fromCharCode(byte)}\r\n`);
      line.say('0\r\n\r\n');
      await line.until((text) => text.includes('exit_code'));
      expect(line.heard()).toContain('the prompt is empty');
      line.socket.destroy();
    }));

  test('that never ends holds nobody up when the server closes', () =>
    withFront({ client: null }, async (front) => {
      const line = await dial(front);
      line.say(`${head(front, 'POST /v1/sessions HTTP/1.1', 'content-length: 100')}{"text":`);
      await front.call('GET', '/v1/health');
      const began = performance.now();
      await Promise.all([front.server.close(), line.closed()]);
      expect(performance.now() - began).toBeLessThan(4000);
      expect(front.logged).toEqual([]);
    }));

  test('of a prompt of 4 MB that JSON makes six times as long is taken', () =>
    withServer(async (front) => {
      const text = '\u0001'.repeat(4 * 1024 * 1024);
      const { session_id: session, ...body } = front.start({ text });
      const { status } = await front.call('POST', '/v1/sessions', { ...body, session_id: session });
      // There is no engine here; what was stored is what counts.
      expect(status).toBe(503);
      const [row] = await front.store.call('getMessages', { ids: [body.message_id] });
      expect(row?.text === text).toBe(true);
    }));

  test('of 40 MB gets an answer, not a cut line', () =>
    withServer(async (front) => {
      const { status, body } = await front.call(
        'POST',
        '/v1/sessions',
        'x'.repeat(40 * 1024 * 1024),
      );
      expect([status, body.error.exit_code]).toEqual([413, 42]);
    }));

  test.each([
    ['a mark before it', '\ufeff{}'],
    ['something after it', '{"a":1}{}'],
    ['a text', '"text"'],
    ['a number', '7'],
    ['null', 'null'],
    ['a list', '[{}]'],
    ['a beginning', '{'],
    ['a zero byte', '\u0000'],
    ['a list in a list in a list', '['.repeat(100_000)],
  ])('with %s is no object', (_, text) =>
    withServer(async (front) => {
      const { status, body } = await front.call('POST', '/v1/sessions', text);
      expect([status, body.error.message]).toEqual([400, 'the request body is not a JSON object']);
    }),
  );
});
