/**
 * Shows what an edit left behind: the new lines with their numbers and a little of what is around.
 *
 * What must stay true: short, whatever the edit was; the model wrote the text itself and needs to see
 * where it landed, not all of it again.
 */
import { lineCount, startOfText, withPlainEnds } from './text-format.js';

const AROUND = 2;
const PIECES_MAX = 3;
const LINES_MAX = 14;
const CHARS_MAX = 200;

interface Piece {
  readonly start: number;
  readonly end: number;
}

const startOfLine = (text: string, offset: number): number =>
  text.lastIndexOf('\n', offset - 1) + 1;

const endOfLine = (text: string, offset: number): number => {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end;
};

/** The piece with the lines around it, as an offset and the offset after it. */
const widen = (text: string, { start, end }: Piece): Piece => {
  let from = startOfLine(text, start);
  let to = endOfLine(text, end > start && text[end - 1] === '\n' ? end - 1 : end);
  for (let line = 0; line < AROUND; line += 1) {
    from = from > 0 ? startOfLine(text, from - 1) : 0;
    to = to < text.length ? endOfLine(text, to + 1) : to;
  }
  return { start: from, end: to };
};

const shorten = (lines: readonly string[]): readonly string[] => {
  if (lines.length <= LINES_MAX) return lines;
  const half = LINES_MAX / 2;
  return [
    ...lines.slice(0, half),
    `\t… ${lines.length - LINES_MAX} lines …`,
    ...lines.slice(-half),
  ];
};

const cutLine = (line: string): string =>
  line.length > CHARS_MAX ? `${startOfText(line, CHARS_MAX)} …` : line;

const show = (text: string, piece: Piece): string => {
  const { start, end } = widen(text, piece);
  const first = lineCount(text.slice(0, start)) + 1;
  const lines = withPlainEnds(text.slice(start, end)).split('\n');
  return shorten(lines.map((line, at) => `${first + at}\t${cutLine(line)}`)).join('\n');
};

/** Line, from 1, on which a piece begins. */
export const lineOf = (text: string, offset: number): number =>
  lineCount(text.slice(0, startOfLine(text, offset))) + 1;

/** The first few places of `text` that `pieces` name, numbered. */
export const showPieces = (text: string, pieces: readonly Piece[]): string =>
  pieces
    .slice(0, PIECES_MAX)
    .map((piece) => show(text, piece))
    .join('\n--\n');
