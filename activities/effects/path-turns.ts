/**
 * Lets the changes of one file happen one after the other, in the order in which they came.
 *
 * A model often asks for several edits of a file in one turn; their calls run together, and without
 * this all but the first would find the file changed under them. What must stay true: whoever holds a
 * path's turn is the only one in this process that has an effect on it under way.
 */
const turns = new Map<string, Promise<unknown>>();

export const inPathTurn = async <T>(path: string, act: () => Promise<T>): Promise<T> => {
  const before = turns.get(path) ?? Promise.resolve();
  const mine = before.then(act, act);
  turns.set(path, mine);
  try {
    return await mine;
  } finally {
    if (turns.get(path) === mine) turns.delete(path);
  }
};
