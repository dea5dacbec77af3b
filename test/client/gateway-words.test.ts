/** The gateway when things go wrong, and its words to agents: interrupt, stop, answers. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { PROMPT_BYTES_MAX } from '../../client/prompt-check.js';
import type { Approval } from '../../workflows/protocol/approvals.js';
import { approvalIdOf, LEAD, sessionIdOf, toolCallIdOf } from '../../workflows/protocol/ids.js';
import { createSession, type Front } from './front.js';
import { refusal, useTemporal, type History } from './gateway-rig.js';

const { temporal, handleOf, historyOf, withGateway } = useTemporal();

describe('what is wrong with a start', () => {
  test('is said before anything is written', () =>
    withGateway(async (front) => {
      const { start, project, folder, gateway } = front;
      writeFileSync(join(folder, 'broken.toml'), '\nnope = 1');
      const HOME = join(folder, 'user');
      const cases: readonly (readonly [object, string, number])[] = [
        [{ session_id: 'nope' }, 'usage', 2],
        [{ message_id: '' }, 'usage', 2],
        [{ text: ' \n' }, 'input', 42],
        [{ text: 'x'.repeat(PROMPT_BYTES_MAX + 1) }, 'input', 42],
        [{ project: join(folder, 'no') }, 'project', 2],
        [{ project: join(folder, 'broken.toml') }, 'project', 2],
        [{ env: { HOME } }, 'no_key', 2],
        [{ env: { HOME }, model: null }, 'no_model', 2],
        [{ model: 'opnai/x' }, 'unknown_provider', 2],
        [{ model: 'gpt' }, 'unknown_model', 2],
        [{ model: 'scripted/none' }, 'unknown_model', 2],
        [{ config_file: join(folder, 'broken.toml') }, 'config', 2],
        [{ config_file: 'broken.toml' }, 'usage', 2],
      ];
      const found: (readonly [string, number])[] = [];
      for (const [more] of cases) {
        const { kind, exitCode } = await refusal(gateway.startSession(start(more)));
        found.push([kind, exitCode]);
      }
      expect(found).toEqual(cases.map(([, kind, exitCode]) => [kind, exitCode]));
      expect(await front.store.call('listSessions', { since: null })).toEqual([]);
      expect(readdirSync(folder)).not.toContain('secrets');
      mkdirSync(join(project, '.git'));
      const scripted = start({ model: 'scripted/one', env: { HOME } });
      expect(await gateway.startSession(scripted)).toMatchObject({
        api_key_source: 'none',
        notices: [],
      });
    }));
});

describe('an engine that is away', () => {
  test('for a moment delays a start; the same words are said until they are taken', () =>
    withGateway(async (front) => {
      await temporal().kill();
      const body = front.start();
      const waiting = front.gateway.startSession(body);
      while ((await front.store.call('listSessions', { since: null })).length === 0);
      temporal().start();
      expect(await waiting).toMatchObject({ session_id: body.session_id });
      expect((await historyOf(body.session_id)).signals.length).toBeGreaterThan(0);
    }, 20_000));

  test('for longer is said; the same start sent again later is the same session', async () => {
    await temporal().kill();
    await withGateway(async (front) => {
      const body = front.start();
      const away = await refusal(front.gateway.startSession(body));
      expect(away).toMatchObject({ kind: 'engine_unavailable', status: 503, exitCode: 1 });
      expect(away.message).toContain(body.session_id);
      const told = refusal(front.gateway.interrupt(body.session_id));
      expect(await told).toMatchObject({ kind: 'engine_unavailable' });
      expect(front.interrupted).toEqual([]);
      temporal().start();
      const next = front.nextGateway({ patienceMs: 20_000 });
      expect(await next.startSession(body)).toMatchObject({ from: 0 });
      const { signals } = await historyOf(body.session_id);
      expect(signals.map(({ value }) => value['messageId'])).toEqual([body.message_id]);
    }, 300);
  });
});

describe('interrupt and stop', () => {
  test('are durable before this process hears of them; an agent that has ended does not mind', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      const { session_id: session } = body;
      const prefix = session.slice(0, 6);
      const interrupted = await front.call('POST', `/v1/sessions/${prefix}/interrupt`, {
        request_id: 'r-1',
      });
      expect([interrupted.status, interrupted.body]).toEqual([202, { session_id: session }]);
      expect((await front.call('POST', `/v1/sessions/${prefix}/stop`)).status).toBe(202);
      const told = (await historyOf(session)).signals.slice(1);
      expect(told).toEqual([
        { name: 'interruptTurn', value: { requestId: 'r-1' } },
        { name: 'stopAgent', value: { requestId: expect.any(String) } },
      ]);
      expect(front.interrupted).toEqual([`${session}/lead`, `${session}/lead`]);
      await handleOf(session).terminate();
      await front.gateway.interrupt(session);
      await front.gateway.stop(session);
      expect(await refusal(front.gateway.stop('ffffffff'))).toMatchObject({
        status: 404,
        exitCode: 2,
      });
    }));

  test('a request that comes again, even while it is carried out, is one act; another one is not', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      const { session_id: session } = body;
      const say = (id: string) => front.gateway.interrupt(session, id);
      await Promise.all([say('r-1'), say('r-1')]);
      await say('r-1');
      expect(front.interrupted).toHaveLength(1);
      await say('r-2');
      expect(front.interrupted).toHaveLength(2);
      const told = (await historyOf(session)).signals.slice(1);
      expect(told.map(({ value }) => value)).toEqual([{ requestId: 'r-1' }, { requestId: 'r-2' }]);
    }));

  test('an interrupt takes aim before it is sent: what begins meanwhile is not meant', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      const order: string[] = [];
      const turnSignals = {
        aim: () => {
          order.push('aimed');
          return () => void order.push('ended');
        },
      };
      const gateway = front.nextGateway({ turnSignals });
      await gateway.interrupt(body.session_id, 'r');
      await gateway.interrupt(body.session_id, 'r');
      expect(order).toEqual(['aimed', 'ended']);
    }));

  test('the signal is in the history at the moment the process is told', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      let seen: Promise<History> | null = null;
      const turnSignals = { aim: () => () => void (seen = historyOf(body.session_id)) };
      await front.nextGateway({ turnSignals }).interrupt(body.session_id);
      expect((await seen!).signals.map(({ name }) => name)).toContain('interruptTurn');
    }));
});

describe('answers to questions', () => {
  const ask = async (front: Front, session: string, turn = 3): Promise<Approval> => {
    const approval: Approval = {
      id: approvalIdOf(`q-${randomUUID().slice(0, 8)}`),
      kind: 'permission',
      sessionId: sessionIdOf(session),
      agent: LEAD,
      callId: toolCallIdOf(LEAD, turn, 0),
      tool: 'shell',
      summary: 'run it',
      subject: 'rm -rf build',
      grant: 'Bash(rm *)',
      state: 'pending',
      askedAt: new Date().toISOString(),
      answeredAt: null,
      answer: null,
    };
    await front.store.call('askApproval', approval);
    return approval;
  };
  const parked = async (front: Front, session: string, state: 'parked' | 'idle' = 'parked') =>
    front.store.call('setAgentState', {
      sessionId: session,
      name: LEAD,
      role: 'lead',
      model: 'openai/test',
      state,
      waitingFor: null,
      outcome: null,
      tool: null,
      turn: 3,
      at: new Date().toISOString(),
    });
  const decisions = async (session: string) =>
    (await historyOf(session)).signals
      .filter(({ name }) => name === 'resolveApproval')
      .map(({ value }) => value);

  test('of many at the same moment one counts, and the agent hears what the row says', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      for (let round = 0; round < 10; round += 1) {
        const { id } = await ask(front, body.session_id);
        const before = (await decisions(body.session_id)).length;
        const other = front.nextGateway();
        const answers = await Promise.allSettled([
          front.gateway.decide(id, { decision: 'approve', always: true }),
          other.decide(id, { decision: 'deny', reason: 'no' }),
          front.gateway.decide(id, { decision: 'deny' }),
          other.decide(id, { decision: 'approve' }),
        ]);
        const taken = answers.filter(({ status }) => status === 'fulfilled');
        expect(taken).toHaveLength(1);
        const row = await front.store.call('getApproval', { id });
        const said = (await decisions(body.session_id)).slice(before);
        const expected = {
          approvalId: id,
          decision: row?.state === 'approved' ? 'approve' : 'deny',
          always: row?.answer === 'always',
          reason: row?.state === 'denied' ? row.answer : null,
        };
        expect(said.length).toBeGreaterThan(0);
        for (const decision of said) expect(decision).toEqual(expected);
      }
    }));

  test('a second one is refused with 409 and exit code 1, an unknown one with 404 and 2', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      const { id } = await ask(front, body.session_id);
      const answer = (decision: string) => front.call('POST', `/v1/approvals/${id}`, { decision });
      const [pending] = (await front.call('GET', '/v1/approvals')).body.approvals;
      expect(pending).toMatchObject({
        id,
        rule: 'Bash(rm *)',
        state: 'pending',
        answered_by: null,
      });
      expect((await answer('approve')).body).toEqual({ id, state: 'approved' });
      const second = await answer('deny');
      expect([second.status, second.body.error.kind, second.body.error.exit_code]).toEqual([
        409,
        'already_answered',
        1,
      ]);
      expect((await answer('maybe')).status).toBe(400);
      const unknown = await front.call('POST', '/v1/approvals/q-00000000', { decision: 'deny' });
      expect([unknown.status, unknown.body.error.exit_code]).toEqual([404, 2]);
      expect((await front.call('GET', '/v1/approvals')).body.approvals).toEqual([]);
      expect((await front.call('GET', '/v1/approvals?all=1')).body.approvals).toHaveLength(1);
    }));

  test('a row settled by a daemon that died before it could tell is told by the next one', () =>
    withGateway(async (front) => {
      const body = front.start();
      await front.gateway.startSession(body);
      const settle = async (turn: number) => {
        const { id } = await ask(front, body.session_id, turn);
        const at = new Date().toISOString();
        await front.store.call('settleApproval', { id, state: 'approved', answer: 'always', at });
        return id;
      };
      await settle(2);
      const waited = await settle(3);
      await ask(front, body.session_id);
      await parked(front, body.session_id, 'idle');
      await front.nextGateway().repeatDecisions();
      expect(await decisions(body.session_id)).toEqual([]);
      await parked(front, body.session_id);
      await front.nextGateway().repeatDecisions();
      expect(await decisions(body.session_id)).toEqual([
        { approvalId: waited, decision: 'approve', always: true, reason: null },
      ]);
    }));

  test('an answer for an agent that has ended is kept, and hurts nobody', () =>
    withGateway(async (front) => {
      const session = randomUUID();
      await createSession(front, session);
      const { id } = await ask(front, session);
      expect(await front.gateway.decide(id, { decision: 'deny', reason: 'late' })).toEqual({
        id,
        state: 'denied',
      });
    }));
});
