/**
 * How a text file is written down: byte order mark, line endings, encoding; and back again.
 *
 * Models write plain lines that end in `\n`; files don't always. What must stay true: bytes that an
 * edit does not touch come out as they went in, and what is not UTF-8 is refused rather than guessed.
 */
import { isUtf8 } from 'node:buffer';

export type LineEnd = '\n' | '\r\n';

export interface Decoded {
  readonly kind: 'text';
  readonly hasBom: boolean;
  /** Without the mark, line endings as they are. */
  readonly text: string;
}
export type DecodeResult = Decoded | { readonly kind: 'unreadable'; readonly reason: string };

const MARK = '\uFEFF';
const UTF16 = ['fffe', 'feff'];

/** Why these bytes are no text for us; null when they are. Looks at what it is given, no further. */
export const unreadableReason = (bytes: Uint8Array): string | null => {
  const start = Buffer.from(bytes.subarray(0, 2)).toString('hex');
  if (UTF16.includes(start))
    return 'is UTF-16, not UTF-8; convert it with shell (iconv -f UTF-16 -t UTF-8)';
  if (bytes.includes(0)) return 'is binary (it holds NUL bytes)';
  if (isUtf8(bytes)) return null;
  return 'is not valid UTF-8 (an older encoding such as Latin-1?); convert it with shell (iconv -f WINDOWS-1252 -t UTF-8)';
};

export const decodeText = (bytes: Uint8Array): DecodeResult => {
  const reason = unreadableReason(bytes);
  if (reason) return { kind: 'unreadable', reason };
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const hasBom = whole.startsWith(MARK);
  return { kind: 'text', hasBom, text: hasBom ? whole.slice(1) : whole };
};

export const encodeText = (text: string, hasBom: boolean): Uint8Array => {
  const marked = hasBom && !text.startsWith(MARK) ? MARK + text : text;
  return new TextEncoder().encode(marked);
};

/** The start of a text, without half of a surrogate pair at its end. */
export const startOfText = (text: string, charsMax: number): string =>
  text.slice(0, charsMax).replace(/[\uD800-\uDBFF]$/, '');

export const withPlainEnds = (text: string): string => text.replaceAll('\r\n', '\n');

export const withLineEnd = (text: string, lineEnd: LineEnd): string => {
  const plain = withPlainEnds(text);
  return lineEnd === '\n' ? plain : plain.replaceAll('\n', '\r\n');
};

const count = (text: string, part: string): number => {
  let found = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) found += 1;
  return found;
};

/** What most lines end with; `\n` when there is none. */
export const usualLineEnd = (text: string): LineEnd => {
  const windows = count(text, '\r\n');
  return windows > count(text, '\n') - windows ? '\r\n' : '\n';
};

/** True when there are line ends and all of them are `\r\n`. */
export const isWindowsText = (text: string): boolean => {
  const windows = count(text, '\r\n');
  return windows > 0 && windows === count(text, '\n');
};

export const lineCount = (text: string): number => {
  if (text === '') return 0;
  const ends = count(text, '\n');
  return text.endsWith('\n') ? ends : ends + 1;
};
