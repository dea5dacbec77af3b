/** Activities in flight: noted, noted anew, dropped; and the installation's own facts. */
import { statSync } from 'node:fs';

import { withStore } from '../support/store.js';

const row = (n: number) => ({
  activityKey: `wf/run/${n}/1`,
  taskToken: Uint8Array.from([n, 0, 255]),
  workflowId: 'wf',
  activityType: 'runTool',
  effectKey: n % 2 ? `s/lead.1.${n}` : null,
});

describe('activities in flight', () => {
  it('are listed with their tokens until they are dropped', () =>
    withStore(async (store) => {
      for (const n of [1, 2, 3]) await store.call('putInFlight', row(n));
      await store.call('dropInFlight', { activityKey: row(2).activityKey });
      await store.call('dropInFlight', { activityKey: 'unknown' });
      const rows = await store.call('listInFlight', {});
      expect(rows.map((one) => ({ ...one, taskToken: [...one.taskToken] }))).toEqual(
        [row(1), row(3)].map((one) => ({ ...one, taskToken: [...one.taskToken] })),
      );
    }));

  it('noted twice are one row with the newer token', () =>
    withStore(async (store) => {
      await store.call('putInFlight', row(1));
      await store.call('putInFlight', { ...row(1), taskToken: Uint8Array.from([9]) });
      const rows = await store.call('listInFlight', {});
      expect(rows.map((one) => [...one.taskToken])).toEqual([[9]]);
    }));
});

describe('facts of the store', () => {
  it('are the schema, the fence and the size', () =>
    withStore(async (store, { file }) => {
      const facts = await store.call('storeFacts', {});
      expect(facts).toMatchObject({ schema: 1, fence: 1 });
      expect(facts.bytes).toBeGreaterThan(4096);
      expect(statSync(file).size).toBeGreaterThan(0);
    }));
});
