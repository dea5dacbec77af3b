/**
 * Folders and files by handle: no link is followed, nothing that is no file is waited for, no handle stays open.
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf, openFolder, pathIn, withFolder } from '../activities/open-folder.js';
import {
  hashContent,
  hashFile,
  openRegularFile,
  readWhole,
  stillSignature,
} from '../activities/regular-file.js';
import { isSameFile } from '../activities/stores/publish-file.js';
import { withWorkspace, type Workspace } from './support/workspace.js';

const codeOfOpening = (root: string, dir: string): Promise<string> =>
  openFolder(root, dir).then(async ({ handle }) => {
    await handle.close();
    return 'opened';
  }, codeOf);

/** Opens a file of the project and hands its handle over. */
const withFile = <T>(
  { project }: Workspace,
  name: string,
  body: (handle: FileHandle) => Promise<T>,
): Promise<T> =>
  withFolder({ root: project, dir: project }, async (folder) => {
    const opened = await openRegularFile(folder, name);
    if (opened.kind !== 'file') throw new Error(opened.kind);
    try {
      return await body(opened.handle);
    } finally {
      await opened.handle.close();
    }
  });

describe('a folder', () => {
  test('is opened below its root and nowhere else', () =>
    withWorkspace(async ({ project, outside, at }) => {
      mkdirSync(at('d/e'), { recursive: true });
      symlinkSync('d', at('link'));
      symlinkSync(outside, at('out'));
      writeFileSync(at('file'), '');
      for (const [dir, code] of [
        [project, 'opened'],
        [at('d/e'), 'opened'],
        [outside, 'EXDEV'],
        [join(project, '..'), 'EXDEV'],
        [`${project}2`, 'EXDEV'],
        [at('link/e'), 'ENOTDIR'],
        [at('out'), 'ENOTDIR'],
        [at('file'), 'ENOTDIR'],
        [at('file/x'), 'ENOTDIR'],
        [at('none'), 'ENOENT'],
      ] as const)
        expect([dir, await codeOfOpening(project, dir)]).toEqual([dir, code]);
    }));

  test('is made with the user’s umask where it is missing, and all that is on the way', () =>
    withWorkspace(async ({ project, at }) => {
      const make = { umask: 0o027 };
      await withFolder({ root: project, dir: at('x/y/z'), make }, async (folder) => {
        expect(folder.dir).toBe(at('x/y/z'));
      });
      for (const path of ['x', 'x/y', 'x/y/z']) expect(statSync(at(path)).mode & 0o777).toBe(0o750);
    }));

  test('made by several at once, however deep, is one, and each has it', () =>
    withWorkspace(async ({ project, at }) => {
      const make = { umask: 0o022 };
      for (let round = 0; round < 20; round += 1) {
        const dir = at(`r${round}/a/b/c/d/e/f`);
        const opened = await Promise.all(
          Array.from({ length: 8 }, () =>
            withFolder(
              { root: project, dir, make },
              async ({ handle }) => (await handle.stat()).ino,
            ),
          ),
        );
        expect(new Set(opened).size).toBe(1);
      }
    }));

  test('that is moved away stays the folder it was, under its handle', () =>
    withWorkspace(async ({ project, outside, at }) => {
      mkdirSync(at('d'));
      await withFolder({ root: project, dir: at('d') }, async (folder) => {
        renameSync(at('d'), at('moved'));
        symlinkSync(outside, at('d'));
        writeFileSync(pathIn(folder, 'a'), 'x');
        expect(readFileSync(at('moved/a'), 'utf8')).toBe('x');
      });
      expect(await codeOfOpening(project, at('d'))).toBe('ENOTDIR');
    }));

  test('is closed whatever happens in it', () =>
    withWorkspace(async ({ project }) => {
      const failing = withFolder({ root: project, dir: project }, async () => {
        throw new Error('on purpose');
      });
      await expect(failing).rejects.toThrow('on purpose');
    }));
});

describe('a file', () => {
  test.each<[string, string, (path: string) => void]>([
    ['a folder', 'a folder', (path) => mkdirSync(path)],
    ['a link to a file', 'a symbolic link', (path) => symlinkSync('/etc/passwd', path)],
    ['a link to nothing', 'a symbolic link', (path) => symlinkSync('none', path)],
    ['a pipe that nobody writes to', 'a named pipe', (path) => void execFileSync('mkfifo', [path])],
  ])('is never %s', (_name, what, make) =>
    withWorkspace(async (workspace) => {
      make(workspace.at('a'));
      await withFolder({ root: workspace.project, dir: workspace.project }, async (folder) => {
        expect(await openRegularFile(folder, 'a')).toEqual({ kind: 'special', what });
        expect(await openRegularFile(folder, 'none')).toEqual({ kind: 'missing' });
      });
    }),
  );

  test.each([0, 1, 256 * 1024, 256 * 1024 + 1, 1_000_000])('of %i bytes has one hash', (bytes) =>
    withWorkspace(async (workspace) => {
      const content = Buffer.alloc(bytes, 'loomkin');
      workspace.put('a', content);
      const expected = createHash('sha256').update(content).digest('hex');
      expect(await hashContent(content)).toBe(expected);
      expect(await withFile(workspace, 'a', hashFile)).toBe(expected);
    }),
  );

  test('is read to one byte beyond the limit and no further, however it grows', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'x'.repeat(100));
      await withFile(workspace, 'a', async (handle) => {
        expect(await readWhole(handle, 100)).toHaveLength(100);
        expect(await readWhole(handle, 50)).toHaveLength(51);
        appendFileSync(workspace.at('a'), 'y'.repeat(1_000_000));
        expect(await readWhole(handle, 100)).toHaveLength(101);
        truncateSync(workspace.at('a'), 7);
        expect(await readWhole(handle, 100)).toHaveLength(7);
      });
    }));

  test.each<[string, (path: string) => void]>([
    ['a write of the same bytes', (path) => writeFileSync(path, 'x')],
    ['a change of its mode', (path) => chmodSync(path, 0o600)],
    [
      'another file of the same name, size and time',
      (path) => {
        const { mtime } = statSync(path);
        rmSync(path);
        writeFileSync(path, 'x');
        execFileSync('touch', ['-d', mtime.toISOString(), path]);
      },
    ],
  ])('that was still has another signature after %s', (_name, change) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'x');
      const before = await withFile(workspace, 'a', stillSignature);
      expect(isSameFile(before, await withFile(workspace, 'a', stillSignature))).toBe(true);
      change(workspace.at('a'));
      expect(isSameFile(before, await withFile(workspace, 'a', stillSignature))).toBe(false);
    }),
  );
});
