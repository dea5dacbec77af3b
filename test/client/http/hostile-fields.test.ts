/**
 * Fields of every wrong type, ids that are paths, and message ids that were used before: named in the answer,
 * and nothing is written.
 */
import { createSession, sharedFront, type Front } from '../front.js';

const ID = '3f2a0c1e-1111-4111-8111-000000000001';
const KIND = 'application/json; charset=utf-8';
const shared = sharedFront({ client: null, patienceMs: 50 });
const withServer = (body: (front: Front) => Promise<void>): Promise<void> => body(shared());

describe('a field', () => {
  const WRONG: readonly (readonly [string, readonly unknown[]])[] = [
    ['session_id', [undefined, null, 7, true, {}, [], ['x']]],
    ['message_id', [undefined, null, 7, {}, []]],
    ['text', [undefined, null, 7, {}, [], ['go on']]],
    ['project', [undefined, null, 7, {}]],
    ['env', [undefined, null, 'x', 7, [], { A: 1 }, { A: null }, { A: ['x'] }, { A: {} }]],
    ['umask', ['022', -1, 512, 1.5, 1e99, {}, []]],
    ['config_file', [7, {}, [], false]],
    ['model', [7, {}, [], false]],
    ['permission_mode', ['plan', 'BYPASS', '', '__proto__', 7, {}, ['bypass']]],
    ['max_turns', ['7', -1, 0.5, 1_000_001, 1e300, {}, true]],
    ['interactive', ['yes', 1, 0, {}, []]],
  ];
  const isOf = (routes: readonly string[], name: string): boolean =>
    !routes.at(-1)!.endsWith('messages') || !['session_id', 'project'].includes(name);

  test.each(WRONG)('"%s" of the wrong type is named, and nothing is written', (name, values) =>
    withServer(async (front) => {
      await createSession(front, ID);
      const before = (await front.call('GET', '/v1/sessions')).text;
      for (const path of ['/v1/sessions', `/v1/sessions/${ID}/messages`])
        for (const value of values.filter(() => isOf([path], name))) {
          // A wrapper may leave all of its surroundings out of a later prompt.
          if (path.endsWith('messages') && name === 'env' && value === undefined) continue;
          const { status, body } = await front.call('POST', path, {
            ...front.start(),
            [name]: value,
          });
          expect([path, value, status, body.error.kind]).toEqual([path, value, 400, 'usage']);
          expect(body.error.message).toMatch(new RegExp(`^"${name}" must be `));
        }
      expect((await front.call('GET', '/v1/sessions')).text).toBe(before);
      expect(front.logged).toEqual([]);
    }),
  );

  test('that nobody knows is passed over, also one with a name of the language', () =>
    withServer(async (front) => {
      const sent = JSON.stringify({ ...front.start(), novelty: { deep: [1] } });
      const text = sent.replace('{', '{"__proto__":{"model":"x"},"constructor":1,"toString":[],');
      expect((await front.call('POST', '/v1/sessions', text)).status).toBe(503);
      const env = JSON.parse('{"__proto__":"x","A=B":"x","":"x","constructor":"y"}') as Record<
        string,
        string
      >;
      const body = front.start();
      const again = { ...body, env: Object.assign(Object.create(null), body.env, env) };
      expect((await front.call('POST', '/v1/sessions', JSON.stringify(again))).status).toBe(503);
      expect(({} as Record<string, unknown>)['model']).toBeUndefined();
    }));
});

describe('an id', () => {
  const EVIL = [
    '..',
    '%2e%2e',
    '..%2f..%2fetc%2fpasswd',
    '%2Fetc%2Fpasswd',
    '%00',
    '3f2a%00',
    '3f2a%25',
    '3f2a%27%20or%201=1',
    '____',
    '%25%25%25%25',
    '%F0%9F%A7%B5',
    'x'.repeat(8000),
  ];
  const ROUTES: readonly (readonly [string, string, unknown])[] = [
    ['GET', '/v1/sessions/ID', undefined],
    ['GET', '/v1/sessions/ID/events', undefined],
    ['POST', '/v1/sessions/ID/messages', { message_id: 'm', text: 'x' }],
    ['POST', '/v1/sessions/ID/interrupt', {}],
    ['POST', '/v1/sessions/ID/stop', {}],
    ['POST', '/v1/approvals/ID', { decision: 'approve' }],
  ];

  test.each(ROUTES)('of %s %s that is a path or a pattern finds nothing', (method, route, body) =>
    withServer(async (front) => {
      await createSession(front, ID);
      for (const id of EVIL) {
        const answer = await front.call(method, route.replace('ID', id), body);
        expect([400, 404, 405]).toContain(answer.status);
        expect(answer.headers['content-type']).toBe(KIND);
        expect(answer.text).not.toMatch(/root:|a title/);
      }
      expect(front.logged).toEqual([]);
      expect(front.interrupted).toEqual([]);
    }),
  );

  test.each([
    '-1',
    '1.5',
    '1e3',
    '0x1',
    ' 1',
    '',
    'NOW',
    'null',
    '9'.repeat(16),
    '9007199254740993',
    '١',
  ])('is no offset: %j', (from) =>
    withServer(async (front) => {
      await createSession(front, ID);
      const path = `/v1/sessions/${ID}/events?from=${encodeURIComponent(from)}`;
      const { status, body } = await front.call('GET', path);
      expect([status, body.error.kind]).toEqual([400, 'usage']);
      const last = await front.call('GET', `/v1/sessions/${ID}/events`, undefined, {
        'last-event-id': 'x',
      });
      expect(last.status).toBe(400);
    }),
  );

  test('of a request and a reason of an answer have an end', () =>
    withServer(async (front) => {
      await createSession(front, ID);
      const long = await front.call('POST', `/v1/sessions/${ID}/interrupt`, {
        request_id: 'x'.repeat(129),
      });
      expect([long.status, long.body.error.message]).toEqual([
        400,
        '"request_id" must be at most 128 characters',
      ]);
      const said = { decision: 'deny', reason: 'x'.repeat(10_001) };
      const { status, body } = await front.call('POST', '/v1/approvals/q-0000abcd', said);
      expect([status, body.error.message]).toEqual([
        400,
        '"reason" must be at most 10000 characters',
      ]);
      for (const decision of ['yes', '', null, true, 'Approve'])
        expect((await front.call('POST', '/v1/approvals/q-0000abcd', { decision })).status).toBe(
          400,
        );
    }));
});

describe('a message id', () => {
  const stored = async (front: Front): Promise<readonly unknown[]> =>
    (await front.call('GET', '/v1/sessions')).body.sessions;
  /** Taken as far as it goes here: there is no engine. */
  const send = async (front: Front, body: object) => {
    const { status, body: said } = await front.call('POST', '/v1/sessions', body);
    return [status, said.error.kind];
  };

  test('that was used in another session is refused, and leaves no session behind', () =>
    withServer(async (front) => {
      const first = front.start();
      expect(await send(front, first)).toEqual([503, 'engine_unavailable']);
      const before = await stored(front);
      expect(await send(front, front.start({ message_id: first.message_id }))).toEqual([
        409,
        'message_conflict',
      ]);
      expect(await stored(front)).toEqual(before);
      expect(await send(front, first)).toEqual([503, 'engine_unavailable']);
    }));

  test('with another text is refused, and changes neither model nor keys', () =>
    withServer(async (front) => {
      const first = front.start();
      await send(front, first);
      const before = await stored(front);
      const other = { ...first, text: 'another', model: 'openai/other' };
      expect(await send(front, other)).toEqual([409, 'message_conflict']);
      const { status } = await front.call(
        'POST',
        `/v1/sessions/${first.session_id}/messages`,
        other,
      );
      expect(status).toBe(409);
      expect(await stored(front)).toEqual(before);
    }));
});
