/** What the store surely did not apply is tried again in place, everything else goes on at once. */
import { makePatient } from '../../activities/stores/patient-store.js';
import { StoreError, type Store, type StoreErrorCode } from '../../activities/stores/store.js';

/** A store that answers with these errors, one a call, and then says yes. */
const storeThatSays = (codes: readonly StoreErrorCode[]): { store: Store; calls: () => number } => {
  let calls = 0;
  const call = (): Promise<unknown> => {
    const code = codes[calls];
    calls += 1;
    return code ? Promise.reject(new StoreError(code, 'no')) : Promise.resolve({ hash: 'h' });
  };
  const store = { call, onEvents: () => () => undefined, close: async () => undefined };
  return { store: store as unknown as Store, calls: () => calls };
};

const BYTES = { bytes: new Uint8Array() };

describe('a patient store', () => {
  test('waits for room on the disk and for its turn', async () => {
    const { store, calls } = storeThatSays(['FULL', 'BUSY', 'OVERLOADED', 'FULL']);
    const answer = await makePatient(store, 1).call('storeBlob', BYTES);
    expect(answer).toEqual({ hash: 'h' });
    expect(calls()).toBe(5);
  });

  test.each<StoreErrorCode>(['REFUSED', 'FENCED', 'UNCLEAR', 'GONE'])(
    'hands %s on at once',
    async (code) => {
      const { store, calls } = storeThatSays([code]);
      await expect(makePatient(store, 1).call('storeBlob', BYTES)).rejects.toMatchObject({ code });
      expect(calls()).toBe(1);
    },
  );

  test('a store that closes ends the wait', async () => {
    const { store } = storeThatSays(['FULL', 'GONE']);
    await expect(makePatient(store, 1).call('storeBlob', BYTES)).rejects.toMatchObject({
      code: 'GONE',
    });
  });
});
