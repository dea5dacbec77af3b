/** A change of a file: what is kept and what is refused. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  readdirSync,
  statSync,
  symlinkSync,
} from 'node:fs';

import type { ToolContext } from '../../activities/tools/tool.js';
import { runFileCall, type FileCalls } from '../support/file-calls.js';
import { startFileCalls } from '../support/file-store.js';
import { withWorkspace, type Workspace } from '../support/workspace.js';

const isRoot = process.getuid?.() === 0;
let calls: FileCalls;
let stop: () => Promise<void>;
beforeAll(async () => ({ calls, stop } = await startFileCalls()));
afterAll(() => stop());

const run = (workspace: Workspace, input: object, overrides: Partial<ToolContext> = {}) =>
  runFileCall(calls, input, workspace.context(overrides));

const edit = (path: string, from: string, to: string) => ({
  path,
  old_string: from,
  new_string: to,
});

const leftovers = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.lk-'),
  );

describe('what is kept', () => {
  test.each([0o644, 0o600, 0o755, 0o777, 0o664])('mode %i', (mode) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one', mode);
      expect((await run(workspace, edit('a', 'one', 'two'))).kind).toBe('applied');
      expect(statSync(workspace.at('a')).mode & 0o7777).toBe(mode);
      expect((await run(workspace, { path: 'a', content: 'three' })).kind).toBe('applied');
      expect(statSync(workspace.at('a')).mode & 0o7777).toBe(mode);
    }),
  );

  test.each([
    [0o022, 0o644, 0o755],
    [0o002, 0o664, 0o775],
    [0o077, 0o600, 0o700],
  ])("new files and folders take the user's umask %i", (umask, file, folder) =>
    withWorkspace(async (workspace) => {
      const old = process.umask(0o077);
      try {
        await run(workspace, { path: 'x/y/z', content: '' }, { umask });
      } finally {
        process.umask(old);
      }
      expect(statSync(workspace.at('x/y/z')).mode & 0o7777).toBe(file);
      expect(statSync(workspace.at('x/y')).mode & 0o7777).toBe(folder);
      expect(statSync(workspace.at('x')).mode & 0o7777).toBe(folder);
    }),
  );

  test('a symbolic link inside stays one and is written through', () =>
    withWorkspace(async (workspace) => {
      workspace.put('real/a', 'one');
      symlinkSync('real/a', workspace.at('link'));
      expect((await run(workspace, edit('link', 'one', 'two'))).kind).toBe('applied');
      expect(lstatSync(workspace.at('link')).isSymbolicLink()).toBe(true);
      expect(workspace.get('real/a')).toBe('two');
    }));

  test('the owner, where we may keep it', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one');
      if (isRoot) chownSync(workspace.at('a'), 4711, 4712);
      const { uid, gid } = statSync(workspace.at('a'));
      await run(workspace, edit('a', 'one', 'two'));
      expect(statSync(workspace.at('a'))).toMatchObject({ uid, gid });
    }));

  test('setuid is dropped and a hard link broken, and the model hears of it', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one', 0o4755);
      linkSync(workspace.at('a'), workspace.at('b'));
      const { text } = await run(workspace, edit('a', 'one', 'two'));
      expect(text).toContain('other names keep the old content');
      expect(text).toContain('setuid');
      expect([workspace.get('a'), workspace.get('b')]).toEqual(['two', 'one']);
      expect(statSync(workspace.at('a')).mode & 0o7777).toBe(0o755);
    }));

  test('bytes of 3 MB, in the file and in the images of the ledger', () =>
    withWorkspace(async (workspace) => {
      const filling = 'line of text\r\n'.repeat(220_000);
      workspace.put('a', `${filling}MARK${filling}`);
      const context = workspace.context();
      await runFileCall(calls, edit('a', 'MARK', 'mark\n'), context);
      const expected = `${filling}mark\r\n${filling}`;
      expect(workspace.get('a') === expected).toBe(true);
      const image = await calls.store.call('readPostImage', { key: context.effectKey });
      expect(Buffer.from(image ?? []).equals(Buffer.from(expected))).toBe(true);
    }));
});

describe('what is refused, with the file as it was', () => {
  test('a read-only file', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one', 0o444);
      const { isError, text } = await run(workspace, edit('a', 'one', 'two'));
      expect([isError, workspace.get('a')]).toEqual([true, 'one']);
      expect(text).toContain('read-only');
    }));

  test('a file or folder that the system protects', () =>
    withWorkspace(async (workspace) => {
      workspace.put('d/a', 'one');
      const protect = (on: boolean): void => {
        if (isRoot) execFileSync('chattr', [on ? '+i' : '-i', workspace.at('d/a')]);
        else chmodSync(workspace.at('d'), on ? 0o555 : 0o755);
      };
      protect(true);
      const { kind, text } = await run(workspace, edit('d/a', 'one', 'two'));
      protect(false);
      expect([kind, workspace.get('d/a')]).toEqual(['failed', 'one']);
      expect(text).toMatch(/immutable or protected|no permission/);
      expect(leftovers(workspace.project)).toEqual([]);
    }));

  test.each([
    ['README.md', 'readme.md'],
    ['r\u00e9sum\u00e9', 're\u0301sume\u0301'],
  ])('%s beside %s', (there, wanted) =>
    withWorkspace(async (workspace) => {
      workspace.put(there, 'one');
      const { isError, text } = await run(workspace, { path: wanted, content: 'two' });
      expect(isError).toBe(true);
      expect(text).toContain(`"${there}" exists beside it`);
      expect(readdirSync(workspace.project)).toEqual([there]);
    }),
  );

  test('a new folder whose twin exists', () =>
    withWorkspace(async (workspace) => {
      workspace.put('src/a', '');
      const { text } = await run(workspace, { path: 'SRC/lib/b', content: '' });
      expect(text).toContain('"src" exists beside it');
    }));
});

test('what is applied is in the ledger with its path, before and after', () =>
  withWorkspace(async (workspace) => {
    workspace.put('a', 'one');
    const context = workspace.context();
    await runFileCall(calls, edit('a', 'one', 'two'), context);
    const row = await calls.store.call('getEffect', { key: context.effectKey });
    expect(row).toMatchObject({
      state: 'applied',
      tool: 'edit',
      claim: { kind: 'file', path: workspace.at('a'), mode: 0o644 },
      note: { outcome: 'applied', recovered: false, paths: [workspace.at('a')], commit: null },
    });
  }));
