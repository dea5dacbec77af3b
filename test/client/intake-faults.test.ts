/**
 * Every place at which taking a prompt in may break: the caller is told, and the same prompt sent again
 * is one session with one prompt. The agent is a port here, so that it can be lost at any point, too.
 */
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { StoreError, type Store, type StoreOperationName } from '../../activities/stores/store.js';
import { toolEnvironment } from '../../activities/tools/environment.js';
import type { AgentLine, Told } from '../../client/agent-line.js';
import { makeDecisions } from '../../client/decisions.js';
import { makePromptIntake, type IntakeDeps } from '../../client/prompt-intake.js';
import { unavailable } from '../../client/refusal.js';
import type { AgentStart, ApprovalDecision, InboxItem } from '../../workflows/protocol/agent.js';
import { approvalIdOf, LEAD, sessionIdOf, toolCallIdOf } from '../../workflows/protocol/ids.js';
import { createSession, withFront, type Front } from './front.js';

const ID = '3f2a0c1e-1111-4111-8111-000000000001';

/** What an agent was told, and a way to lose the line before or after it hears. */
const makeLine = () => {
  const heard: InboxItem[] = [];
  const begun: AgentStart[] = [];
  const decisions: ApprovalDecision[] = [];
  const state = { lives: false, breaks: null as 'before' | 'after' | null };
  const say = <Result>(act: () => Result): Result => {
    const { breaks } = state;
    state.breaks = null;
    if (breaks === 'before') throw unavailable('engine_unavailable', 'away', 'again');
    const result = act();
    if (breaks === 'after') throw unavailable('engine_unavailable', 'answer lost', 'again');
    return result;
  };
  const told = (): Told => (state.lives ? 'told' : 'absent');
  const line: AgentLine = {
    deliver: async (_session, item) =>
      say(() => {
        if (state.lives) heard.push(item);
        return told();
      }),
    begin: async (start, item) =>
      say(() => {
        if (!state.lives) begun.push(start);
        state.lives = true;
        heard.push(item);
      }),
    interrupt: async () => told(),
    stop: async () => told(),
    decide: async (_session, decision) =>
      say(() => {
        decisions.push(decision);
        return told();
      }),
  };
  return { line, heard, begun, decisions, state };
};

/** A store that refuses one call of one operation, before or after it was done. */
const breaking = (store: Store) => {
  const fault = { name: null as StoreOperationName | null, isDone: false };
  const call: Store['call'] = async (name, args, options) => {
    const hit = fault.name === name;
    if (hit) fault.name = null;
    if (hit && !fault.isDone) throw new StoreError('FULL', `${name}: the disk is full`);
    const result = await store.call(name, args, options);
    if (hit) throw new StoreError('GONE', `${name}: the answer was lost`);
    return result;
  };
  return { fault, store: { ...store, call } };
};

const intakeDeps = (front: Front, store: Store): IntakeDeps => ({
  store,
  secretsFolder: front.secrets,
  toolEnvironment,
  checkModel: async () => ({ ok: true }),
  toolNames: [],
  readGitHead: async () => null,
  now: () => new Date(),
});

const withIntake = (
  body: (
    parts: ReturnType<typeof makeLine> & {
      readonly front: Front;
      readonly fault: ReturnType<typeof breaking>['fault'];
      /** As after a restart: nothing is remembered. */
      readonly next: () => ReturnType<typeof makePromptIntake>;
    },
  ) => Promise<void>,
): Promise<void> =>
  withFront({ client: null }, async (front) => {
    const { fault, store } = breaking(front.store);
    const parts = makeLine();
    const next = () => makePromptIntake(intakeDeps(front, store), parts.line);
    await body({ ...parts, front, fault, next });
  });

const OPERATIONS = [
  'getSession',
  'lastOffset',
  'createSession',
  'storeMessage',
  'lastTurn',
] as const;

describe('a start that breaks', () => {
  for (const name of OPERATIONS)
    for (const isDone of [false, true])
      test(`${isDone ? 'after' : 'at'} ${name} is one session when it is sent again`, () =>
        withIntake(async ({ front, fault, next, heard, begun }) => {
          const body = front.start({ session_id: ID });
          Object.assign(fault, { name, isDone });
          await expect(next().startSession(body)).rejects.toMatchObject({ name: 'StoreError' });
          expect(heard).toEqual([]);
          expect(await next().startSession(body)).toMatchObject({ session_id: ID, from: 0 });
          expect(heard.map(({ messageId }) => messageId)).toEqual([body.message_id]);
          expect(begun).toHaveLength(1);
          expect(await front.store.call('listSessions', { since: null })).toHaveLength(1);
          expect(readdirSync(front.secrets)).toEqual([`${ID}.json`]);
        }));

  test.each(['before', 'after'] as const)(
    '%s the agent heard: it is told again with the same id, and begun once',
    (breaks) =>
      withIntake(async ({ front, next, heard, begun, state }) => {
        const body = front.start({ session_id: ID });
        state.breaks = breaks;
        const intake = next();
        await expect(intake.startSession(body)).rejects.toMatchObject({ status: 503 });
        await intake.startSession(body);
        expect(new Set(heard.map(({ messageId }) => messageId))).toEqual(
          new Set([body.message_id]),
        );
        expect(begun).toHaveLength(1);
      }),
  );

  test('because there is no place for its keys tells nobody', () =>
    withIntake(async ({ front, next, heard }) => {
      // A file where the folder must be: also root is stopped by it.
      writeFileSync(front.secrets, '');
      const body = front.start({ session_id: ID });
      await expect(next().startSession(body)).rejects.toMatchObject({ code: 'ENOTDIR' });
      expect(heard).toEqual([]);
      rmSync(front.secrets);
      await next().startSession(body);
      expect(heard).toHaveLength(1);
    }));

  test('because the keys can not be read is not taken for a session without keys', () =>
    withIntake(async ({ front, next, heard }) => {
      const body = front.start({ session_id: ID });
      await next().startSession(body);
      const file = join(front.secrets, `${ID}.json`);
      rmSync(file);
      mkdirSync(file);
      chmodSync(file, 0o700);
      const more = { message_id: 'm2', text: 'more' };
      await expect(next().sendMessage(ID, more)).rejects.toMatchObject({ code: 'EISDIR' });
      expect(heard).toHaveLength(1);
    }));
});

describe('a further prompt that breaks', () => {
  test.each(['findSessions', 'lastOffset', 'storeMessage', 'setSessionModel'] as const)(
    'at %s is one prompt when it is sent again, with the model it asked for',
    (name) =>
      withIntake(async ({ front, fault, next, heard }) => {
        const body = front.start({ session_id: ID });
        await next().startSession(body);
        const more = { message_id: 'm2', text: 'more', model: 'openai/other' };
        Object.assign(fault, { name, isDone: false });
        await expect(next().sendMessage(ID, more)).rejects.toMatchObject({ code: 'FULL' });
        expect(heard).toHaveLength(1);
        expect(await next().sendMessage(ID, more)).toMatchObject({ model: 'openai/other' });
        expect(heard.map(({ messageId }) => messageId)).toEqual([body.message_id, 'm2']);
        expect(heard[1]?.settings.model).toBe('openai/other');
        expect(await front.store.call('getSession', { id: ID })).toMatchObject({
          model: 'openai/other',
        });
      }),
  );

  test('for an agent that has ended begins it with the turns of the store and its newest model', () =>
    withIntake(async ({ front, next, begun, state }) => {
      await next().startSession(front.start({ session_id: ID }));
      await front.store.call('appendInputs', {
        sessionId: ID,
        agent: LEAD,
        rows: [{ turn: 4, index: 0, at: '', body: { kind: 'notice', text: 'x' } }],
      });
      state.lives = false;
      await next().sendMessage(ID, { message_id: 'm2', text: 'more', model: 'openai/other' });
      expect(begun[1]).toMatchObject({ turn: 4, model: 'openai/other', carry: null });
    }));

  test('prompts sent at the same moment keep their order', () =>
    withIntake(async ({ front, next, heard }) => {
      await next().startSession(front.start({ session_id: ID, message_id: 'm0' }));
      const intake = next();
      const ids = Array.from({ length: 20 }, (_, n) => `m${n + 1}`);
      await Promise.all(ids.map((id) => intake.sendMessage(ID, { message_id: id, text: id })));
      expect(heard.map(({ messageId }) => messageId)).toEqual(['m0', ...ids]);
    }));
});

describe('an answer that breaks', () => {
  const ask = async (front: Front): Promise<string> => {
    const id = approvalIdOf('q-00000001');
    await createSession(front, ID);
    await front.store.call('askApproval', {
      id,
      kind: 'permission',
      sessionId: sessionIdOf(ID),
      agent: LEAD,
      callId: toolCallIdOf(LEAD, 1, 0),
      tool: 'shell',
      summary: 's',
      subject: 's',
      grant: 'g',
      state: 'pending',
      askedAt: '2026-01-01T00:00:00.000Z',
      answeredAt: null,
      answer: null,
    });
    return id;
  };

  test('before it is settled may be given again, also differently', () =>
    withIntake(async ({ front, fault, line, decisions }) => {
      const id = await ask(front);
      const { fault: at, store } = breaking(front.store);
      Object.assign(at, { name: 'settleApproval', isDone: false });
      const answers = makeDecisions({ store, line, now: () => new Date() });
      await expect(answers.decide(id, { decision: 'approve' })).rejects.toMatchObject({
        code: 'FULL',
      });
      expect(decisions).toEqual([]);
      expect(fault.name).toBeNull();
      await answers.decide(id, { decision: 'deny', reason: 'no' });
      expect(decisions).toEqual([
        { approvalId: id, decision: 'deny', always: false, reason: 'no' },
      ]);
    }));

  test('after it is settled is told by whoever comes next, as it was given first', () =>
    withIntake(async ({ front, line, decisions }) => {
      const id = await ask(front);
      const { fault: at, store } = breaking(front.store);
      Object.assign(at, { name: 'settleApproval', isDone: true });
      const answers = makeDecisions({ store, line, now: () => new Date() });
      const approve = { decision: 'approve', always: true } as const;
      await expect(answers.decide(id, approve)).rejects.toMatchObject({ code: 'GONE' });
      expect(decisions).toEqual([]);
      const second = answers.decide(id, { decision: 'deny' });
      await expect(second).rejects.toMatchObject({ status: 409, exitCode: 1 });
      expect(decisions).toEqual([
        { approvalId: id, decision: 'approve', always: true, reason: null },
      ]);
    }));

  test('because the agent can not be told is kept all the same', () =>
    withIntake(async ({ front, line, decisions, state }) => {
      const id = await ask(front);
      state.breaks = 'before';
      const answers = makeDecisions({ store: front.store, line, now: () => new Date() });
      expect(await answers.decide(id, { decision: 'deny' })).toEqual({ id, state: 'denied' });
      expect(decisions).toEqual([]);
      expect(await front.store.call('getApproval', { id })).toMatchObject({ state: 'denied' });
    }));
});
