/**
 * At most so many commands at once per daemon; the others wait in line.
 *
 * What must stay true: who waits can be called away, and every slot comes back exactly once.
 */
export interface Slots {
  /** Resolves with the function that gives the slot back; rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<() => void>;
}

export const makeSlots = (count: number): Slots => {
  let free = count;
  const line: (() => void)[] = [];

  const giveBack = (): (() => void) => {
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = line.shift();
      if (next) next();
      else free += 1;
    };
  };

  return {
    take: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        if (free > 0) {
          free -= 1;
          return resolve(giveBack());
        }
        const enter = (): void => {
          signal.removeEventListener('abort', leave);
          resolve(giveBack());
        };
        const leave = (): void => {
          line.splice(line.indexOf(enter), 1);
          reject(signal.reason as Error);
        };
        line.push(enter);
        signal.addEventListener('abort', leave, { once: true });
      }),
  };
};
