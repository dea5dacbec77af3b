/** A daemon that slept beside its successor finds out without writing anything. */
import { watchFence } from '../../workers/fence-watch.js';
import { withStore } from '../support/store.js';

/** Holds the event loop as a stopped process is held. */
const sleepFor = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

const withWatch = (
  otherTakesOver: boolean,
  body: (isFenced: () => boolean) => Promise<void>,
): Promise<void> =>
  withStore(async (store) => {
    const facts = await store.call('storeFacts', {});
    let fenced = false;
    const own = otherTakesOver ? facts.fence - 1 : facts.fence;
    const end = watchFence(store, own, () => (fenced = true));
    try {
      await body(() => fenced);
    } finally {
      end();
    }
  });

/** A look happens each second; the answer of the store takes a moment. */
const afterALook = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_300));

describe('the watch of the fence', () => {
  test('after a sleep it notices that another daemon holds the home', () =>
    withWatch(true, async (isFenced) => {
      sleepFor(4_500);
      await afterALook();
      expect(isFenced()).toBe(true);
    }));

  test('after a sleep nobody has used it says nothing', () =>
    withWatch(false, async (isFenced) => {
      sleepFor(4_500);
      await afterALook();
      expect(isFenced()).toBe(false);
    }));

  test('without a sleep it asks nobody', () =>
    withWatch(true, async (isFenced) => {
      await afterALook();
      expect(isFenced()).toBe(false);
    }));
});
