/**
 * "Did you mean": the known names nearest to one that was mistyped.
 *
 * What must stay true: a suggestion is only a word in a message; nothing is ever run on a guess.
 */

/** Swapped letters are the likelier slip, so they count a little less than an edit. */
const SWAP = 0.9;

/** Edits (insert, delete, replace, swap of neighbours) between two words. */
const distanceOf = (a: string, b: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + same);
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (row > 1 && column > 1 && swapped) best = Math.min(best, beforeLast[column - 2]! + SWAP);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
};

export const nearestOf = (word: string, known: readonly string[]): string | null => {
  const limit = Math.max(1, Math.floor(word.length * 0.4));
  let nearest: string | null = null;
  let least = limit + 1;
  for (const name of known) {
    const distance =
      name.startsWith(word) && word.length > 2 ? 1 : distanceOf(word.toLowerCase(), name);
    if (distance < least) [nearest, least] = [name, distance];
  }
  return nearest;
};

/** `Did you mean X?` when something is near, else the list. */
export const suggestion = (word: string, known: readonly string[], prefix = ''): string => {
  const nearest = nearestOf(word, known);
  if (nearest !== null) return `Did you mean ${prefix}${nearest}?`;
  return `Known: ${known.map((name) => prefix + name).join(', ')}.`;
};
