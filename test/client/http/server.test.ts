/** The HTTP server: who is let in, what is refused and how, and how it closes. */
import { connect } from 'node:net';
import { once } from 'node:events';

import { makeDeltaFeed } from '../../../client/http/delta-feed.js';
import { startHttpServer } from '../../../client/http/server.js';
import { createSession, TOKEN, withFront, type Front } from '../front.js';

const ID = '3f2a0c1e-1111-4111-8111-000000000001';
const OTHER = '3f2a0c1e-2222-4222-8222-000000000002';
const withServer = (body: (front: Front) => Promise<void>): Promise<void> =>
  withFront({ client: null, patienceMs: 100 }, body);

describe('the door', () => {
  const CASES: readonly (readonly [
    string,
    (port: number) => Record<string, string | null>,
    number,
  ])[] = [
    ['the token', () => ({}), 200],
    ['the token, with localhost', (port) => ({ host: `localhost:${port}` }), 200],
    ['the token in another case', () => ({ authorization: `bearer ${TOKEN}` }), 200],
    ['its own origin', (port) => ({ origin: `http://127.0.0.1:${port}` }), 200],
    ['no token', () => ({ authorization: null }), 401],
    ['an empty token', () => ({ authorization: 'Bearer ' }), 401],
    ['a wrong token', () => ({ authorization: `Bearer ${TOKEN}x` }), 401],
    ['half the token', () => ({ authorization: `Bearer ${TOKEN.slice(0, -1)}` }), 401],
    ['the token as a password', () => ({ authorization: `Basic ${btoa(`x:${TOKEN}`)}` }), 401],
    ['a foreign host', () => ({ host: 'evil.example' }), 403],
    ['a foreign name for this port', (port) => ({ host: `evil.example:${port}` }), 403],
    ['the host without port', () => ({ host: '127.0.0.1' }), 403],
    ['another port', () => ({ host: '127.0.0.1:1' }), 403],
    ['a foreign origin', () => ({ origin: 'https://evil.example' }), 403],
    ['an origin of nowhere', () => ({ origin: 'null' }), 403],
    ['another port of this machine', () => ({ origin: 'http://127.0.0.1:1' }), 403],
  ];

  test('lets in with token, own host and own origin alone', () =>
    withServer(async (front) => {
      const expected = CASES.map(([what, , status]) => [what, status]);
      const found: [string, number][] = [];
      for (const [what, headers] of CASES) {
        const { status } = await front.call(
          'GET',
          '/v1/status',
          undefined,
          headers(front.server.port),
        );
        found.push([what, status]);
      }
      expect(found).toEqual(expected);
    }));

  test('health needs no token, but a host and an origin of ours', () =>
    withServer(async ({ call }) => {
      const health = await call('GET', '/v1/health', undefined, { authorization: null });
      expect(health.body).toEqual({ ok: true, version: '1.2.3', build: 'abc', pid: process.pid });
      const evil = { authorization: null, origin: 'https://evil.example' };
      expect((await call('GET', '/v1/health', undefined, evil)).status).toBe(403);
      expect((await call('GET', '/v1/health', undefined, { host: 'evil.example' })).status).toBe(
        403,
      );
      expect(health.headers['access-control-allow-origin']).toBeUndefined();
    }));

  test('a route that is not there says nothing to those without token', () =>
    withServer(async ({ call }) => {
      expect((await call('GET', '/v1/nope', undefined, { authorization: null })).status).toBe(401);
      expect((await call('GET', '/v1/nope')).status).toBe(404);
      const refused = await call('DELETE', '/v1/sessions');
      expect([refused.status, refused.headers['allow']]).toEqual([405, 'GET, POST']);
      expect((await call('GET', '/v1/nothing')).headers).not.toHaveProperty('allow');
      expect((await call('GET', '/v1/sessions/a/b/c')).status).toBe(404);
      expect((await call('GET', '//evil/%zz')).status).toBe(404);
    }));

  test('it is not reachable but by loopback, and a taken port is said', () =>
    withServer(async (front) => {
      const { store, gateway } = front;
      const again = startHttpServer({
        port: front.server.port,
        token: TOKEN,
        gateway,
        store,
        deltas: makeDeltaFeed(),
        build: { version: '', build: '' },
        now: () => new Date(),
        logError: () => undefined,
      });
      await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
      const foreign = connect(front.server.port, '127.0.0.2');
      await expect(once(foreign, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }));
});

describe('bodies', () => {
  const CASES: readonly (readonly [string, unknown, string])[] = [
    ['no JSON', '{"text":', 'the request body is not a JSON object'],
    ['a list', [], 'the request body is not a JSON object'],
    ['nothing', '', 'the request body is not a JSON object'],
    [
      'no env',
      { session_id: ID, message_id: 'm', text: 'x', project: '/' },
      '"env" must be an object of strings',
    ],
    ['a number in env', { env: { A: 1 } }, '"env" must be an object of strings'],
    [
      'no text',
      { env: {}, session_id: ID, message_id: 'm', project: '/' },
      '"text" must be a string',
    ],
    [
      'a mode of later',
      { env: {}, permission_mode: 'plan' },
      '"permission_mode" must be default, bypass, bypassPermissions',
    ],
    [
      'a mode of nobody',
      { env: {}, permission_mode: 'constructor' },
      '"permission_mode" must be default, bypass, bypassPermissions',
    ],
    [
      'half a turn',
      { env: {}, max_turns: 0.5 },
      '"max_turns" must be a whole number from 0 to 1000000',
    ],
    ['a umask of text', { env: {}, umask: '022' }, '"umask" must be a whole number from 0 to 511'],
  ];
  test('that are wrong are refused with the field and exit code 2', () =>
    withServer(async ({ call }) => {
      for (const [what, sent, message] of CASES) {
        const { status, body } = await call('POST', '/v1/sessions', sent);
        expect([what, status, body.error.message]).toEqual([what, 400, message]);
        expect(body.error).toMatchObject({ kind: 'usage', exit_code: 2 });
      }
    }));

  test('a prompt of 10 MB and one of 30 MB get exit code 42 and a clear word, not a cut line', () =>
    withServer(async ({ call, start }) => {
      for (const megabytes of [5, 10, 30]) {
        const sent = start({ text: 'x'.repeat(megabytes * 1024 * 1024) });
        const { status, body } = await call('POST', '/v1/sessions', sent);
        expect(status).toBe(413);
        expect(body.error).toMatchObject({ kind: 'input', exit_code: 42 });
      }
      expect((await call('GET', '/v1/sessions')).body).toEqual({ sessions: [] });
    }));

  test('a caller that goes away in the middle of its body is no error of ours', () =>
    withServer(async (front) => {
      const socket = connect(front.server.port, '127.0.0.1');
      const head = `POST /v1/sessions HTTP/1.1\r\nhost: 127.0.0.1:${front.server.port}\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 100\r\n\r\n{"te`;
      socket.write(head, () => socket.destroy());
      await once(socket, 'close');
      expect((await front.call('GET', '/v1/sessions')).status).toBe(200);
      expect(front.logged).toEqual([]);
    }));

  test('what nobody foresaw is logged, and told without its innards', () =>
    withFront(
      {
        client: null,
        watchStore: (store) => ({
          ...store,
          call: (name, args, options) => {
            if (name === 'listSessions') throw new TypeError('secret innards at /src/x.ts');
            return store.call(name, args, options);
          },
        }),
      },
      async ({ call, logged }) => {
        const { status, body, text } = await call('GET', '/v1/sessions');
        expect(status).toBe(500);
        expect(body.error).toMatchObject({ kind: 'internal', exit_code: 1 });
        expect(text).not.toMatch(/innards|\.ts/);
        expect(logged).toHaveLength(1);
      },
    ));
});

describe('documents', () => {
  test('sessions have the fields of ps, unknown ones null', () =>
    withServer(async (front) => {
      await createSession(front, ID, { createdAt: '2026-01-01T00:00:00.000Z' });
      const { body } = await front.call('GET', `/v1/sessions/${ID.slice(0, 10)}`);
      expect(body).toEqual({
        session: {
          id: ID,
          title: 'a title',
          project: front.project,
          state: 'lost',
          waiting_for: null,
          outcome: null,
          model: 'openai/test',
          turns: 0,
          cost_usd: 0,
          created_at: '2026-01-01T00:00:00.000Z',
          last_progress_at: '2026-01-01T00:00:00.000Z',
          attached: 0,
          agents: [],
        },
        last_prompt: null,
        last_offset: 0,
      });
      const waitingFor = { kind: 'retry', id: null, since: 'x', until: null } as const;
      await front.store.call('setAgentState', {
        sessionId: ID,
        name: 'lead',
        role: 'lead',
        model: 'openai/test',
        state: 'waiting',
        waitingFor,
        outcome: null,
        tool: null,
        turn: 3,
        at: '2026-01-01T00:05:00.000Z',
      });
      const [session] = (await front.call('GET', '/v1/sessions')).body.sessions;
      expect(session).toMatchObject({ state: 'waiting', waiting_for: waitingFor, turns: 3 });
      expect(session.agents).toMatchObject([
        { name: 'lead', turn: 3, parent: null, task_id: null },
      ]);
      const status = (await front.call('GET', '/v1/status')).body;
      expect(status.sessions).toEqual({
        thinking: 0,
        tool: 0,
        waiting: 1,
        parked: 0,
        idle: 0,
        ended: 0,
      });
      expect(status.store.bytes).toBeGreaterThan(0);
    }));

  test('a prefix finds its session, an ambiguous one names them all, a short one is refused', () =>
    withServer(async (front) => {
      await createSession(front, ID);
      await createSession(front, OTHER);
      const find = async (prefix: string) =>
        (await front.call('GET', `/v1/sessions/${prefix}`)).body;
      expect((await find('3F2A0C1E-2')).session.id).toBe(OTHER);
      expect((await find(ID)).session.id).toBe(ID);
      const { error } = await find('3f2a');
      expect(error).toMatchObject({ kind: 'ambiguous', exit_code: 2 });
      expect(error.message).toContain(ID);
      expect(error.message).toContain(OTHER);
      expect((await find('3f2')).error).toMatchObject({ kind: 'usage', exit_code: 2 });
      expect((await find('3f2%25')).error).toMatchObject({ kind: 'usage', exit_code: 2 });
      expect((await find('ffff0000')).error).toMatchObject({ kind: 'not_found', exit_code: 2 });
      const listed = (await front.call('GET', '/v1/sessions?prefix=3f2a0c1e')).body.sessions;
      expect(listed).toHaveLength(2);
    }));

  test('with a project its sessions come, the newest by last message first', () =>
    withServer(async (front) => {
      await createSession(front, ID, { createdAt: '2026-01-01T00:00:00.000Z' });
      await createSession(front, OTHER, { createdAt: '2026-01-02T00:00:00.000Z' });
      const at = { agent: 'lead', text: 'x', sentAt: new Date().toISOString() };
      await front.store.call('storeMessage', { id: 'm1', sessionId: ID, ...at });
      const list = async (project: string): Promise<string[]> => {
        const path = `/v1/sessions?all=1&project=${encodeURIComponent(project)}`;
        return (await front.call('GET', path)).body.sessions.map(({ id }: { id: string }) => id);
      };
      expect(await list(`${front.folder}/./project`)).toEqual([ID, OTHER]);
      expect(await list(front.folder)).toEqual([]);
    }));
});

describe('closing', () => {
  test('ends streams at once and answers what is in flight', () =>
    withServer(async (front) => {
      await createSession(front, ID);
      const stream = front.call('GET', `/v1/sessions/${ID}/events`);
      while ((await front.call('GET', `/v1/sessions/${ID}`)).body.session.attached === 0);
      const began = performance.now();
      await front.server.close();
      expect((await stream).status).toBe(200);
      expect(performance.now() - began).toBeLessThan(1000);
      await expect(front.call('GET', '/v1/health')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }));

  test('a gateway that closes lets go of those who wait for the engine', () =>
    withFront({ client: null, patienceMs: 60_000 }, async (front) => {
      const waiting = front.call('POST', '/v1/sessions', front.start());
      while ((await front.store.call('listSessions', { since: null })).length === 0);
      front.gateway.close();
      const { status, body } = await waiting;
      expect([status, body.error.kind]).toEqual([503, 'engine_unavailable']);
    }));
});
