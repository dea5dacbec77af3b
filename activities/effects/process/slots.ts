/**
 * At most so many commands at once per daemon; the others wait in line.
 *
 * How many is each caller's own setting, counted over all that run. What must stay true: who waits can
 * be called away, every slot comes back exactly once, and nobody is overtaken by a caller of the same
 * setting.
 */
export interface Slots {
  /**
   * Resolves, once fewer than `countMax` run, with the function that gives the slot back; rejects with
   * the signal's reason.
   */
  take(signal: AbortSignal, countMax: number): Promise<() => void>;
}

interface Waiter {
  readonly countMax: number;
  readonly enter: () => void;
}

export const makeSlots = (): Slots => {
  let running = 0;
  const line: Waiter[] = [];

  const admit = (): void => {
    const index = line.findIndex(({ countMax }) => running < countMax);
    const [next] = index < 0 ? [] : line.splice(index, 1);
    if (next) next.enter();
  };

  const occupy = (): (() => void) => {
    running += 1;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      running -= 1;
      admit();
    };
  };

  return {
    take: (signal, countMax) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        if (running < countMax) return resolve(occupy());
        const leave = (): void => {
          line.splice(line.indexOf(waiter), 1);
          reject(signal.reason as Error);
        };
        const enter = (): void => {
          signal.removeEventListener('abort', leave);
          resolve(occupy());
        };
        const waiter: Waiter = { countMax, enter };
        line.push(waiter);
        signal.addEventListener('abort', leave, { once: true });
      }),
  };
};
