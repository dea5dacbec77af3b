/** Lines of keys: every shape a key and the value before it may have, and texts made at random. */
import fc from 'fast-check';
import { parse, stringify } from 'smol-toml';

import { joinPath, keyLines, lineOf } from '../../config/toml-position.js';

const line = (text: string, ...path: string[]): number | undefined =>
  keyLines(text).get(joinPath(path));

describe('lines of keys', () => {
  const VALUES = [
    '1',
    '"a # b"',
    "'c:\\'",
    '"quote \\" in"',
    '"""two\nlines = 1 """',
    "'''\n[not] a table\n'''",
    '"""ends in quotes"""""',
    '[1, [2,\n 3], # ]\n 4]',
    '{ a = "}", b = [1] }',
    '2026-11-01T10:00:00Z',
    '"back\\\\"',
  ];
  test.each(VALUES)('the key after %j is found', (value) => {
    const text = `first = ${value}\nsecond = 2\n[table]\nthird = ${value}\n[[list]]\nx = 1\n`;
    expect(parse(text)).toHaveProperty('second', 2);
    const lines = value.split('\n').length;
    expect(line(text, 'second')).toBe(lines + 1);
    expect(line(text, 'table')).toBe(lines + 2);
    expect(line(text, 'table', 'third')).toBe(lines + 3);
    expect(line(text, 'list')).toBe(2 * lines + 3);
  });

  test('dotted and quoted keys have the path that the parser gives them', () => {
    const text = '[ a . "b.c" ]\n"d\\u00e9" . \'e f\'.g = 1';
    expect(line(text, 'a', 'b.c', 'dé', 'e f', 'g')).toBe(2);
    expect(line(text, 'a', 'b.c')).toBe(1);
  });

  test('an unknown path falls back to the nearest table', () => {
    const lines = keyLines('\n[a]\nb = { c = 1 }');
    expect(lineOf(lines, ['a', 'b', 'c'])).toBe(3);
    expect(lineOf(lines, ['a', 'x'])).toBe(2);
    expect(lineOf(lines, ['y'])).toBe(1);
  });

  test('every top-level key of a document made at random is found where it stands', () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string()));
    const document = fc.dictionary(fc.string({ minLength: 1 }), value, { maxKeys: 6 });
    fc.assert(
      fc.property(document, (made) => {
        const text = stringify(made);
        const rows = text.split('\n');
        for (const [name, at] of keyLines(text)) {
          const row = parse(rows[at - 1] ?? '');
          expect(Object.keys(row)).toEqual([name]);
        }
        expect(keyLines(text).size).toBe(Object.keys(made).length);
      }),
      { numRuns: 200 },
    );
  });

  test('any text at all ends, without an error', () => {
    const piece = fc.constantFrom(
      '[',
      ']',
      '"',
      "'",
      '"""',
      '\\',
      '=',
      '.',
      '\n',
      '#',
      'a',
      '{',
      '}',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        keyLines(pieces.join(''));
      }),
      { numRuns: 500 },
    );
  });
});
