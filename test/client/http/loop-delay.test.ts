import { setTimeout as sleep } from 'node:timers/promises';

import { makeLoopWatch } from '../../../client/http/loop-delay.js';

const hold = (ms: number): void => {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
};

/** Until the watch has had time to notice: it looks every 10 ms. */
const TICKS_MS = 60;

test('the first look begins to measure and tells nothing', () => {
  expect(makeLoopWatch()()).toBeNull();
});

test('a held event loop shows as the longest delay, and only until it was looked at', async () => {
  const look = makeLoopWatch();
  look();
  await sleep(TICKS_MS);
  hold(300);
  await sleep(TICKS_MS);
  const held = look();
  expect(held?.max).toBeGreaterThan(200);
  expect(held?.p50).toBeLessThanOrEqual(held?.p99 ?? 0);
  await sleep(TICKS_MS);
  const after = look();
  expect(after?.max).toBeLessThan(held?.max ?? 0);
});

test('two watches do not disturb each other', async () => {
  const [one, other] = [makeLoopWatch(), makeLoopWatch()];
  one();
  other();
  await sleep(TICKS_MS);
  hold(300);
  await sleep(TICKS_MS);
  one();
  expect(other()?.max).toBeGreaterThan(200);
});
