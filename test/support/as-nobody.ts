/**
 * Runs something with the rights of a user who owns nothing, where the tests run as root: root may read
 * and write everything, so that no permission could be tested.
 *
 * What must stay true: whatever the body does, the process has its own rights again afterwards.
 */
const NOBODY = 65_534;

export const asNobody = async <Result>(body: () => Result | Promise<Result>): Promise<Result> => {
  if (process.geteuid?.() !== 0) return body();
  process.seteuid?.(NOBODY);
  try {
    return await body();
  } finally {
    process.seteuid?.(0);
  }
};
