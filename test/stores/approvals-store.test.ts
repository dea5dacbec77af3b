/** Approvals: asked once, settled once, each change one event. */
import { withStore } from '../support/store.js';
import type { Store } from '../../activities/stores/store.js';
import { S, approval, second } from './samples.js';

const told = async (store: Store) =>
  (await store.call('readEvents', { sessionId: S, after: 0, limit: 100 })).flatMap(({ event }) =>
    event.kind === 'approval' ? [event.approval] : [],
  );

const settle = (store: Store, state: 'approved' | 'denied' | 'cancelled') =>
  store.call('settleApproval', { id: 'q-1', state, answer: 'because', at: second(1) });

describe('approvals', () => {
  it('asked twice are one question and one event', () =>
    withStore(async (store) => {
      await store.call('askApproval', approval('q-1'));
      await store.call('askApproval', approval('q-1', { summary: 'another' }));
      expect(await store.call('getApproval', { id: 'q-1' })).toEqual(approval('q-1'));
      expect(await told(store)).toEqual([approval('q-1')]);
    }));

  it('leave pending exactly once, however many answer at the same moment', () =>
    withStore(async (store) => {
      await store.call('askApproval', approval('q-1'));
      const answers = await Promise.all([
        settle(store, 'approved'),
        settle(store, 'denied'),
        settle(store, 'cancelled'),
        settle(store, 'approved'),
      ]);
      expect(answers).toEqual([true, false, false, false]);
      const settled = approval('q-1', {
        state: 'approved',
        answer: 'because',
        answeredAt: second(1),
      });
      expect(await store.call('getApproval', { id: 'q-1' })).toEqual(settled);
      expect(await told(store)).toEqual([approval('q-1'), settled]);
      await store.call('askApproval', approval('q-1'));
      expect(await store.call('getApproval', { id: 'q-1' })).toEqual(settled);
    }));

  it('that nobody asked can not be settled', () =>
    withStore(async (store) => {
      expect(await settle(store, 'approved')).toBe(false);
      expect(await store.call('getApproval', { id: 'q-1' })).toBeNull();
    }));

  it('are listed oldest first, pending ones alone when asked so', () =>
    withStore(async (store) => {
      await store.call('askApproval', approval('q-2', { askedAt: second(2) }));
      await store.call('askApproval', approval('q-1', { askedAt: second(1) }));
      await settle(store, 'denied');
      const ids = async (pendingOnly: boolean) =>
        (await store.call('listApprovals', { pendingOnly })).map(({ id }) => id);
      expect(await ids(true)).toEqual(['q-2']);
      expect(await ids(false)).toEqual(['q-1', 'q-2']);
    }));
});
