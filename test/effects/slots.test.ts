/** How many commands run at once, and who comes next. */
import { makeSlots } from '../../activities/effects/process/slots.js';

const NEVER = new AbortController().signal;

/** Whether a promise has settled by now. */
const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  const open = Symbol('open');
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise, Promise.resolve(open)])) !== open;
};

describe('slots', () => {
  test('so many at once, the next when one comes back', async () => {
    const slots = makeSlots();
    const first = await slots.take(NEVER, 2);
    await slots.take(NEVER, 2);
    const third = slots.take(NEVER, 2);
    expect(await isSettled(third)).toBe(false);
    first();
    expect(await isSettled(third)).toBe(true);
  });

  test('a slot given back twice is one slot', async () => {
    const slots = makeSlots();
    const first = await slots.take(NEVER, 1);
    const second = slots.take(NEVER, 1);
    const third = slots.take(NEVER, 1);
    first();
    first();
    expect(await isSettled(second)).toBe(true);
    expect(await isSettled(third)).toBe(false);
  });

  test('each caller counts by its own setting', async () => {
    const slots = makeSlots();
    await slots.take(NEVER, 1);
    const strict = slots.take(NEVER, 1);
    expect(await isSettled(slots.take(NEVER, 2))).toBe(true);
    expect(await isSettled(strict)).toBe(false);
  });

  test('callers of one setting come in their order', async () => {
    const slots = makeSlots();
    const first = await slots.take(NEVER, 1);
    const second = slots.take(NEVER, 1);
    const third = slots.take(NEVER, 1);
    first();
    expect(await isSettled(second)).toBe(true);
    expect(await isSettled(third)).toBe(false);
    (await second)();
    expect(await isSettled(third)).toBe(true);
  });

  test('who waits can be called away and takes no slot along', async () => {
    const slots = makeSlots();
    const first = await slots.take(NEVER, 1);
    const controller = new AbortController();
    const waiting = slots.take(controller.signal, 1);
    controller.abort(new Error('called away'));
    await expect(waiting).rejects.toThrow('called away');
    first();
    expect(await isSettled(slots.take(NEVER, 1))).toBe(true);
  });

  test('who comes aborted is turned away', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(makeSlots().take(gone, 4)).rejects.toThrow('gone');
  });
});
