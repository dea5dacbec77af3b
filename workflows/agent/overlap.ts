/**
 * Which tool calls of one answer may run at the same time. Pure.
 *
 * Reads overlap, edits of different files overlap, shell commands overlap; anything else waits for
 * what the model asked for before it: a test run sees the edits that stand above it, a commit sees
 * the test. What must stay true: a call never waits for a later one, so there is no deadlock.
 */
import type { ToolCallSummary } from '../protocol/turn.js';

/** One path is absolute, the other is not, and they may mean one file: the project is not known here. */
const isMaybeSame = (one: string, other: string): boolean =>
  one.startsWith('/') !== other.startsWith('/') &&
  (one.endsWith(`/${other}`) || other.endsWith(`/${one}`));

/** Asked only where two paths may mean one file: false for sessions that began before this rule. */
export type WaitsForMaybeSame = () => boolean;

const mayOverlap = (
  earlier: ToolCallSummary,
  later: ToolCallSummary,
  waitsForMaybeSame: WaitsForMaybeSame,
): boolean => {
  if (earlier.permission !== later.permission) return false;
  if (later.permission === 'read') return true;
  if (later.permission === 'edit') {
    const [one, other] = [earlier.subject, later.subject];
    return one !== other && !(isMaybeSame(one, other) && waitsForMaybeSame());
  }
  return earlier.name === 'shell' && later.name === 'shell';
};

/**
 * Runs `perform` for every call as early as its order allows; results come in the calls' order. When
 * some reject, the first of them is thrown, but only after every call has ended one way or another.
 */
export const performInOrder = async <Result>(
  calls: readonly ToolCallSummary[],
  perform: (call: ToolCallSummary) => Promise<Result>,
  waitsForMaybeSame: WaitsForMaybeSame = () => true,
): Promise<Result[]> => {
  const begun: Promise<Result>[] = [];
  for (const call of calls) {
    const awaited = begun.filter((_, earlier) => {
      const before = calls[earlier];
      return before !== undefined && !mayOverlap(before, call, waitsForMaybeSame);
    });
    const ready = awaited.length === 0 ? null : Promise.allSettled(awaited);
    begun.push(ready === null ? perform(call) : ready.then(() => perform(call)));
  }
  const settled = await Promise.allSettled(begun);
  return settled.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
};
