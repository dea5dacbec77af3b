/** What rows look like on the wire, and what errors do. */
import { StoreError } from '../../../activities/stores/store.js';
import type { Refusal } from '../../../client/refusal.js';
import { badRequest } from '../../../client/refusal.js';
import { ConfigError } from '../../../config/config-error.js';
import { checkCaller } from '../../../client/http/auth.js';
import { sessionDocuments, statusDocument } from '../../../client/http/documents.js';
import { errorAnswer } from '../../../client/http/error-answer.js';
import { LEAD } from '../../../workflows/protocol/ids.js';
import { AGENT_STATES, type AgentState } from '../../../workflows/protocol/states.js';
import { createSession, withFront, type Front } from '../front.js';

const ID = '3f2a0c1e-1111-4111-8111-000000000001';
const AT = '2026-01-01T00:00:00.000Z';

const setState = (
  front: Front,
  name: string,
  state: AgentState,
  more: { turn?: number; at?: string } = {},
): Promise<void> =>
  front.store.call('setAgentState', {
    sessionId: ID,
    name,
    role: 'lead',
    model: 'openai/test',
    state,
    waitingFor: null,
    outcome: state === 'idle' ? 'done' : null,
    tool: state === 'tool' ? 'shell' : null,
    turn: more.turn ?? 1,
    at: more.at ?? AT,
  });

const documentOf = async (front: Front, now = AT) => {
  const row = await front.store.call('getSession', { id: ID });
  const sources = { store: front.store, attachedTo: () => 0, now: () => new Date(now) };
  const [document] = await sessionDocuments(row ? [row] : [], sources);
  return document!;
};

describe('a session', () => {
  test('without an agent is thinking while it starts, and lost when none ever came', () =>
    withFront({ client: null }, async (front) => {
      await createSession(front, ID, { createdAt: AT });
      expect((await documentOf(front, '2026-01-01T00:00:59.000Z')).state).toBe('thinking');
      expect((await documentOf(front, '2026-01-01T00:01:00.000Z')).state).toBe('lost');
    }));

  test('has the state of its liveliest agent; parked only when nothing else goes on', () =>
    withFront({ client: null }, async (front) => {
      await createSession(front, ID);
      const seen: string[] = [];
      for (const [turn, state] of AGENT_STATES.toReversed().entries()) {
        await setState(front, `a${turn}`, state, { at: `2026-01-01T00:00:0${turn}.000Z` });
        const document = await documentOf(front);
        seen.push(document.state);
        expect(document.last_progress_at).toBe(`2026-01-01T00:00:0${turn}.000Z`);
      }
      expect(seen).toEqual(AGENT_STATES.toReversed());
      expect((await documentOf(front)).agents).toHaveLength(AGENT_STATES.length);
    }));

  test('has a cost that is null while no price is known, and the sum of its calls then', () =>
    withFront({ client: null }, async (front) => {
      await createSession(front, ID);
      await setState(front, LEAD, 'idle');
      const answer = (turn: number, costUsd: number | null): Promise<boolean> =>
        front.store.call('appendAnswer', {
          sessionId: ID,
          agent: LEAD,
          row: {
            turn,
            index: 100_000,
            at: AT,
            body: {
              kind: 'answer',
              model: 'm/m',
              blocks: [],
              stopReason: null,
              usage: null,
              native: null,
            },
          },
          usage: { model: 'm/m', usage: null, costUsd, estimated: false, durationMs: 1 },
        });
      await answer(1, null);
      const unknown = await documentOf(front);
      expect([unknown.cost_usd, unknown.agents[0]?.cost_usd]).toEqual([null, null]);
      await answer(2, 0.25);
      await answer(3, 0.5);
      const { costUsd } = await front.store.call('sumUsage', {
        sessionId: ID,
        agent: LEAD,
        fromTurn: 1,
      });
      expect(await documentOf(front)).toMatchObject({ cost_usd: costUsd, outcome: 'done' });
    }));

  test('is counted by its state', () =>
    withFront({ client: null }, async (front) => {
      await createSession(front, ID);
      await setState(front, LEAD, 'tool');
      const { sessions, store } = await statusDocument(front.store, null);
      expect(sessions).toMatchObject({ thinking: 0, tool: 1, idle: 0 });
      expect(store.schema).toBeGreaterThan(0);
    }));
});

describe('an error', () => {
  const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
  test.each([
    ['a refusal', badRequest('usage', 'no', 'do'), 400, 'usage', 2, false],
    ['a wrong config', new ConfigError('no_key', 'no key', 'set it'), 400, 'no_key', 2, false],
    ['a full disk of the store', new StoreError('FULL', 'x'), 507, 'disk_full', 1, false],
    ['a full disk of the secrets', full, 507, 'disk_full', 1, false],
    ['a busy store', new StoreError('BUSY', 'x'), 503, 'store_busy', 1, false],
    ['too much at once', new StoreError('OVERLOADED', 'x'), 503, 'store_busy', 1, false],
    ['another daemon', new StoreError('FENCED', 'x'), 503, 'restarting', 1, false],
    ['a closed store', new StoreError('GONE', 'x'), 503, 'restarting', 1, false],
    ['a refusing store', new StoreError('REFUSED', 'innards'), 500, 'internal', 1, true],
    ['a bug', new TypeError('innards'), 500, 'internal', 1, true],
    ['a thrown string', 'innards', 500, 'internal', 1, true],
    ['nothing', null, 500, 'internal', 1, true],
  ])('%s', (_what, error, status, kind, exitCode, isOurs) => {
    const answer = errorAnswer(error);
    expect(answer).toMatchObject({
      status,
      isOurs,
      body: { error: { kind, exit_code: exitCode } },
    });
    expect(JSON.stringify(answer.body)).not.toContain('innards');
    expect(answer.body.error.message.length).toBeGreaterThan(1);
    expect(answer.body.error.cure.length).toBeGreaterThan(1);
  });
});

describe('the door', () => {
  test('stays shut when there is no token at all', () => {
    const headers = { host: '127.0.0.1:80', authorization: 'Bearer ' };
    const refused = (): unknown => {
      try {
        checkCaller(headers, { token: '', port: 80 }, false);
        return null;
      } catch (error) {
        return (error as Refusal).status;
      }
    };
    expect(refused()).toBe(401);
  });
});
