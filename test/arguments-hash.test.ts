/**
 * Arguments are named by what they say, not by how they were written down.
 */
import fc from 'fast-check';

import { hashArguments, hashResult, parseArguments } from '../activities/arguments-hash.js';

const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
};

describe('the hash of arguments', () => {
  test('is a SHA-256', () => {
    expect(hashArguments('{}')).toMatch(/^[0-9a-f]{64}$/);
  });

  test('does not depend on the order of keys or on blanks', () => {
    expect(hashArguments('{"a":1,"b":[1,{"d":2,"c":3}]}')).toBe(
      hashArguments('{ "b": [1, {"c": 3, "d": 2}],\n "a": 1 }'),
    );
  });

  test('holds for any object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const written = JSON.stringify(value);
        const again = JSON.stringify(reversed(JSON.parse(written)), null, 3);
        expect(hashArguments(again)).toBe(hashArguments(written));
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ['{"a":1}', '{"a":"1"}'],
    ['{"a":[1,2]}', '{"a":[2,1]}'],
    ['{"a":null}', '{}'],
    ['{"a":{"b":1}}', '{"a":{"b":2}}'],
    ['{"a":"x"}', '{"a":"x"'],
    ['{"path":', '{"path": '],
    ['[1]', '[ 1 ]'],
    ['{"__proto__":{"a":1}}', '{}'],
  ])('tells %s from %s', (left, right) => {
    expect(hashArguments(left)).not.toBe(hashArguments(right));
  });

  test('of no text at all is that of no arguments', () => {
    expect(hashArguments('')).toBe(hashArguments('{}'));
  });

  test('of a value nested without end is that of its text, and does not end the process', () => {
    const deep = `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    expect(parseArguments(deep)).toBeNull();
    expect(hashArguments(deep)).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('reading arguments', () => {
  test.each([
    '[1]',
    '"text"',
    '12',
    'null',
    'true',
    '{"a":1',
    '{a:1}',
    'read a.ts',
    '{"a":1} {"b":2}',
  ])('never makes an object of %s', (raw) => {
    expect(parseArguments(raw)).toBeNull();
  });

  test('keeps what was sent', () => {
    expect(parseArguments('{"a":{"b":[1,null]}}')).toEqual({ a: { b: [1, null] } });
  });
});

test('the same words as a result and as an error have different hashes', () => {
  expect(hashResult('x', true)).not.toBe(hashResult('x', false));
  expect(hashResult('x', true)).toBe(hashResult('x', true));
});
