/**
 * What runs in this process right now, as the watch over the Temporal server asks for it.
 */
import { RunningActivities } from '../activities/in-flight.js';

/** In modules Jest is found here and not in a global. */
const { jest: clock } = import.meta as unknown as { readonly jest: typeof jest };

beforeEach(() => void clock.useFakeTimers());
afterEach(() => void clock.useRealTimers());

const hold = () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  return { held, release };
};

test('an activity counts while it runs, and a little longer than its completion can be under way', async () => {
  const running = new RunningActivities();
  const { held, release } = hold();
  const ended = running.during('w/1', () => held);
  expect([running.has('w', '1'), running.has('w', '2')]).toEqual([true, false]);
  release();
  await ended;
  clock.advanceTimersByTime(1_900);
  expect(running.has('w', '1')).toBe(true);
  clock.advanceTimersByTime(200);
  expect(running.has('w', '1')).toBe(false);
});

test('the last word of one attempt does not hide the next one', async () => {
  const running = new RunningActivities();
  await running.during('w/1', () => Promise.resolve());
  const { held, release } = hold();
  const second = running.during('w/1', () => held);
  clock.advanceTimersByTime(10_000);
  expect(running.has('w', '1')).toBe(true);
  release();
  await second;
  clock.advanceTimersByTime(2_100);
  expect(running.has('w', '1')).toBe(false);
});

test('one that throws has run all the same', async () => {
  const running = new RunningActivities();
  const failing = running.during('w/1', () => Promise.reject(new Error('x')));
  await expect(failing).rejects.toThrow('x');
  expect(running.has('w', '1')).toBe(true);
  clock.advanceTimersByTime(2_100);
  expect(running.has('w', '1')).toBe(false);
});
