/**
 * What to tell a model whose exact text is not in the file: what differs, and where it nearly is.
 *
 * Tries the usual slips first (line numbers copied along, escapes, white space, quotes), then the most
 * similar lines. What must stay true: it only describes; nothing is ever replaced on a resemblance,
 * and it gives way to the rest of the daemon while it searches a long file.
 */
import { setImmediate as breathe } from 'node:timers/promises';

import { startOfText, withPlainEnds } from './text-format.js';

const CHARS_MAX = 4_000_000;
const LINE_CHARS_MAX = 600;
const SHOWN_LINES_MAX = 12;
const SHOWN_CHARS_MAX = 160;
const LINES_PER_BREATH = 2000;
const SIMILAR_ENOUGH = 0.55;
/** Lines compared between two breaths, and all together: equal lines many times over are no help. */
const COMPARED_PER_BREATH = 100_000;
const COMPARED_MAX = 10_000_000;

const numbered = (lines: readonly string[], start: number, count: number): string => {
  const shown = lines.slice(start, start + Math.min(count, SHOWN_LINES_MAX));
  const text = shown.map((line, at) => `${start + at + 1}\t${startOfText(line, SHOWN_CHARS_MAX)}`);
  return count > shown.length ? `${text.join('\n')}\n…` : text.join('\n');
};

const NUMBER = /^ *\d+(\t|→)/;

const withoutNumbers = (wanted: readonly string[]): string | null => {
  const full = wanted.filter((line) => line.trim() !== '');
  if (full.length === 0 || !full.every((line) => NUMBER.test(line))) return null;
  return wanted.map((line) => line.replace(NUMBER, '')).join('\n');
};

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  '"': '"',
  "'": "'",
  '\\': '\\',
};

const unescaped = (text: string): string =>
  text.replace(/\\([nt"'\\])/g, (whole, letter: string) => ESCAPES[letter] ?? whole);

/** Slips that have one certain explanation. */
const slipOf = (text: string, oldText: string, wanted: readonly string[]): string | null => {
  const bare = withoutNumbers(wanted);
  if (bare !== null && text.includes(bare))
    return 'old_string holds the line numbers that read shows; leave them out.';
  if (oldText.includes('\\') && text.includes(unescaped(oldText)))
    return 'old_string is escaped once too often: send line breaks, tabs and quotes as they are in the file.';
  return null;
};

/** A line without what is easily mistaken: white space, kinds of quotes and dashes, composed accents. */
const essence = (line: string): string =>
  line
    .normalize('NFKC')
    .replace(/[\u2018\u2019\u201A\u201B]/g, "'")
    .replace(/[\u201C-\u201F]/g, '"')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/\s+/g, '');

const withoutSpace = (line: string): string => line.replace(/\s+/g, '');

const indentOf = (line: string): string => {
  const indent = /^[ \t]*/.exec(line)?.[0] ?? '';
  if (indent === '') return 'no indentation';
  if (!indent.includes(' ')) return `${indent.length} tab${indent.length > 1 ? 's' : ''}`;
  return indent.includes('\t') ? 'tabs and spaces' : `${indent.length} spaces`;
};

const quoted = (line: string): string => JSON.stringify(startOfText(line, SHOWN_CHARS_MAX));

/** How two lines differ, in words; both quoted so that tabs and blanks can be seen. */
const differenceOf = (line: string, theirs: string, mine: string): string => {
  const pair = `\n  file: ${quoted(theirs)}\n  old_string: ${quoted(mine)}`;
  if (theirs.trim() === mine.trim() && indentOf(theirs) !== indentOf(mine))
    return `Line ${line} is indented by ${indentOf(theirs)}, old_string has ${indentOf(mine)}:${pair}`;
  if (theirs.trimEnd() === mine.trimEnd())
    return `Line ${line} differs in blanks at its end:${pair}`;
  if (withoutSpace(theirs) === withoutSpace(mine))
    return `Line ${line} differs in white space alone:${pair}`;
  return `Line ${line} differs:${pair}`;
};

const firstDifference = (
  lines: readonly string[],
  wanted: readonly string[],
  start: number,
): string => {
  const at = wanted.findIndex((line, index) => line !== lines[start + index]);
  if (at < 0) return '';
  return differenceOf(String(start + at + 1), lines[start + at] ?? '', wanted[at] ?? '');
};

/** Starts of windows that are the wanted lines but for white space and look-alikes; at most three. */
const lookAlikes = async (lines: readonly string[], wanted: readonly string[]) => {
  const essences = wanted.map(essence);
  const theirs: string[] = [];
  const equalAt = (start: number): number => {
    const other = essences.findIndex((line, at) => {
      const place = start + at;
      return line !== (theirs[place] ??= essence(lines[place] ?? ''));
    });
    return other < 0 ? essences.length : other;
  };
  const starts: number[] = [];
  const last = lines.length - wanted.length;
  let compared = 0;
  let breath = 0;
  for (let start = 0; start <= last && starts.length < 3 && compared < COMPARED_MAX; start += 1) {
    if (start % LINES_PER_BREATH === 0 || compared > breath + COMPARED_PER_BREATH) {
      breath = compared;
      await breathe();
    }
    const equal = equalAt(start);
    compared += equal;
    if (equal === essences.length) starts.push(start);
  }
  return starts;
};

const pairsOf = (line: string): Set<string> => {
  const text = essence(line.slice(0, LINE_CHARS_MAX)).toLowerCase();
  const pairs = new Set<string>();
  for (let at = 0; at + 2 <= text.length; at += 1) pairs.add(text.slice(at, at + 2));
  return pairs;
};

/** Dice: 1 for the same pairs of letters, 0 for none in common. */
const similarity = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  if (a.size === 0 || b.size === 0) return a.size === b.size ? 1 : 0;
  let shared = 0;
  for (const pair of a) if (b.has(pair)) shared += 1;
  return (2 * shared) / (a.size + b.size);
};

interface Candidate {
  readonly start: number;
  readonly score: number;
}

const bestOf = (candidates: readonly Candidate[], max: number): readonly Candidate[] =>
  candidates
    .filter(({ score }) => score >= SIMILAR_ENOUGH)
    .sort((a, b) => b.score - a.score || a.start - b.start)
    .slice(0, max);

/** Where the longest wanted line nearly is, judged by that line alone. */
const anchorPlaces = async (lines: readonly string[], wanted: readonly string[]) => {
  const lengths = wanted.map((line) => line.trim().length);
  const anchor = lengths.indexOf(lengths.reduce((longest, length) => Math.max(longest, length), 0));
  const pairs = pairsOf(wanted[anchor] ?? '');
  let best: readonly Candidate[] = [];
  for (let from = 0; from < lines.length; from += LINES_PER_BREATH) {
    await breathe();
    const part = lines.slice(from, from + LINES_PER_BREATH).map((line, at) => ({
      start: Math.max(0, from + at - anchor),
      score: similarity(pairs, pairsOf(line)),
    }));
    best = bestOf([...best, ...part], 20);
  }
  return best;
};

/** Starts of the windows most like the wanted lines, best first, at most three. */
const similarStarts = async (lines: readonly string[], wanted: readonly string[]) => {
  const pairs = wanted.slice(0, SHOWN_LINES_MAX).map(pairsOf);
  const places = await anchorPlaces(lines, wanted);
  const judged = places.map(({ start, score }) => {
    const alike = pairs.map((pair, at) => similarity(pair, pairsOf(lines[start + at] ?? '')));
    // The line that was found counts as much as all of them: the others may be quite different.
    return { start, score: (score + alike.reduce((sum, one) => sum + one, 0) / pairs.length) / 2 };
  });
  return bestOf(judged, 3).map(({ start }) => start);
};

const linesOf = (text: string): string[] => {
  const lines = withPlainEnds(text).split('\n');
  if (lines.length > 1 && lines.at(-1) === '') lines.pop();
  return lines;
};

/** Words for the model; `oldText` is known not to be in `text`. */
export const nearMiss = async (text: string, oldText: string): Promise<string> => {
  const lines = linesOf(text.slice(0, CHARS_MAX));
  const wanted = linesOf(oldText);
  const slip = slipOf(withPlainEnds(text), withPlainEnds(oldText), wanted);
  if (slip) return slip;
  const alike = await lookAlikes(lines, wanted);
  if (alike.length > 0) {
    const at = alike.map((start) => start + 1).join(', ');
    return `It differs only in white space or look-alike characters from the text at line ${at}. ${firstDifference(lines, wanted, alike[0] ?? 0)}`;
  }
  const similar = await similarStarts(lines, wanted);
  if (similar.length === 0) return `Nothing in it is similar (${lines.length} lines).`;
  const shown = similar.map((start) => numbered(lines, start, wanted.length));
  return `Most similar:\n${shown.join('\n--\n')}\n${firstDifference(lines, wanted, similar[0] ?? 0)}`;
};
