import {
  anysOf,
  countComments,
  functionsIn,
  functionsOf,
  headerOf,
  lineCount,
  quantile,
  type FunctionMeasure,
} from './measures.js';
import { readText, scriptFiles, sourceFiles, testFiles } from './sources.js';

const tooLarge = (files: readonly string[], max: number): string[] =>
  files.filter((f) => lineCount(f) > max).map((f) => `${f} has ${lineCount(f)} lines: split it`);

const functions = [...sourceFiles, ...scriptFiles].flatMap(functionsOf);
const over = (measure: (f: FunctionMeasure) => number, max: number): string[] =>
  functions.filter((f) => measure(f) > max).map((f) => `${f.place} has ${measure(f)}`);

describe('a file', () => {
  test('has at most 400 lines', () => {
    expect(tooLarge([...sourceFiles, ...scriptFiles, ...testFiles], 400)).toEqual([]);
  });

  test('has at most 120 lines in the median and 300 in 95 of 100', () => {
    const lines = sourceFiles.map(lineCount);
    expect(quantile(lines, 0.5)).toBeLessThanOrEqual(120);
    expect(quantile(lines, 0.95)).toBeLessThanOrEqual(300);
  });

  test('lies at most three folders deep', () => {
    expect(sourceFiles.filter((file) => file.split('/').length - 1 > 3)).toEqual([]);
  });

  test('opens with a header of two to five sentences', () => {
    const wrong = [...sourceFiles, ...scriptFiles].flatMap((file) => {
      const header = headerOf(readText(file));
      if (!header) return [`${file} has no header`];
      const { sentences } = header;
      return sentences >= 2 && sentences <= 5 ? [] : [`${file}: ${sentences} sentences`];
    });
    expect(wrong).toEqual([]);
  });

  test('has no `any` unless it is a test', () => {
    expect(sourceFiles.flatMap(anysOf)).toEqual([]);
  });

  test('raises no cap by a lint comment', () => {
    const raising =
      /\/[/*] *(eslint-disable[^\n]*(max-|complexity|explicit-any)|@ts-(ignore|nocheck))/;
    expect([...sourceFiles, ...testFiles].filter((f) => raising.test(readText(f)))).toEqual([]);
  });
});

describe('a function', () => {
  test('has at most 70 lines', () => expect(over((f) => f.lines, 70)).toEqual([]));

  test('has at most 40 lines in 95 of 100', () => {
    expect(
      quantile(
        functions.map((f) => f.lines),
        0.95,
      ),
    ).toBeLessThanOrEqual(40);
  });

  test('nests at most three deep', () => expect(over((f) => f.nesting, 3)).toEqual([]));

  test('takes at most four parameters', () => expect(over((f) => f.parameters, 4)).toEqual([]));
});

describe('the whole', () => {
  test('has a comment line for every 3 to 8 lines of code', () => {
    const counts = sourceFiles.map((file) => countComments(readText(file)));
    const sum = (pick: (c: (typeof counts)[number]) => number): number =>
      counts.reduce((total, one) => total + pick(one), 0);
    const ratio = sum((c) => c.comment) / sum((c) => c.code);
    expect(ratio).toBeGreaterThanOrEqual(0.12);
    expect(ratio).toBeLessThanOrEqual(0.3);
  });

  test('has at least 1.3 lines of test for a line of source', () => {
    const lines = (files: readonly string[]): number =>
      files.reduce((total, file) => total + lineCount(file), 0);
    expect(lines(testFiles) / lines(sourceFiles)).toBeGreaterThanOrEqual(1.3);
  });
});

describe('a measure', () => {
  test('of nesting takes else-if as one level and starts anew in an inner function', () => {
    const [outer, inner] = functionsIn(
      'const f = (a) => { if (a) {} else if (b) { for (;;) { g(() => { if (c) {} }); } } };',
    );
    expect([outer?.nesting, inner?.nesting]).toEqual([2, 1]);
  });

  test('of comments knows blocks, lines, and code that only mentions them', () => {
    expect(countComments('/** a\n * b */\nconst x = 1; // y\n\n// z\n')).toEqual({
      code: 1,
      comment: 3,
    });
  });

  test('of a header counts sentences up to its bullets', () => {
    expect(headerOf('/** One thing. And another: `a.b`, v1.2. */')?.sentences).toBe(2);
    expect(headerOf('/**\n * One thing.\n * - first\n * - second\n */')?.sentences).toBe(2);
    expect(headerOf('const x = 1;')).toBeNull();
  });
});
