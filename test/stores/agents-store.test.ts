/** Agents: state as last written, events only on change, cost from the usage rows. */
import { withStore } from '../support/store.js';
import type { Store } from '../../activities/stores/store.js';
import { AT, LEAD, REF, S, answer, result, second, state, usage } from './samples.js';

const states = async (store: Store) =>
  (await store.call('readEvents', { sessionId: S, after: 0, limit: 100 })).flatMap(({ event }) =>
    event.kind === 'state' ? [event.state] : [],
  );

const waitingFor = { kind: 'approval', id: 'q-1', since: AT, until: null } as const;

describe('agents', () => {
  it('have the state that was written last, and an event for each change', () =>
    withStore(async (store) => {
      await store.call('setAgentState', state());
      await store.call('setAgentState', state({ state: 'tool', tool: 'edit', at: second(1) }));
      await store.call('setAgentState', state({ state: 'tool', tool: 'read', at: second(2) }));
      await store.call('setAgentState', state({ state: 'parked', waitingFor, at: second(3) }));
      await store.call('setAgentState', state({ turn: 2, at: second(4) }));
      expect(await store.call('getAgent', { sessionId: S, name: 'lead' })).toEqual({
        sessionId: S,
        name: 'lead',
        role: 'lead',
        model: 'scripted/edit',
        state: 'thinking',
        waitingFor: null,
        outcome: null,
        tool: null,
        turn: 2,
        since: second(4),
        lastProgressAt: second(4),
        costUsd: 0,
      });
      expect(await states(store)).toEqual(['thinking', 'tool', 'parked', 'thinking']);
    }));

  it('keep "since" while the state stays and tell a changed wait', () =>
    withStore(async (store) => {
      await store.call('setAgentState', state({ state: 'waiting' }));
      await store.call('setAgentState', state({ state: 'waiting', at: second(1), waitingFor }));
      const row = await store.call('getAgent', { sessionId: S, name: 'lead' });
      expect(row).toMatchObject({ since: AT, lastProgressAt: second(1), waitingFor });
      expect(await states(store)).toEqual(['waiting', 'waiting']);
    }));

  it('are not turned back by a late writer of an earlier turn', () =>
    withStore(async (store) => {
      await store.call('setAgentState', state({ turn: 3, state: 'idle', outcome: 'done' }));
      await store.call('setAgentState', state({ turn: 2, state: 'tool' }));
      expect(await store.call('getAgent', { sessionId: S, name: 'lead' })).toMatchObject({
        state: 'idle',
        outcome: 'done',
        turn: 3,
      });
      expect(await states(store)).toEqual(['idle']);
    }));

  it('cost what their answers cost, stored before their first state or after', () =>
    withStore(async (store) => {
      const cost = async () =>
        (await store.call('getAgent', { sessionId: S, name: 'lead' }))?.costUsd;
      await store.call('appendAnswer', { ...REF, row: answer(1), usage: usage() });
      await store.call('setAgentState', state());
      expect(await cost()).toBe(0.25);
      await store.call('appendAnswer', { ...REF, row: answer(2), usage: usage({ costUsd: 0.5 }) });
      await store.call('appendAnswer', { ...REF, row: answer(2), usage: usage({ costUsd: 0.5 }) });
      await store.call('appendAnswer', { ...REF, row: answer(3), usage: usage({ costUsd: null }) });
      expect(await cost()).toBe(0.75);
    }));

  it('make progress with every answer and result', () =>
    withStore(async (store) => {
      await store.call('setAgentState', state());
      const progress = async () =>
        (await store.call('getAgent', { sessionId: S, name: 'lead' }))?.lastProgressAt;
      const row = { ...answer(1), at: second(7) };
      await store.call('appendAnswer', { ...REF, row, usage: usage() });
      expect(await progress()).toBe(second(7));
      await store.call('appendResult', {
        ...REF,
        row: { ...result(1, 0), at: second(8) },
        effect: null,
      });
      expect(await progress()).toBe(second(8));
    }));

  it('are listed by session and counted by state, ended sessions left out', () =>
    withStore(async (store) => {
      await store.call('setAgentState', state({ sessionId: 'a' }));
      await store.call('setAgentState', state({ sessionId: 'a', name: 'helper', state: 'ended' }));
      await store.call('setAgentState', state({ sessionId: 'b', state: 'tool' }));
      await store.call('setAgentState', state({ sessionId: 'c', state: 'ended' }));
      const rows = await store.call('listAgents', { sessionIds: ['b', 'a', 'x'] });
      expect(rows.map((row) => `${row.sessionId}/${row.name}`)).toEqual([
        'b/lead',
        'a/helper',
        `a/${LEAD}`,
      ]);
      expect(await store.call('countAgentStates', {})).toEqual({
        thinking: 1,
        tool: 1,
        waiting: 0,
        parked: 0,
        idle: 0,
        ended: 1,
        lost: 0,
      });
    }));
});
