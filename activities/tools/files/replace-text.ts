/**
 * Finds exact text in a file and puts other text in its place, whatever the file's line endings are.
 *
 * Pure. The text is looked up with plain line ends on both sides and replaced in the original. What
 * must stay true: everything outside the replaced places keeps its bytes, and new lines end as the
 * lines they replace did.
 */
import { usualLineEnd, withLineEnd, withPlainEnds, type LineEnd } from './text-format.js';

export interface Replacement {
  readonly oldText: string;
  readonly newText: string;
  readonly everywhere: boolean;
}

export type Replaced =
  | {
      readonly kind: 'replaced';
      readonly text: string;
      /** Where each new piece lies in the new text. */
      readonly pieces: readonly { readonly start: number; readonly end: number }[];
    }
  | { readonly kind: 'missing' }
  /** Lines, from 1, on which the text begins; at most `LINES_MAX` of `times`, which end at `TIMES_MAX`. */
  | { readonly kind: 'ambiguous'; readonly lines: readonly number[]; readonly times: number };

const LINES_MAX = 20;
/** Places that are counted of text that is not unique: each look compares all of it again. */
export const TIMES_MAX = 100;

/** Every place, or the first ones, which may overlap, when they are only counted. */
const findAll = (text: string, part: string, everywhere: boolean): number[] => {
  const [step, placesMax] = everywhere ? [part.length, Infinity] : [1, TIMES_MAX];
  const found: number[] = [];
  for (
    let at = text.indexOf(part);
    at >= 0 && found.length < placesMax;
    at = text.indexOf(part, at + step)
  )
    found.push(at);
  return found;
};

const linesAt = (text: string, offsets: readonly number[]): number[] => {
  let line = 1;
  let from = 0;
  return offsets.slice(0, LINES_MAX).map((offset) => {
    for (let at = text.indexOf('\n', from); at >= 0 && at < offset; at = text.indexOf('\n', from)) {
      line += 1;
      from = at + 1;
    }
    return line;
  });
};

/** Maps rising offsets of the plain text to the original, in which each `\r\n` is one longer. */
const originalOffsets = (original: string, plainOffsets: readonly number[]): number[] => {
  let dropped = 0;
  let next = original.indexOf('\r\n');
  return plainOffsets.map((offset) => {
    while (next >= 0 && next - dropped < offset) {
      dropped += 1;
      next = original.indexOf('\r\n', next + 2);
    }
    return offset + dropped;
  });
};

const lineEndOf = (replaced: string, usual: LineEnd): LineEnd => {
  const at = replaced.indexOf('\n');
  if (at < 0) return usual;
  return replaced[at - 1] === '\r' ? '\r\n' : '\n';
};

export const replaceText = (original: string, replacement: Replacement): Replaced => {
  const plain = withPlainEnds(original);
  const wanted = withPlainEnds(replacement.oldText);
  const found = findAll(plain, wanted, replacement.everywhere);
  if (found.length === 0) return { kind: 'missing' };
  if (found.length > 1 && !replacement.everywhere)
    return { kind: 'ambiguous', lines: linesAt(plain, found), times: found.length };
  const usual = usualLineEnd(original);
  const edges = originalOffsets(
    original,
    found.flatMap((at) => [at, at + wanted.length]),
  );
  const parts: string[] = [];
  const pieces: { start: number; end: number }[] = [];
  let copied = 0;
  let length = 0;
  for (let index = 0; index < edges.length; index += 2) {
    const [start, end] = [edges[index] ?? 0, edges[index + 1] ?? 0];
    const before = original.slice(copied, start);
    const lineEnd = lineEndOf(original.slice(start, end), usual);
    const piece = withLineEnd(replacement.newText, lineEnd);
    parts.push(before, piece);
    pieces.push({ start: length + before.length, end: length + before.length + piece.length });
    length += before.length + piece.length;
    copied = end;
  }
  return { kind: 'replaced', text: parts.join('') + original.slice(copied), pieces };
};
