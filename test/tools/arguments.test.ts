/** Arguments of tools: typed when they are right, refused by field name when they are not. */
import { parseFields, schemaOf, type Fields } from '../../activities/tools/arguments.js';

const FIELDS = {
  path: { kind: 'string' },
  body: { kind: 'string', empty: true, optional: true, bytesMax: 8 },
  limit: { kind: 'integer', min: 1, max: 9, optional: true, description: 'how many' },
  all: { kind: 'boolean', optional: true },
  verb: { kind: 'choice', values: ['show', 'log'], optional: true },
  paths: { kind: 'strings', optional: true },
} as const satisfies Fields;

const errorOf = (input: unknown): string => {
  const parsed = parseFields(input, FIELDS);
  return parsed.ok ? '' : parsed.error;
};

describe('arguments', () => {
  test('plain JSON reaches the tool typed', () => {
    const sent = { path: 'a', body: '', limit: 3, all: false, verb: 'log', paths: ['x'] };
    const parsed = parseFields(JSON.parse(JSON.stringify(sent)), FIELDS);
    if (!parsed.ok) throw new Error(parsed.error);
    const limit: number | undefined = parsed.input.limit;
    const verb: 'show' | 'log' | undefined = parsed.input.verb;
    expect({ ...parsed.input, limit, verb }).toEqual(sent);
  });

  test('optional fields may be left out, or null', () => {
    expect(parseFields({ path: 'a', limit: null, all: null }, FIELDS)).toEqual({
      ok: true,
      input: { path: 'a' },
    });
  });

  test.each([
    [{}, '"path" is missing'],
    [{ path: null }, '"path" must be a string, not null'],
    [{ path: '' }, '"path" must not be empty'],
    [{ path: 7 }, '"path" must be a string, not a number'],
    [{ path: ['a'] }, '"path" must be a string, not a list'],
    [{ path: 'a\ud800' }, 'half of a surrogate pair'],
    [{ path: 'a', limit: '3' }, '"limit" must be a whole number, not a string'],
    [{ path: 'a', limit: 1.5 }, '"limit" must be a whole number'],
    [{ path: 'a', limit: 0 }, '"limit" must be 1 or more'],
    [{ path: 'a', limit: 10 }, '"limit" must be 9 or less'],
    [{ path: 'a', limit: 1e300 }, '"limit" must be a whole number'],
    [{ path: 'a', all: 'true' }, '"all" must be true or false, not a string'],
    [{ path: 'a', verb: 'push' }, '"verb" must be one of show, log'],
    [{ path: 'a', verb: ['log'] }, '"verb" must be one of'],
    [{ path: 'a', paths: 'x' }, '"paths" must be a list of strings'],
    [{ path: 'a', paths: ['x', 1] }, '"paths" must be a list of strings'],
    [{ path: 'a', body: 'ééééé' }, '"body" is too long: 10 of 8 bytes'],
    [{ file_path: 'a' }, '"file_path" is not known; "path" is missing. The fields are: path,'],
    [{ path: 'a', constructor: 1 }, '"constructor" is not known'],
    [[], 'must be an object, not a list'],
    [null, 'must be an object, not null'],
    ['{"path":"a"}', 'must be an object, not a string'],
  ])('%j is refused', (input, words) => {
    expect(errorOf(input)).toContain(words);
  });

  test('what is inherited is not an argument', () => {
    expect(errorOf(Object.create({ path: 'a' }))).toContain('"path" is missing');
    expect(errorOf(JSON.parse('{"__proto__":{"path":"a"}}'))).toContain('"path" is missing');
  });

  test('the schema says the same', () => {
    expect(schemaOf(FIELDS)).toEqual({
      type: 'object',
      properties: {
        path: { type: 'string' },
        body: { type: 'string' },
        limit: { type: 'integer', minimum: 1, maximum: 9, description: 'how many' },
        all: { type: 'boolean' },
        verb: { type: 'string', enum: ['show', 'log'] },
        paths: { type: 'array', items: { type: 'string' } },
      },
      required: ['path'],
      additionalProperties: false,
    });
  });
});
