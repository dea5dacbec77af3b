/** `edit` and `write`: what they plan, and what they tell the model. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

import { editTool } from '../../../activities/tools/files/edit.js';
import { writeTool } from '../../../activities/tools/files/write.js';
import { planCall, withWorkspace, type Workspace } from '../../support/workspace.js';

/** The text for the model, and the content that is to be; null when nothing is to be done. */
const plan = async (workspace: Workspace, input: object, fileBytesMax = 10_485_760) => {
  const context = workspace.context({
    limits: { outputBytesMax: 32_768, fileBytesMax, shellTimeoutMs: 1 },
  });
  const planned = await planCall('content' in input ? writeTool : editTool, input, context);
  if (planned.kind === 'process') throw new Error('a file tool wants a process');
  return planned.kind === 'file'
    ? { text: planned.text, content: Buffer.from(planned.content), isError: false }
    : { text: planned.text, content: null, isError: planned.isError };
};

const edit = (workspace: Workspace, old_string: string, new_string: string, more: object = {}) =>
  plan(workspace, { path: 'a', old_string, new_string, ...more });

describe('an edit', () => {
  test('tells where it landed, with the lines around', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n');
      const { text, content } = await edit(workspace, 'four', 'vier\nfünf');
      expect(text).toBe('Edited a (line 4).\n2\ttwo\n3\tthree\n4\tvier\n5\tfünf\n6\tfive\n7\tsix');
      expect(content?.toString()).toBe('one\ntwo\nthree\nvier\nfünf\nfive\nsix\nseven\n');
    }));

  test.each([
    ['at the start', 'one', 'ONE', '1\tONE\n2\ttwo\n3\tthree'],
    ['at the end', 'three', 'THREE', '1\tone\n2\ttwo\n3\tTHREE'],
    ['that deletes a line', 'two\n', '', '1\tone\n2\tthree'],
    ['that adds lines', 'two\n', 'two\n2b\n', '1\tone\n2\ttwo\n3\t2b\n4\tthree'],
  ])('%s', (_name, from, to, shown) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one\ntwo\nthree');
      expect((await edit(workspace, from, to)).text).toContain(`\n${shown}`);
    }),
  );

  test('of every place says how many', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'x\n'.repeat(12));
      const { text, content } = await edit(workspace, 'x', 'y', { replace_all: true });
      expect(text).toContain('Edited a (12 places, lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …)');
      expect(content?.toString()).toBe('y\n'.repeat(12));
    }));

  test('of much text shows little of it', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'start\nMARK\nend\n');
      const { text } = await edit(workspace, 'MARK', `${'long line '.repeat(60)}\n`.repeat(500));
      expect(text.length).toBeLessThan(4000);
      expect(text).toMatch(/… \d+ lines …/);
    }));

  test('keeps the byte order mark and CRLF', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', '\uFEFFone\r\ntwo\r\n');
      const { content } = await edit(workspace, 'one\ntwo', '1\n2\n3');
      expect(content?.toString()).toBe('\uFEFF1\r\n2\r\n3\r\n');
    }));
});

describe('an edit is refused', () => {
  test('when the text is there more than once, with the lines', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'x = 1\ny = 2\nx = 1\n');
      const { text, content, isError } = await edit(workspace, 'x = 1', 'x = 3');
      expect([content, isError]).toEqual([null, true]);
      expect(text).toContain('is in a 2 times (lines 1, 3)');
      expect(text).toContain('until it is unique, or set replace_all');
    }));

  test.each([
    ['tabs for spaces', '\tif (x) {\n\t\ty();', 'is indented by 4 spaces, old_string has 1 tab'],
    ['the depth', '  if (x) {\n    y();', 'is indented by 4 spaces, old_string has 2 spaces'],
    ['blanks at the end', '    if (x) { \n        y();', 'differs in blanks at its end'],
    ['blanks inside', '    if ( x ) {', 'differs in white space alone'],
    ['a word', '    if (z) {\n        y();\n    }', 'Line 2 differs'],
    ['line numbers copied along', '     2\t    if (x) {\n     3\t        y();', 'leave them out'],
    ['escapes', '    if (x) {\\n        y();', 'escaped once too often'],
    ['quotes', '    say(\u201chi\u201d);', 'look-alike characters'],
    [
      'nothing like it',
      'completely unrelated words of poetry',
      'Nothing in it is similar (6 lines)',
    ],
  ])('when it differs in %s, and says so', (_name, old, words) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'begin\n    if (x) {\n        y();\n    }\n    say("hi");\nend\n');
      const { text, content } = await edit(workspace, old, 'new');
      expect(content).toBeNull();
      expect(text).toContain('old_string is not in a; nothing was changed.');
      expect(text).toContain(words);
    }),
  );

  test('with the nearest lines and their numbers', () =>
    withWorkspace(async (workspace) => {
      const filler = Array.from({ length: 5000 }, (_, n) => `const value${n} = compute(${n});`);
      workspace.put('a', [...filler, 'function settle(account, amount) {', '}'].join('\n'));
      const { text } = await edit(workspace, 'function settle(acount, amount) {\n}', '');
      expect(text).toContain('5001\tfunction settle(account, amount) {');
      expect(text.length).toBeLessThan(2000);
    }));

  test('quickly, also in a file of 8 MB', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'the quick brown fox jumps over the lazy dog\n'.repeat(190_000));
      let longestMs = 0;
      let last = performance.now();
      const timer = setInterval(() => {
        longestMs = Math.max(longestMs, performance.now() - last);
        last = performance.now();
      }, 1);
      const { text } = await edit(workspace, 'the quick brown fax jumps\nover', 'x');
      clearInterval(timer);
      expect(text).toContain('not in a');
      expect(longestMs).toBeLessThan(400);
    }));

  test.each([
    [{ old_string: 'one', new_string: 'one' }, 'are the same'],
    [{ old_string: '', new_string: 'x' }, '"old_string" must not be empty'],
    [{ old_string: 'one' }, '"new_string" is missing'],
    [{ old_string: 'one', new_string: 2 }, '"new_string" must be a string'],
    [{ old_string: 'one', new_string: 'x', replace_all: 'yes' }, '"replace_all" must be true'],
    [{ path: 'none', old_string: 'a', new_string: 'b' }, 'To create a file, use write'],
    [{ path: 'd', old_string: 'a', new_string: 'b' }, 'd is a folder, not a regular file'],
    [{ path: '.', old_string: 'a', new_string: 'b' }, 'is a folder'],
    [{ path: 'bin', old_string: 'a', new_string: 'b' }, 'bin is binary'],
    [{ path: 'latin', old_string: 'a', new_string: 'b' }, 'latin is not valid UTF-8'],
    [{ path: 'fifo', old_string: 'a', new_string: 'b' }, 'fifo is a named pipe'],
    [{ path: '../proj2/x', old_string: 'a', new_string: 'b' }, 'outside the project'],
    [{ path: '.git/config', old_string: 'a', new_string: 'b' }, 'named .git'],
  ])('%j', (input, words) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one');
      mkdirSync(workspace.at('d'));
      workspace.put('bin', Buffer.from([97, 0]));
      workspace.put('latin', Buffer.from('aï', 'latin1'));
      execFileSync('mkfifo', [workspace.at('fifo')]);
      const { text, content, isError } = await plan(workspace, { path: 'a', ...input });
      expect([content, isError]).toEqual([null, true]);
      expect(text).toContain(words);
    }),
  );

  test('of a file that is too large or would become so', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'x'.repeat(100) + 'y');
      const input = { path: 'a', old_string: 'y', new_string: 'z'.repeat(100) };
      expect((await plan(workspace, input, 100)).text).toContain('too large to change');
      expect((await plan(workspace, input, 150)).text).toContain('would become too large');
    }));
});

describe('a write', () => {
  test('creates and replaces, and says which', () =>
    withWorkspace(async (workspace) => {
      workspace.put('old', 'a\nb\nc\n');
      expect((await plan(workspace, { path: 'x/new', content: 'é\n' })).text).toBe(
        'Created x/new (1 line, 3 bytes).',
      );
      expect((await plan(workspace, { path: 'old', content: 'a\n' })).text).toBe(
        'Replaced old: 1 line (was: 3 lines).',
      );
    }));

  test('of the same content writes nothing', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'same\r\n');
      for (const content of ['same\r\n', 'same\n'])
        expect(await plan(workspace, { path: 'a', content })).toMatchObject({
          content: null,
          isError: false,
        });
    }));

  test.each([
    ['CRLF for plain lines', 'a\r\nb\r\n', 'x\ny\n', 'x\r\ny\r\n', 'Kept its CRLF'],
    ['the mark', '\uFEFFa\n', 'x\n', '\uFEFFx\n', 'Kept its byte order mark'],
    ['no second mark', '\uFEFFa\n', '\uFEFFx\n', '\uFEFFx\n', 'byte order mark'],
    ['explicit endings', 'a\r\nb\r\n', 'x\r\ny\n', 'x\r\ny\n', 'Replaced'],
    ['nothing of a mixed file', 'a\r\nb\n', 'x\n', 'x\n', 'Replaced'],
    ['nothing of a binary file', 'a\0\r\n', 'x\n', 'x\n', 'was: binary'],
  ])('keeps %s', (_name, before, sent, after, words) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', before);
      const { text, content } = await plan(workspace, { path: 'a', content: sent });
      expect(content?.toString()).toBe(after);
      expect(text).toContain(words);
    }),
  );

  test.each([
    [{ path: 'd', content: '' }, 'd is a folder'],
    [{ path: 'x/'.repeat(3000), content: '' }, '"path" is too long: 6000 of 1000 bytes'],
    [{ path: 'new/', content: '' }, 'names a folder'],
    [{ path: 'a/b', content: '' }, 'is a file, not a folder'],
    [{ path: 'a', content: 'x'.repeat(101) }, 'too large: 101 of at most 100 bytes'],
    [{ path: 'a', content: '\udc00' }, 'half of a surrogate pair'],
    [{ path: 'a', content: { a: 1 } }, '"content" must be a string, not an object'],
    [{ path: '/tmp/x', content: '' }, 'outside the project'],
    [{ path: '.claude/x', content: '' }, 'named .claude'],
  ])('%j is refused', (input, words) =>
    withWorkspace(async (workspace) => {
      mkdirSync(workspace.at('d'));
      workspace.put('a', 'one');
      const { text, content, isError } = await plan(workspace, input, 100);
      expect([content, isError]).toEqual([null, true]);
      expect(text).toContain(words);
    }),
  );
});

test('rules judge the whole path without its detours', () => {
  const subject = editTool.subject({ path: 'src/../.git/./x', old_string: 'a', new_string: 'b' });
  expect(subject).toBe('.git/x');
  const longest = `${'日'.repeat(332)}.env`;
  expect(writeTool.parse({ path: longest, content: '' }).ok).toBe(true);
  expect(writeTool.subject({ path: longest, content: '' })).toBe(longest);
  expect(Buffer.byteLength(longest)).toBeLessThanOrEqual(1024);
});
