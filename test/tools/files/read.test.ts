/** `read`: numbered lines, a way to go on, and a clear word about everything that is no text. */
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { readTool } from '../../../activities/tools/files/read.js';
import type { ToolContext } from '../../../activities/tools/tool.js';
import { planCall, withWorkspace, type Workspace } from '../../support/workspace.js';

const read = async (
  workspace: Workspace,
  input: object,
  overrides: Partial<ToolContext> = {},
): Promise<{ readonly text: string; readonly isError: boolean }> => {
  const plan = await planCall(readTool, input, workspace.context(overrides));
  if (plan.kind !== 'answer') throw new Error(`read wants a ${plan.kind}`);
  return plan;
};

const limits = (outputBytesMax: number, fileBytesMax = 10_485_760) => ({
  limits: { outputBytesMax, fileBytesMax, shellTimeoutMs: 1 },
});

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, n) => `line ${from + n}`).join('\n');

const shown = (from: number, to: number): string =>
  Array.from(
    { length: to - from + 1 },
    (_, n) => `${String(from + n).padStart(6)}\tline ${from + n}`,
  ).join('\n');

describe('a text file', () => {
  test('is shown with line numbers from 1', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', `${lines(1, 3)}\n`);
      expect(await read(workspace, { path: 'a' })).toMatchObject({
        text: shown(1, 3),
        isError: false,
      });
    }));

  test.each([
    [{ offset: 3 }, `${shown(3, 9)}`],
    [{ limit: 2 }, `${shown(1, 2)}\n[lines 1–2 of 9; go on with offset=3]`],
    [{ offset: 4, limit: 2 }, `${shown(4, 5)}\n[lines 4–5 of 9; go on with offset=6]`],
    [{ offset: 8, limit: 2 }, shown(8, 9)],
    [{ offset: 9, limit: 500 }, shown(9, 9)],
  ])('in parts: %j', (part, text) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', `${lines(1, 9)}\n`);
      expect((await read(workspace, { path: 'a', ...part })).text).toBe(text);
    }),
  );

  test.each([
    ['a', '     1\ta\n[no line break at the end of the file]'],
    ['a\n\nb\n', '     1\ta\n     2\t\n     3\tb'],
    ['\n', '     1\t'],
    ['a\r\nb\r\n', '     1\ta\n     2\tb'],
    ['\uFEFFa\n\uFEFFb\n', '     1\ta\n     2\t\uFEFFb'],
    ['tab\there 😀\n', '     1\ttab\there 😀'],
  ])('%j', (content, text) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', content);
      expect(await read(workspace, { path: 'a' })).toMatchObject({ text, isError: false });
    }),
  );

  test('that is empty, and a line behind the end, are said in words', () =>
    withWorkspace(async (workspace) => {
      workspace.put('empty', '');
      workspace.put('a', 'x\ny');
      expect(await read(workspace, { path: 'empty' })).toMatchObject({
        text: 'empty is empty.',
        isError: false,
      });
      expect(await read(workspace, { path: 'a', offset: 3 })).toMatchObject({
        text: 'a has 2 lines; there is no line 3.',
        isError: true,
      });
    }));

  test('longer than the limit is cut at a line, and reading on shows every line once', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', `${lines(1, 3000)}\n`);
      const seen: string[] = [];
      let offset = 1;
      for (let part = 0; part < 100; part += 1) {
        const { text } = await read(workspace, { path: 'a', offset }, limits(4000));
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4000);
        seen.push(...text.split('\n').filter((line) => !line.startsWith('[')));
        const next = /go on with offset=(\d+)/.exec(text);
        if (!next) break;
        offset = Number(next[1]);
      }
      expect(seen.join('\n')).toBe(shown(1, 3000));
    }));

  test('with lines across chunks of reading is whole', () =>
    withWorkspace(async (workspace) => {
      const long = Array.from({ length: 400 }, (_, n) => `${n}:${'é'.repeat(900)}`);
      workspace.put('a', long.join('\n'));
      for (const n of [0, 143, 144, 145, 146, 287, 399]) {
        const { text } = await read(workspace, { path: 'a', offset: n + 1, limit: 1 });
        expect(text.split('\n')[0]).toBe(`${String(n + 1).padStart(6)}\t${long[n]}`);
      }
    }));

  test('with one line of 3 MB shows its start and its length', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', `${'€'.repeat(1_000_000)}\nnext\n`);
      const { text } = await read(workspace, { path: 'a' });
      const [first, second] = text.split('\n');
      expect(first).toBe(
        `     1\t${'€'.repeat(2000)} … [line cut; all of its 3000000 bytes: shell]`,
      );
      expect(second).toBe('     2\tnext');
      const small = await read(workspace, { path: 'a', limit: 1 }, limits(256));
      expect(small.text).toContain('[line cut');
    }));
});

describe('a huge file', () => {
  test('is read in parts without being loaded', () =>
    withWorkspace(async (workspace) => {
      const file = openSync(workspace.put('log', ''), 'w');
      const block = `${'x'.repeat(99)}\n`.repeat(10_000);
      for (let n = 0; n < 60; n += 1) writeSync(file, block);
      writeSync(file, 'the last line\n');
      closeSync(file);
      const before = process.memoryUsage().rss;
      const { text } = await read(workspace, { path: 'log', offset: 600_001 }, limits(4000, 1e6));
      expect(text).toBe('600001\tthe last line');
      const start = await read(workspace, { path: 'log', limit: 1 }, limits(4000, 1e6));
      expect(start.text).toContain('[lines 1–1 of a file of 60000014 bytes; go on with offset=2]');
      expect(process.memoryUsage().rss - before).toBeLessThan(40e6);
    }));

  test('with a hole of a terabyte ends at once', () =>
    withWorkspace(async (workspace) => {
      const file = openSync(workspace.put('sparse', ''), 'w');
      writeSync(file, 'text\n');
      ftruncateSync(file, 2 ** 40);
      closeSync(file);
      const startedMs = Date.now();
      for (const offset of [1, 2, 1_000_000])
        expect((await read(workspace, { path: 'sparse', offset })).text).toContain('is binary');
      expect(Date.now() - startedMs).toBeLessThan(3000);
    }));

  test('lets go when the turn is interrupted', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'x\n');
      const signal = AbortSignal.abort(new Error('interrupted'));
      await expect(read(workspace, { path: 'a' }, { signal })).rejects.toThrow('interrupted');
    }));
});

describe('what is no text', () => {
  test.each([
    ['binary', Buffer.from([1, 2, 0, 3]), 'is binary (it holds NUL bytes)'],
    ['NUL after much text', Buffer.from(`${'text\n'.repeat(90_000)}\0`), 'is binary'],
    ['UTF-16', Buffer.from('\uFEFFhi\n', 'utf16le'), 'is UTF-16, not UTF-8'],
    ['Latin-1', Buffer.from('ok\nna\u00efve\n', 'latin1'), 'is not valid UTF-8'],
  ])('%s is named and not shown', (_name, content, words) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', content);
      const { text, isError } = await read(workspace, { path: 'a' });
      expect(isError).toBe(true);
      expect(text).toContain(words);
    }),
  );

  test('a bad line is named by its number', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', Buffer.from('ok\nna\u00efve\n', 'latin1'));
      expect((await read(workspace, { path: 'a' })).text).toContain('(line 2)');
      expect((await read(workspace, { path: 'a', limit: 1 })).text).toContain('     1\tok');
    }));

  test('pipes, sockets, devices and links to them never hang', () =>
    withWorkspace(async (workspace) => {
      execFileSync('mkfifo', [workspace.at('fifo')]);
      symlinkSync('fifo', workspace.at('link'));
      const server = createServer().listen(workspace.at('sock'));
      try {
        await new Promise((resolve) => server.once('listening', resolve));
        expect((await read(workspace, { path: 'fifo' })).text).toContain('is a named pipe');
        expect((await read(workspace, { path: 'link' })).text).toContain('is a named pipe');
        expect((await read(workspace, { path: 'sock' })).text).toContain('is a socket');
        expect((await read(workspace, { path: '/dev/tty' })).text).toContain('outside');
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    }));
});

describe('what is not there', () => {
  test('a folder says what it holds', () =>
    withWorkspace(async (workspace) => {
      workspace.put('src/b.ts', '');
      mkdirSync(workspace.at('src/lib'));
      expect(await read(workspace, { path: 'src' })).toMatchObject({
        isError: true,
        text: 'src is a folder. It holds: b.ts, lib/.',
      });
      expect((await read(workspace, { path: '.' })).text).toBe('. is a folder. It holds: src/.');
    }));

  test.each([
    ['src/Index.ts', 'src/Index.ts does not exist. Did you mean src/index.ts'],
    ['src/indx.ts', 'Did you mean src/index.ts'],
    ['src/zzzzzzzzz', 'src/zzzzzzzzz does not exist. src holds: index.ts, other.md.'],
    ['lib/index.ts', 'there is no folder lib. the project folder holds: src/.'],
    ['src/a/b/c.ts', 'there is no folder src/a/b. src holds: index.ts, other.md.'],
  ])('%s', (path, words) =>
    withWorkspace(async (workspace) => {
      workspace.put('src/index.ts', '');
      workspace.put('src/other.md', '');
      const { text, isError } = await read(workspace, { path });
      expect(isError).toBe(true);
      expect(text).toContain(words);
    }),
  );

  test('a file in a huge folder is missed quickly', () =>
    withWorkspace(async (workspace) => {
      for (let n = 0; n < 4000; n += 1) closeSync(openSync(workspace.at(`f${n}`), 'w'));
      const { text } = await read(workspace, { path: 'qqqqqqqqqqqqqq' });
      expect(text).toContain('and at least 2940 more');
      expect(text.length).toBeLessThan(1000);
    }));
});

test('long outputs of the session are read by their absolute path', () =>
  withWorkspace(async (workspace) => {
    const context = workspace.context();
    const path = join(context.scratch, 'lead.1.0.txt');
    closeSync(openSync(path, 'w'));
    expect((await read(workspace, { path })).text).toBe(`${path} is empty.`);
  }));

test.each([
  [{ path: 'a', offset: 0 }, '"offset" must be 1 or more'],
  [{ path: 'a', offset: '5' }, '"offset" must be a whole number, not a string'],
  [{ path: 'a', limit: 0 }, '"limit" must be 1 or more'],
  [{}, '"path" is missing'],
])('arguments %j are refused', (input, words) =>
  withWorkspace(async (workspace) => {
    expect((await read(workspace, input)).text).toContain(words);
  }),
);
