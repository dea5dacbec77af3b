/** The activities that write questions and take them back, on a real store. */
import { makeApprovals, showOpenQuestion } from '../activities/approvals.js';
import type { Store } from '../activities/stores/store.js';
import { approvalIdOf, sessionIdOf } from '../workflows/protocol/ids.js';
import type { RequestApprovalRequest } from '../workflows/protocol/turn.js';
import { AT, LEAD, S, second, state } from './stores/samples.js';
import { openTestStore, takeFence, withStore } from './support/store.js';

const request = (over: Partial<RequestApprovalRequest> = {}): RequestApprovalRequest => ({
  sessionId: sessionIdOf(S),
  agent: LEAD,
  turn: 3,
  approvalId: approvalIdOf('q-1'),
  grant: 'Bash(npm test *)',
  call: {
    index: 2,
    name: 'shell',
    permission: 'execute',
    subject: 'npm test',
    argumentsHash: 'h',
  },
  ...over,
});
const activities = (store: Store, at = AT) => makeApprovals({ store, now: () => new Date(at) });
const approvalOf = (store: Store) => store.call('getApproval', { id: 'q-1' });
const agentOf = (store: Store) => store.call('getAgent', { sessionId: S, name: 'lead' });
const told = async (store: Store): Promise<readonly string[]> =>
  (await store.call('readEvents', { sessionId: S, after: 0, limit: 100 })).flatMap(({ event }) =>
    event.kind === 'approval' ? [event.approval.state] : [],
  );
const answer = (store: Store, as: 'approved' | 'denied') =>
  store.call('settleApproval', { id: 'q-1', state: as, answer: 'once', at: second(1) });

describe('a question', () => {
  test('is shown with its call, and its agent as parked for it', () =>
    withStore(async (store) => {
      await activities(store).requestApproval(request());
      expect(await approvalOf(store)).toMatchObject({
        ...{ sessionId: S, agent: 'lead', callId: 'lead.3.2', tool: 'shell', state: 'pending' },
        ...{ summary: 'shell npm test', subject: 'npm test', grant: 'Bash(npm test *)' },
        ...{ askedAt: AT, answeredAt: null, answer: null },
      });
      expect(await agentOf(store)).toMatchObject({
        ...{ state: 'parked', tool: 'shell', turn: 3 },
        waitingFor: { kind: 'approval', id: 'q-1', since: AT, until: null },
      });
    }));

  test('that is still open is shown again when a call beside it has ended', () =>
    withStore(async (store) => {
      const deps = { store, now: () => new Date(second(3)) };
      await activities(store).requestApproval(request());
      await store.call('setAgentState', state({ turn: 3, state: 'tool', tool: 'read', at: AT }));
      await showOpenQuestion(deps, request());
      expect(await agentOf(store)).toMatchObject({
        ...{ state: 'parked', tool: 'shell' },
        waitingFor: { kind: 'approval', id: 'q-1', since: AT },
      });
      await answer(store, 'approved');
      await store.call('setAgentState', state({ turn: 3, state: 'tool', tool: 'read', at: AT }));
      await showOpenQuestion(deps, request());
      expect(await agentOf(store)).toMatchObject({ state: 'tool', waitingFor: null });
    }));

  test('asked again by a retry is the same question, asked when it was first', () =>
    withStore(async (store) => {
      await activities(store).requestApproval(request());
      await activities(store, second(9)).requestApproval(request());
      expect(await approvalOf(store)).toMatchObject({ state: 'pending', askedAt: AT });
      expect(await told(store)).toEqual(['pending']);
    }));

  test('asked again after its answer stays answered', () =>
    withStore(async (store) => {
      await activities(store).requestApproval(request());
      await answer(store, 'approved');
      await activities(store, second(9)).requestApproval(request());
      expect(await approvalOf(store)).toMatchObject({ state: 'approved', answeredAt: second(1) });
      expect(await told(store)).toEqual(['pending', 'approved']);
    }));

  test('keeps its subject whole, however long, and its summary short', () =>
    withStore(async (store) => {
      const subject = `echo "${'界\n'.repeat(150)}"`;
      const call = { ...request().call, subject };
      await activities(store).requestApproval(request({ call }));
      const approval = await approvalOf(store);
      expect(approval?.subject).toBe(subject);
      expect(approval?.summary).toHaveLength(200);
    }));

  test('of a turn that is over does not park an agent that has gone on', () =>
    withStore(async (store) => {
      await store.call('setAgentState', state({ turn: 4, state: 'thinking', at: second(5) }));
      await activities(store, second(6)).requestApproval(request());
      expect(await agentOf(store)).toMatchObject({ state: 'thinking', turn: 4, waitingFor: null });
    }));

  test('is not asked by a daemon that was replaced', () =>
    withStore(async (store, paths) => {
      const successor = await openTestStore(paths);
      try {
        await takeFence(successor);
        const asked = activities(store).requestApproval(request());
        await expect(asked).rejects.toMatchObject({ name: 'StoreError', code: 'FENCED' });
        expect(await successor.call('listApprovals', { pendingOnly: false })).toEqual([]);
      } finally {
        await successor.close();
      }
    }));
});

describe('a question that is taken back', () => {
  const takeBack = (store: Store) => activities(store, second(2)).cancelApproval(request());

  test('is open no more, and says since when', () =>
    withStore(async (store) => {
      await activities(store).requestApproval(request());
      await takeBack(store);
      await takeBack(store);
      expect(await approvalOf(store)).toMatchObject({ state: 'cancelled', answeredAt: second(2) });
      expect(await store.call('listApprovals', { pendingOnly: true })).toEqual([]);
      expect(await told(store)).toEqual(['pending', 'cancelled']);
    }));

  test('can be answered no more', () =>
    withStore(async (store) => {
      await activities(store).requestApproval(request());
      await takeBack(store);
      expect(await answer(store, 'approved')).toBe(false);
      expect(await approvalOf(store)).toMatchObject({ state: 'cancelled', answer: null });
    }));

  test.each(['approved', 'denied'] as const)('after it was %s keeps its answer', (as) =>
    withStore(async (store) => {
      await activities(store).requestApproval(request());
      await answer(store, as);
      await takeBack(store);
      expect(await approvalOf(store)).toMatchObject({ state: as, answeredAt: second(1) });
    }),
  );

  test('in the moment of its answer is one of both', () =>
    withStore(async (store) => {
      await activities(store).requestApproval(request());
      const [, isAnswered] = await Promise.all([takeBack(store), answer(store, 'approved')]);
      const after = await approvalOf(store);
      expect(after?.state).toBe(isAnswered ? 'approved' : 'cancelled');
      expect(await told(store)).toEqual(['pending', after?.state]);
    }));

  test('before it was ever written is nobody’s', () =>
    withStore(async (store) => {
      await takeBack(store);
      expect(await approvalOf(store)).toBeNull();
    }));
});
