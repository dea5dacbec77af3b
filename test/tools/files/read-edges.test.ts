/**
 * `read` at its edges: half characters, endless lines, files that change under it, ranges beyond sense.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';

import { readLines } from '../../../activities/tools/files/read-lines.js';
import { readTool } from '../../../activities/tools/files/read.js';
import type { ToolContext, ToolResult } from '../../../activities/tools/tool.js';
import { withFolder } from '../../../activities/open-folder.js';
import { openRegularFile } from '../../../activities/regular-file.js';
import { planCall, withWorkspace, type Workspace } from '../../support/workspace.js';

const read = async (
  workspace: Workspace,
  input: object,
  overrides: Partial<ToolContext> = {},
): Promise<ToolResult> => {
  const plan = await planCall(readTool, input, workspace.context(overrides));
  if (plan.kind !== 'answer') throw new Error(`read wants a ${plan.kind}`);
  return plan;
};

const limits = (outputBytesMax: number, fileBytesMax = 10_485_760) => ({
  limits: { outputBytesMax, fileBytesMax, shellTimeoutMs: 1 },
});

describe('a line that is cut', () => {
  test.each([1997, 1998, 1999, 2000])(
    'after %i letters never ends in half a character',
    (letters) =>
      withWorkspace(async (workspace) => {
        workspace.put('a', `${'x'.repeat(letters)}${'😀'.repeat(10)}\n`);
        const { text } = await read(workspace, { path: 'a' });
        expect(text).toContain('… [line cut; all of its');
        expect(text).toBe(Buffer.from(text).toString());
        const shown = Math.floor((2000 - letters) / 2);
        expect(text.split('😀').length - 1).toBe(shown);
      }),
  );

  test.each([7999, 8000, 8001, 8002])('by bytes inside a character of %i is whole', (bytes) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', `${'x'.repeat(bytes - 2)}€€€`);
      const { text, isError } = await read(workspace, { path: 'a' });
      expect([isError, text.includes('\uFFFD')]).toEqual([false, false]);
    }),
  );

  test.each([
    ['of nothing but continuation bytes', Buffer.alloc(9000, 0x80)],
    [
      'that becomes bad far behind its start',
      Buffer.concat([Buffer.alloc(7000, 97), Buffer.from([0xff]), Buffer.alloc(5000, 97)]),
    ],
    [
      'that is bad where it is cut',
      Buffer.concat([Buffer.alloc(7990, 97), Buffer.alloc(100, 0x9f)]),
    ],
  ])('%s is no text', (_name, content) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', content);
      const { text, isError } = await read(workspace, { path: 'a' });
      expect(isError).toBe(true);
      expect(text).toContain('is not valid UTF-8');
      expect(text).toContain('(line 1)');
    }),
  );

  test('at a limit smaller than itself is shown all the same, so that reading can go on', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', `${'x'.repeat(500)}\ny\n`);
      const { text } = await read(workspace, { path: 'a' }, limits(200));
      expect(text).toContain('go on with offset=2');
      expect((await read(workspace, { path: 'a', offset: 2 }, limits(200))).text).toBe('     2\ty');
    }));
});

describe('lines', () => {
  test('of carriage returns alone are one', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one\rtwo\rthree');
      const { text } = await read(workspace, { path: 'a' });
      expect(text).toBe('     1\tone\rtwo\rthree\n[no line break at the end of the file]');
    }));

  test('whose break is torn between two chunks lose no carriage return of their text', () =>
    withWorkspace(async (workspace) => {
      const chunk = 256 * 1024;
      workspace.put('a', `${'x'.repeat(chunk - 4)}\na\r\r\nb\r\n`);
      expect((await read(workspace, { path: 'a', offset: 2 })).text).toBe('     2\ta\r\n     3\tb');
    }));

  test('that are empty, a hundred thousand of them, are counted and cut', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', '\n'.repeat(100_000));
      const { text } = await read(workspace, { path: 'a', offset: 99_999 });
      expect(text).toBe(' 99999\t\n100000\t');
      expect((await read(workspace, { path: 'a', offset: 100_001 })).text).toBe(
        'a has 100000 lines; there is no line 100001.',
      );
      const cut = await read(workspace, { path: 'a' }, limits(1000));
      expect(cut.text).toMatch(/\[lines 1–\d+ of 100000; go on with offset=\d+\]$/);
    }));

  test.each([
    [{ offset: Number.MAX_SAFE_INTEGER }, `there is no line ${Number.MAX_SAFE_INTEGER}`],
    [{ offset: Number.MAX_SAFE_INTEGER + 1 }, 'must be a whole number'],
    [{ offset: 2, limit: Number.MAX_SAFE_INTEGER }, '     2\tb'],
    [{ limit: -1 }, '"limit" must be 1 or more'],
    [{ offset: null, limit: null }, '     1\ta'],
  ])('of the range %j', (range, words) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'a\nb\n');
      expect((await read(workspace, { path: 'a', ...range })).text).toContain(words);
    }),
  );
});

describe('text of another kind', () => {
  test.each([
    ['UTF-16 of big ends', Buffer.from([0xfe, 0xff, 0, 97]), 'is UTF-16'],
    ['UTF-16 without a mark', Buffer.from('hi\n', 'utf16le'), 'is binary'],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 97, 0, 0, 0]), 'is UTF-16'],
    ['an overlong slash', Buffer.from([0xc0, 0xaf]), 'is not valid UTF-8'],
    ['half a surrogate pair', Buffer.from([0xed, 0xa0, 0xbd]), 'is not valid UTF-8'],
    ['a character cut off at the end', Buffer.from('€').subarray(0, 2), 'is not valid UTF-8'],
  ])('%s is named', (_name, content, words) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', content);
      const { text, isError } = await read(workspace, { path: 'a' });
      expect(isError).toBe(true);
      expect(text).toContain(words);
    }),
  );

  test('control characters are shown as they are, since they are text', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', '\x1b[31mred\x1b[0m \x07\n');
      expect((await read(workspace, { path: 'a' })).text).toBe('     1\t\x1b[31mred\x1b[0m \x07');
    }));
});

describe('while it is read', () => {
  /** Reads with a change of the world before each chunk. */
  const readWhile = (workspace: Workspace, change: (position: number) => void) =>
    withFolder({ root: workspace.project, dir: workspace.project }, async (folder) => {
      const opened = await openRegularFile(folder, 'a');
      if (opened.kind !== 'file') throw new Error(opened.kind);
      try {
        const range = { offset: 1, linesMax: 2, bytesMax: 1000 };
        return await readLines(opened.handle, range, (position, isDone) => {
          change(position);
          return !isDone || position < 2_000_000;
        });
      } finally {
        await opened.handle.close();
      }
    });

  test('a file that grows faster than it is read ends the reading, not the memory', () =>
    withWorkspace(async (workspace) => {
      const more = 'more\n'.repeat(100_000);
      const file = openSync(workspace.put('a', 'one\ntwo\n'), 'a');
      const read = await readWhile(workspace, () => void writeSync(file, more));
      closeSync(file);
      expect(read).toMatchObject({ lines: ['     1\tone', '     2\ttwo'], total: null });
    }));

  test('a file that is deleted is read to its end', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', `one\n${'x\n'.repeat(300_000)}`);
      const read = await readWhile(workspace, () => rmSync(workspace.at('a'), { force: true }));
      expect(read).toMatchObject({ lines: ['     1\tone', '     2\tx'], total: 300_001 });
    }));

  test('a file that is cut short ends where it ends now', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', `one\n${'x\n'.repeat(300_000)}`);
      const read = await readWhile(workspace, (position) => {
        if (position > 0) workspace.put('a', 'gone\n');
      });
      expect(read).toMatchObject({ kind: 'lines', lines: ['     1\tone', '     2\tx'] });
    }));
});

test('a folder on the way that became a link to outside is not entered', () =>
  withWorkspace(async (workspace) => {
    workspace.put('d/a', 'inside');
    renameSync(workspace.at('d'), workspace.at('was'));
    symlinkSync(workspace.outside, workspace.at('d'));
    expect((await read(workspace, { path: 'd/a' })).text).toContain('is outside the project');
  }));

test('a project that is gone is said to be gone', () =>
  withWorkspace(async (workspace) => {
    rmSync(workspace.project, { recursive: true });
    const { text, isError } = await read(workspace, { path: 'a' });
    expect([isError, text]).toEqual([true, expect.stringContaining("is gone or can't be opened")]);
    mkdirSync(workspace.project);
  }));
