/**
 * Lets calls about the same thing go one after the other, in the order they came.
 *
 * Two starts of one session at the same moment would otherwise write its secrets over each other.
 * What must stay true: a call that fails does not fail the next one, and nothing is kept once the
 * last call has ended.
 */
export type InOrder = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>;

export const makeCallOrder = (): InOrder => {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const now = before.then(work, work);
    const settled = now.then(
      () => undefined,
      () => undefined,
    );
    last.set(key, settled);
    void settled.then(() => {
      if (last.get(key) === settled) last.delete(key);
    });
    return now;
  };
};
