/** Exact replacement: bytes outside stay, line endings are kept, nothing is guessed. */
import fc from 'fast-check';

import { replaceText } from '../../../activities/tools/files/replace-text.js';
import {
  decodeText,
  encodeText,
  lineCount,
  usualLineEnd,
  withPlainEnds,
} from '../../../activities/tools/files/text-format.js';

const replace = (text: string, oldText: string, newText: string, everywhere = false) => {
  const replaced = replaceText(text, { oldText, newText, everywhere });
  return replaced.kind === 'replaced' ? replaced.text : replaced;
};

describe('replacing', () => {
  test.each([
    ['one line', 'a\nb\nc\n', 'b', 'B', 'a\nB\nc\n'],
    ['several lines in CRLF', 'a\r\nb\r\nc\r\n', 'a\nb', 'x\ny\nz', 'x\r\ny\r\nz\r\nc\r\n'],
    ['CRLF sent for a plain file', 'a\nb\n', 'a\r\nb', 'x\r\ny', 'x\ny\n'],
    ['the line end itself', 'a\r\nb\r\n', 'a\n', '', 'b\r\n'],
    ['a line end at the start', 'a\r\nb', '\nb', '', 'a'],
    ['mixed: the replaced lines decide', 'a\nb\r\nc\r\nd\n', 'b\nc', 'x\ny', 'a\nx\r\ny\r\nd\n'],
    ['mixed: the rest stays', 'a\r\nb\nc\r\nd\n', 'd', 'D', 'a\r\nb\nc\r\nD\n'],
    ['lone carriage returns are text', 'a\rb\rc', 'b', 'B', 'a\rB\rc'],
    ['special patterns of replace()', 'cost: 1', '1', "$& $1 $$ $'", "cost: $& $1 $$ $'"],
    ['with nothing', 'abc', 'b', '', 'ac'],
    ['the whole', 'abc', 'abc', '', ''],
    ['beyond the basic plane', 'x😀y', '😀', '🎉', 'x🎉y'],
  ])('%s', (_name, text, oldText, newText, expected) => {
    expect(replace(text, oldText, newText)).toBe(expected);
  });

  test('text that is there twice is not guessed at, even when the places overlap', () => {
    expect(replace('x\ny\nx\n', 'x', 'z')).toEqual({ kind: 'ambiguous', lines: [1, 3], times: 2 });
    expect(replace('aaa', 'aa', 'b')).toEqual({ kind: 'ambiguous', lines: [1, 1], times: 2 });
    expect(replace('ab', 'c', 'b')).toEqual({ kind: 'missing' });
  });

  test('everywhere means every place once, left to right', () => {
    expect(replace('aaaaa', 'aa', 'b', true)).toBe('bba');
    expect(replace('x\r\nx\nx', 'x', 'xx', true)).toBe('xx\r\nxx\nxx');
  });

  test('pieces name where the new text lies', () => {
    const replaced = replaceText('a\r\nb\r\na', {
      oldText: 'a',
      newText: '1\n2',
      everywhere: true,
    });
    if (replaced.kind !== 'replaced') throw new Error(replaced.kind);
    const texts = replaced.pieces.map(({ start, end }) => replaced.text.slice(start, end));
    expect(texts).toEqual(['1\r\n2', '1\r\n2']);
  });
});

const line = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\t', 'é', '😀', '\r') });
const lineEnd = fc.constantFrom('\n', '\r\n');
const text = fc
  .array(fc.tuple(line, lineEnd), { maxLength: 12 })
  .map((lines) => lines.map((parts) => parts.join('')).join(''));

describe('for any text', () => {
  test('everything outside the replaced place keeps its bytes', () => {
    fc.assert(
      fc.property(text, text, fc.nat(40), fc.nat(12), (original, newText, from, length) => {
        const oldText = withPlainEnds(original).slice(from, from + length);
        fc.pre(oldText !== '');
        const replaced = replaceText(original, { oldText, newText, everywhere: false });
        if (replaced.kind !== 'replaced') return;
        const [piece] = replaced.pieces;
        if (!piece) throw new Error('no piece');
        const tail = replaced.text.length - piece.end;
        expect(original.startsWith(replaced.text.slice(0, piece.start))).toBe(true);
        expect(original.endsWith(replaced.text.slice(piece.end))).toBe(true);
        const gone = original.slice(piece.start, original.length - tail);
        expect(withPlainEnds(gone)).toBe(withPlainEnds(oldText));
      }),
      { numRuns: 2000 },
    );
  });

  test('an edit and its reverse leave a file of one line ending as it was', () => {
    const uniform = fc
      .tuple(fc.array(fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'é') })), lineEnd)
      .map(([lines, end]) => `${lines.join(end)}${end}MARK${end}`);
    fc.assert(
      fc.property(uniform, fc.array(fc.constantFrom('x', 'y', '')), (original, parts) => {
        const newText = `<${parts.join('\n')}>`;
        const there = replace(original, 'MARK', newText);
        if (typeof there !== 'string') throw new Error(there.kind);
        expect(usualLineEnd(there)).toBe(usualLineEnd(original));
        expect(replace(there, newText, 'MARK')).toBe(original);
      }),
    );
  });

  test('decoding and encoding gives the same bytes, with or without a mark', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.boolean(), (whole, hasMark) => {
        fc.pre(!whole.includes('\0') && !whole.startsWith('\uFEFF'));
        const bytes = encodeText(whole, hasMark);
        const decoded = decodeText(bytes);
        if (decoded.kind !== 'text') throw new Error(decoded.reason);
        expect(decoded).toEqual({ kind: 'text', hasBom: hasMark, text: whole });
        expect(Buffer.compare(encodeText(decoded.text, decoded.hasBom), bytes)).toBe(0);
      }),
    );
  });

  test.each([
    ['', 0],
    ['a', 1],
    ['a\n', 1],
    ['\n', 1],
    ['a\r\nb', 2],
  ])('%j has the right number of lines', (whole, count) => {
    expect(lineCount(whole)).toBe(count);
  });
});
