/**
 * Prompts whose agent was ended by hand, or never was: judged on a real server and a real store.
 */
import { makeRecordOutcome } from '../../activities/record-outcome.js';
import type { Store } from '../../activities/stores/store.js';
import { agentHoldsQuery } from '../../workflows/protocol/agent.js';
import { LEAD, messageIdOf, sessionIdOf } from '../../workflows/protocol/ids.js';
import { EndedAgents } from '../../workers/ended-agents.js';
import { answer, approval, message, prompt, session, usage } from '../stores/samples.js';
import { untilCancelled, useLifeServer, type Life } from '../support/agent-life.js';
import { withStore } from '../support/store.js';

const { server, withAgent } = useLifeServer();

const MINUTE_MS = 60_000;
const SENT = new Date().toISOString();

interface Scene {
  readonly store: Store;
  readonly life: Life;
  readonly sessionId: string;
  /** As the gateway does it: written down, then told, if at all. */
  send(id: string, options?: { readonly isTold?: boolean }): Promise<void>;
  /** As the agent does it when a turn begins. */
  read(turn: number, id: string): Promise<void>;
  look(laterMs?: number): Promise<void>;
  /** Happens in the middle of every look from now on. */
  during(act: () => Promise<void>): void;
  /** Outcome and reason of each result, in order. */
  results(): Promise<readonly [string, string | null, number][]>;
}

const withScene = (body: (scene: Scene) => Promise<void>): Promise<void> =>
  withStore((store) =>
    // A model that never answers: the prompt stays in hand.
    withAgent({ model: untilCancelled }, async (life) => {
      const sessionId = life.handle.workflowId.slice('agent-'.length, -'-lead'.length);
      const ref = { sessionId, agent: 'lead' };
      let laterMs = 0;
      const now = (): Date => new Date(Date.now() + laterMs);
      let meanwhile = (): Promise<void> => Promise.resolve();
      const looking: Store = {
        ...store,
        call: (async (name: 'readTranscript', args: never) => {
          if (name === 'readTranscript') await meanwhile();
          return store.call(name, args);
        }) as Store['call'],
      };
      const agents = new EndedAgents({ store: looking, client: server().client, now });
      await store.call('createSession', session({ id: sessionId }));
      await body({
        ...{ store, life, sessionId },
        during: (act) => (meanwhile = act),
        send: async (id, { isTold = true } = {}) => {
          await store.call('storeMessage', message(id, { sessionId, sentAt: SENT }));
          if (isTold) await life.send(id);
        },
        read: (turn, id) => store.call('appendInputs', { ...ref, rows: [prompt(turn, 0, id)] }),
        look: (later = 0) => {
          laterMs = later;
          return agents.settle();
        },
        results: async () =>
          (await store.call('readEvents', { sessionId, after: 0, limit: 100 })).flatMap(
            ({ event }) =>
              event.kind === 'result' ? [[event.outcome, event.reason, event.numTurns]] : [],
          ),
      });
    }),
  );

const begun = ({ life }: Scene, calls = 1): Promise<void> =>
  life.recorder.until(() => life.recorder.models.length === calls);

describe('a prompt in the hands of a running agent', () => {
  test('is left alone, read or not, however old', () =>
    withScene(async (scene) => {
      await scene.send('p1');
      await begun(scene);
      await scene.read(1, 'p1');
      await scene.send('p2');
      await scene.look();
      await scene.look(60 * MINUTE_MS);
      expect(await scene.results()).toEqual([]);
      expect(await scene.life.handle.query(agentHoldsQuery)).toEqual({
        messages: ['p1', 'p2'],
        questions: [],
      });
    }));
});

test('a prompt that its agent ends in the middle of a look keeps the result it got, and the agent its state', () =>
  withScene(async (scene) => {
    const { store, sessionId } = scene;
    await scene.send('p1');
    await begun(scene);
    await scene.read(1, 'p1');
    await scene.life.handle.terminate();
    scene.during(() =>
      makeRecordOutcome({ store, now: () => new Date() })({
        ...{ sessionId: sessionIdOf(sessionId), agent: LEAD, turn: 1, numTurns: 1 },
        ...{ messages: [messageIdOf('p1')], outcome: 'done', exitCode: null, reason: null },
        ends: false,
      }),
    );
    await scene.look();
    expect((await scene.results()).map(([outcome]) => outcome)).toEqual(['done']);
    const agent = await store.call('getAgent', { sessionId, name: 'lead' });
    expect(agent).toMatchObject({ state: 'idle', outcome: 'done' });
  }));

describe('a prompt whose agent was terminated', () => {
  test('gets its one result at once when the agent had read it', () =>
    withScene(async (scene) => {
      await scene.send('p1');
      await begun(scene);
      await scene.read(1, 'p1');
      const row = answer(1);
      const ref = { sessionId: scene.sessionId, agent: 'lead' };
      await scene.store.call('appendAnswer', { ...ref, row, usage: usage() });
      await scene.life.handle.terminate();
      await scene.look();
      await scene.look();
      expect(await scene.results()).toEqual([
        ['stopped', expect.stringContaining('ended from outside'), 1],
      ]);
      const agent = await scene.store.call('getAgent', { ...ref, name: 'lead' });
      expect(agent).toMatchObject({ state: 'ended', outcome: 'stopped' });
    }));

  test('and had not read it waits until nobody can be delivering it any more', () =>
    withScene(async (scene) => {
      await scene.send('p1');
      await begun(scene);
      await scene.read(1, 'p1');
      await scene.send('p2', { isTold: false });
      await scene.life.handle.terminate();
      await scene.look();
      expect(await scene.results()).toHaveLength(1);
      await scene.look(3 * MINUTE_MS);
      expect((await scene.results()).map(([outcome]) => outcome)).toEqual(['stopped', 'stopped']);
    }));

  test('and followed by another one: the first gets a result, the second stays with its agent', () =>
    withScene(async (scene) => {
      await scene.send('p1');
      await begun(scene);
      await scene.read(1, 'p1');
      await scene.life.handle.terminate();
      await scene.send('p2');
      await begun(scene, 2);
      await scene.read(5, 'p2');
      await scene.look(3 * MINUTE_MS);
      await scene.look(30 * MINUTE_MS);
      expect(await scene.results()).toEqual([
        ['stopped', expect.stringContaining('ended from outside'), 0],
      ]);
      const owed = await scene.store.call('owedMessages', {});
      expect(owed.map(({ id }) => id)).toEqual(['p2']);
    }));

  test('takes the questions of that agent back, and no other', () =>
    withScene(async (scene) => {
      const { store } = scene;
      const sessionId = sessionIdOf(scene.sessionId);
      await scene.send('p1');
      await begun(scene);
      await scene.read(1, 'p1');
      await store.call('askApproval', approval('q-0000000a', { sessionId, askedAt: SENT }));
      await store.call('askApproval', approval('q-0000000b', { askedAt: SENT }));
      await scene.life.handle.terminate();
      await scene.look();
      const pending = await store.call('listApprovals', { pendingOnly: true });
      expect(pending.map(({ id }) => id)).toEqual(['q-0000000b']);
    }));
});

test('a prompt that no agent ever heard of is told so, once it is old', () =>
  withScene(async (scene) => {
    await scene.send('p1', { isTold: false });
    await scene.look(MINUTE_MS);
    expect(await scene.results()).toEqual([]);
    await scene.look(3 * MINUTE_MS);
    expect(await scene.results()).toEqual([
      ['stopped', expect.stringContaining('send it again'), 0],
    ]);
  }));
