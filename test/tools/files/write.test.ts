/**
 * `write` carried out on a real store: what is on disk afterwards, and what no content or name can do.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { carryOutFileChange } from '../../../activities/effects/file-effect.js';
import { writeTool } from '../../../activities/tools/files/write.js';
import type { Tool, ToolContext } from '../../../activities/tools/tool.js';
import { runFileCall, type CallEnd, type FileCalls } from '../../support/file-calls.js';
import { startFileCalls } from '../../support/file-store.js';
import { planCall, withWorkspace, type Workspace } from '../../support/workspace.js';

let calls: FileCalls;
let stop: () => Promise<void>;
beforeAll(async () => ({ calls, stop } = await startFileCalls()));
afterAll(() => stop());

const write = (
  workspace: Workspace,
  path: string,
  content: string,
  overrides: Partial<ToolContext> = {},
): Promise<CallEnd> => runFileCall(calls, { path, content }, workspace.context(overrides));

/** Everything below the project, so that nothing is made beside what was asked for. */
const tree = ({ project }: Workspace): string[] =>
  readdirSync(project, { recursive: true, encoding: 'utf8' }).sort();

describe('a new file', () => {
  test.each([
    ['nothing', ''],
    ['one line break', '\n'],
    ['text without one', 'x'],
    ['a byte order mark of its own', '\uFEFFx\n'],
    ['CRLF', 'a\r\nb\r\n'],
    ['carriage returns alone', 'a\rb\r'],
    ['NUL and other controls', 'a\0b\x1b[31m\x7f'],
    ['characters of two to four bytes', 'é€😀\u{10FFFF}'],
    ['what looks like a conflict', '<<<<<<< ours\n=======\n>>>>>>> theirs\n'],
    ['patterns of replace()', "$& $1 $$ $' $`"],
  ])('holds %s byte by byte', (_name, content) =>
    withWorkspace(async (workspace) => {
      expect((await write(workspace, 'a', content)).kind).toBe('applied');
      expect(workspace.bytes('a').equals(Buffer.from(content))).toBe(true);
      expect(tree(workspace)).toEqual(['a']);
    }),
  );

  test.each([
    'with blanks and \ttabs',
    'two\nlines',
    '-rf',
    '*.?[a]',
    '$(touch sprung)',
    '`x`;&|',
    '"quoted\'',
    'back\\slash',
    '%2e%2e%2f',
    '日本語/😀',
    'é'.repeat(127),
    '...',
    ' ',
    '.lk-0123456789abcdef',
    'CON',
    '.gitx/hooks',
    'git',
    '__proto__/constructor',
  ])('may be called %j', (path) =>
    withWorkspace(async (workspace) => {
      expect(await write(workspace, path, 'x')).toMatchObject({ kind: 'applied', isError: false });
      expect(workspace.get(path)).toBe('x');
      expect(statSync(workspace.at(path)).mode & 0o777).toBe(0o644);
    }),
  );

  test('lies in folders that were made for it, 200 deep', () =>
    withWorkspace(async (workspace) => {
      const path = `${'d/'.repeat(200)}x`;
      expect((await write(workspace, path, 'deep')).kind).toBe('applied');
      expect(workspace.get(path)).toBe('deep');
    }));

  test('in a folder that a group shares stays in it, with the folders made for it', () =>
    withWorkspace(async (workspace) => {
      mkdirSync(workspace.at('shared'));
      if (process.getuid?.() === 0) chownSync(workspace.at('shared'), 0, 4712);
      chmodSync(workspace.at('shared'), 0o2775);
      const { gid } = statSync(workspace.at('shared'));
      expect((await write(workspace, 'shared/x/y/z', '', { umask: 0o002 })).kind).toBe('applied');
      for (const path of ['shared/x', 'shared/x/y'])
        expect(statSync(workspace.at(path))).toMatchObject({ mode: 0o42775, gid });
      expect(statSync(workspace.at('shared/x/y/z'))).toMatchObject({ mode: 0o100664, gid });
    }));

  test('of exactly the limit is written, one byte more is not and leaves no folder behind', () =>
    withWorkspace(async (workspace) => {
      const limits = { outputBytesMax: 1000, fileBytesMax: 3000, shellTimeoutMs: 1 };
      const fits = '€'.repeat(1000);
      expect((await write(workspace, 'd/fits', fits, { limits })).kind).toBe('applied');
      expect((await write(workspace, 'e/over', `${fits}x`, { limits })).text).toBe(
        'content is too large: 3001 of at most 3000 bytes.',
      );
      expect(tree(workspace)).toEqual(['d', 'd/fits']);
    }));

  test('of 10 MB arrives whole', () =>
    withWorkspace(async (workspace) => {
      const content = 'ten bytes\n'.repeat(1_048_576);
      expect((await write(workspace, 'big', content)).text).toContain('10485760 bytes');
      expect(workspace.get('big') === content).toBe(true);
    }));
});

describe('a name that is another name elsewhere', () => {
  test.each([
    ['in another case', 'Readme.md', 'README.md'],
    ['composed for decomposed', 'caf\u0065\u0301', 'caf\u00e9'],
    ['decomposed for composed', 'caf\u00e9', 'caf\u0065\u0301'],
    ['a folder in another case', 'src/a', 'SRC/b'],
  ])('is refused beside it: %s', (_name, there, asked) =>
    withWorkspace(async (workspace) => {
      workspace.put(there, 'old');
      const before = tree(workspace);
      const end = await write(workspace, asked, 'new');
      expect(end).toMatchObject({ kind: 'answer', isError: true });
      expect(end.text).toContain(`"${there.split('/')[0]}" exists beside it`);
      expect(tree(workspace)).toEqual(before);
    }),
  );

  test('is replaced where both exist already', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'lower');
      workspace.put('A', 'upper');
      expect((await write(workspace, 'A', 'new')).kind).toBe('applied');
      expect([workspace.get('a'), workspace.get('A')]).toEqual(['lower', 'new']);
    }));
});

describe('a file that is replaced', () => {
  test('becomes empty, and is text again after it was binary', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', Buffer.from([0, 255, 0]), 0o755);
      expect((await write(workspace, 'a', '')).text).toBe('Replaced a: 0 lines (was: binary).');
      expect(workspace.bytes('a')).toHaveLength(0);
      expect((await write(workspace, 'a', 'x\n')).kind).toBe('applied');
      expect(workspace.get('a')).toBe('x\n');
      expect(statSync(workspace.at('a')).mode & 0o777).toBe(0o755);
    }));

  test('through links of links keeps them all, and is changed where it lies', () =>
    withWorkspace(async (workspace) => {
      workspace.put('real/deep/a', 'one');
      symlinkSync('real', workspace.at('folder'));
      symlinkSync('folder/deep/a', workspace.at('link'));
      symlinkSync(workspace.at('link'), workspace.at('absolute'));
      expect((await write(workspace, 'absolute', 'two')).text).toContain('Replaced real/deep/a');
      expect(workspace.get('real/deep/a')).toBe('two');
      for (const name of ['folder', 'link', 'absolute'])
        expect(lstatSync(workspace.at(name)).isSymbolicLink()).toBe(true);
    }));

  test('is as a reader had opened it until it is whole: the old content stays in the old file', () =>
    withWorkspace(async (workspace) => {
      const path = workspace.put('a', 'old');
      linkSync(path, join(workspace.outside, 'kept'));
      await write(workspace, 'a', 'new');
      expect(execFileSync('cat', [join(workspace.outside, 'kept')], { encoding: 'utf8' })).toBe(
        'old',
      );
      expect(workspace.get('a')).toBe('new');
    }));

  test('keeps a file that is too large to hold in memory as it is', () =>
    withWorkspace(async (workspace) => {
      truncateSync(workspace.put('huge', 'start'), 2 ** 40);
      const end = await write(workspace, 'huge', 'x');
      expect(end).toMatchObject({ kind: 'answer', isError: true });
      expect(end.text).toContain('too large to change');
      expect(statSync(workspace.at('huge')).size).toBe(2 ** 40);
    }));
});

describe('between the look and the write', () => {
  const replace = (path: string, content: string): void => {
    rmSync(path);
    writeFileSync(path, content);
  };

  /** Plans, lets the world change, and carries out what was planned. */
  const meanwhile = async (workspace: Workspace, change: () => void): Promise<CallEnd> => {
    const context = workspace.context();
    const input = { path: 'd/a', content: 'mine' };
    const stale = await writeTool.plan(input, context);
    change();
    if (stale.kind !== 'file') throw new Error(stale.kind);
    // The tool is asked once more when the file is not as it was: here it knows no better.
    const tool = { ...writeTool, plan: async () => stale } as Tool;
    const env = { ...calls, tool, input, context, now: () => new Date().toISOString() };
    const { outcome, recovered } = await carryOutFileChange(stale, env);
    return { kind: outcome.state, text: outcome.text, isError: outcome.isError, recovered };
  };

  test.each([
    ['was written to', (path: string) => writeFileSync(path, 'theirs'), 'theirs'],
    ['was replaced by one of the same size', (path: string) => replace(path, 'old'), 'old'],
    ['grew', (path: string) => writeFileSync(path, ' and more', { flag: 'a' }), 'old and more'],
    ['lost its mode', (path: string) => chmodSync(path, 0o400), 'old'],
  ])('a file that %s is not overwritten', (_name, change, left) =>
    withWorkspace(async (workspace) => {
      const path = workspace.put('d/a', 'old');
      const end = await meanwhile(workspace, () => change(path));
      expect(end).toMatchObject({ kind: 'failed', isError: true });
      expect(end.text).toContain('changed after it was read');
      expect(workspace.get('d/a')).toBe(left);
      expect(tree(workspace)).toEqual(['d', 'd/a']);
    }),
  );

  test('a name that a folder, a link or a pipe has taken is left to it', () =>
    withWorkspace(async (workspace) => {
      const takers: readonly ((path: string) => void)[] = [
        (path) => mkdirSync(path),
        (path) => symlinkSync(join(workspace.outside, 'x'), path),
        (path) => void execFileSync('mkfifo', [path]),
      ];
      for (const take of takers) {
        mkdirSync(workspace.at('d'), { recursive: true });
        const end = await meanwhile(workspace, () => take(workspace.at('d/a')));
        expect(end).toMatchObject({ kind: 'failed', isError: true });
        expect(tree(workspace)).toEqual(['d', 'd/a']);
        rmSync(workspace.at('d'), { recursive: true });
      }
      expect(readdirSync(workspace.outside)).toEqual([]);
    }));
});

describe('what stands in the way', () => {
  const REFUSED: readonly [string, string][] = [
    ['folder', 'folder is a folder, not a regular file'],
    ['folder/', 'names a folder'],
    ['folder//', 'names a folder'],
    ['fifo', 'fifo is a named pipe'],
    ['socket', 'socket is a socket'],
    ['to-fifo', 'is a named pipe'],
    ['to-device', 'is outside the project'],
    ['out/new', 'is outside the project'],
    ['dangling', 'a symbolic link in it leads to nothing'],
    ['circle', 'go round in a circle'],
    ['file/below', 'a part of it is a file'],
    ['readonly', 'readonly is read-only'],
    [`${'n'.repeat(256)}`, 'it is too long'],
    [`new/${'n'.repeat(256)}`, 'it is too long'],
    ['a\0b', 'can not hold a NUL'],
    ['~/a', '"~" is not expanded'],
    ['.', 'The project itself is a folder'],
    ['folder/..', 'The project itself is a folder'],
  ];

  test('is refused with the reason, and nothing is made or changed', () =>
    withWorkspace(async (workspace) => {
      mkdirSync(workspace.at('folder'));
      workspace.put('file', 'old');
      workspace.put('readonly', 'old', 0o444);
      execFileSync('mkfifo', [workspace.at('fifo')]);
      symlinkSync('fifo', workspace.at('to-fifo'));
      symlinkSync('/dev/null', workspace.at('to-device'));
      symlinkSync(workspace.outside, workspace.at('out'));
      symlinkSync('nowhere', workspace.at('dangling'));
      symlinkSync('circle', workspace.at('circle'));
      const server = createServer().listen(workspace.at('socket'));
      try {
        await new Promise((resolve) => server.once('listening', resolve));
        const before = tree(workspace);
        for (const [path, words] of REFUSED) {
          const end = await write(workspace, path, 'x');
          expect([path, end.isError, end.text]).toEqual([
            path,
            true,
            expect.stringContaining(words),
          ]);
        }
        expect(tree(workspace)).toEqual(before);
        expect(readdirSync(workspace.outside)).toEqual([]);
        expect([workspace.get('file'), workspace.get('readonly')]).toEqual(['old', 'old']);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    }));

  test('a project that is gone is said to be gone, and is not made again', () =>
    withWorkspace(async (workspace) => {
      rmSync(workspace.project, { recursive: true });
      expect(await write(workspace, 'a', 'x')).toMatchObject({
        kind: 'answer',
        isError: true,
        text: `The project folder ${workspace.project} is gone or can't be opened.`,
      });
      expect(existsSync(workspace.project)).toBe(false);
      mkdirSync(workspace.project);
    }));

  test('a path longer than any rule can judge is refused before it is looked at', async () => {
    const path = `${'x/'.repeat(498)}.env`;
    expect(writeTool.parse({ path, content: '' })).toMatchObject({ ok: true });
    expect(writeTool.subject({ path, content: '' })).toBe(path);
    await withWorkspace(async (workspace) => {
      const plan = await planCall(
        writeTool,
        { path: `x${path}`, content: '' },
        workspace.context(),
      );
      expect(plan).toMatchObject({ isError: true, text: expect.stringContaining('is too long') });
    });
  });
});
