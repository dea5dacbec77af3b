/**
 * "Did you mean": the known names nearest to a mistyped one.
 *
 * Plain edit distance over lower-cased names; a name that contains the other one counts as near. What
 * must stay true: it only orders and leaves out, so that a suggestion is always a name that exists.
 */

/** Steps of insertion, deletion, replacement or swapping of neighbours. */
const distance = (left: string, right: string): number => {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, column) => column)];
  const at = (line: number, column: number): number => rows[line]?.[column] ?? Infinity;
  const isSwapped = (line: number, column: number): boolean =>
    left[line - 1] === right[column - 2] && left[line - 2] === right[column - 1];
  for (let line = 1; line <= left.length; line += 1) {
    const row = [line];
    rows.push(row);
    for (let column = 1; column <= right.length; column += 1) {
      const replaced = left[line - 1] === right[column - 1] ? 0 : 1;
      row.push(
        Math.min(
          at(line - 1, column) + 1,
          at(line, column - 1) + 1,
          at(line - 1, column - 1) + replaced,
          isSwapped(line, column) ? at(line - 2, column - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(left.length, right.length);
};

/** Longer than any name people type; a list may come from a server that we don't trust. */
const NAME_CHARS_MAX = 300;

const isNear = (name: string, candidate: string, steps: number): boolean =>
  steps <= Math.max(2, Math.floor(Math.max(name.length, candidate.length) / 3)) ||
  (name.length >= 3 && candidate.includes(name));

/** At most `max` of the candidates, nearest first; none when nothing is near. */
export const nearestNames = (
  name: string,
  candidates: readonly string[],
  max: number,
): readonly string[] => {
  const wanted = name.slice(0, 80).toLowerCase();
  return candidates
    .filter((candidate) => candidate.length <= NAME_CHARS_MAX)
    .map((candidate) => ({ candidate, steps: distance(wanted, candidate.toLowerCase()) }))
    .filter(({ candidate, steps }) => isNear(wanted, candidate.toLowerCase(), steps))
    .sort((a, b) => a.steps - b.steps || a.candidate.localeCompare(b.candidate))
    .slice(0, max)
    .map(({ candidate }) => candidate);
};
