/** A daemon that was replaced finds out although it writes nothing. */
import { watchFence } from '../../workers/fence-watch.js';
import { withStore } from '../support/store.js';

const LOOK_MS = 20;

/** Watches as the daemon that holds `behind` fences less than the newest. */
const withWatch = (
  behind: number,
  body: (fenced: Promise<'fenced'>, asked: () => number) => Promise<void>,
): Promise<void> =>
  withStore(async (store) => {
    const { fence } = await store.call('storeFacts', {});
    let looks = 0;
    const counting = {
      ...store,
      call: ((name, args) => {
        looks += 1;
        return store.call(name, args);
      }) as typeof store.call,
    };
    let end: () => void = () => undefined;
    const fenced = new Promise<'fenced'>((resolve) => {
      end = watchFence(counting, fence - behind, () => resolve('fenced'), LOOK_MS);
    });
    try {
      await body(fenced, () => looks);
    } finally {
      end();
    }
  });

describe('the watch of the fence', () => {
  test('notices that another daemon holds the home', () =>
    withWatch(1, async (fenced) => {
      await expect(fenced).resolves.toBe('fenced');
    }));

  test('says nothing while the home is ours', () =>
    withWatch(0, async (fenced, looks) => {
      const looked = new Promise<'looked'>((resolve) => {
        const timer = setInterval(() => {
          if (looks() < 3) return;
          clearInterval(timer);
          resolve('looked');
        }, LOOK_MS);
      });
      await expect(Promise.race([fenced, looked])).resolves.toBe('looked');
    }));
});
