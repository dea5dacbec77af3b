/** A change of a file that others want as well: who wins, who is told, and that nothing is lost. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { ReachFault } from '../../activities/effects/faults.js';
import { carryOutFileChange } from '../../activities/effects/file-effect.js';
import type { FileChange, ToolContext } from '../../activities/tools/tool.js';
import { runFileCall, toolOf, type FileCalls } from '../support/file-calls.js';
import { startFileCalls } from '../support/file-store.js';
import { withWorkspace, type Workspace } from '../support/workspace.js';

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

/** Plans now, lets something happen, then carries out what was planned, without planning again. */
const afterPlanning = async (workspace: Workspace, input: object, happen: () => void) => {
  const context = workspace.context();
  const planned = (await toolOf(input).plan(input, context)) as FileChange;
  // The plan that is asked for again is the old one: as when the change comes after the last look.
  const tool = { ...toolOf(input), plan: () => Promise.resolve(planned) };
  happen();
  const now = (): string => new Date().toISOString();
  const { store, reachFault } = calls;
  const env = { store, reachFault, tool, input, context, now };
  return (await carryOutFileChange(planned, env)).outcome;
};

const leftovers = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.lk-'),
  );

describe('when something else gets there between the look and the rename', () => {
  const before = (workspace: Workspace) => workspace.put('d/a', 'one');

  test.each([
    ['other text', (w: Workspace) => writeFileSync(w.at('d/a'), 'TWO'), 'TWO'],
    ['the same text again', (w: Workspace) => writeFileSync(w.at('d/a'), 'one'), 'one'],
    ['an older time', (w: Workspace) => utimesSync(w.at('d/a'), 1, 1), 'one'],
    [
      'another file of the same text',
      (w: Workspace) => {
        writeFileSync(w.at('new'), 'one');
        renameSync(w.at('new'), w.at('d/a'));
      },
      'one',
    ],
  ])('%s is left alone', (_name, happen, text) =>
    withWorkspace(async (workspace) => {
      before(workspace);
      const outcome = await afterPlanning(workspace, edit('d/a', 'one', 'two'), () =>
        happen(workspace),
      );
      expect(outcome).toMatchObject({ state: 'failed', isError: true });
      expect(outcome.text).toContain('d/a changed after it was read');
      expect(outcome.text).toContain('Read it again');
      expect(workspace.get('d/a')).toBe(text);
      expect(leftovers(workspace.project)).toEqual([]);
    }),
  );

  test('a deleted file stays deleted', () =>
    withWorkspace(async (workspace) => {
      before(workspace);
      const outcome = await afterPlanning(workspace, edit('d/a', 'one', 'two'), () =>
        rmSync(workspace.at('d/a')),
      );
      expect(outcome.state).toBe('failed');
      expect(readdirSync(workspace.at('d'))).toEqual([]);
    }));

  test('a deleted folder stays deleted', () =>
    withWorkspace(async (workspace) => {
      before(workspace);
      const outcome = await afterPlanning(workspace, edit('d/a', 'one', 'two'), () =>
        rmSync(workspace.at('d'), { recursive: true }),
      );
      expect(outcome.state).toBe('failed');
      expect(existsSync(workspace.at('d'))).toBe(false);
    }));

  test('a file that appeared is not replaced by a new one', () =>
    withWorkspace(async (workspace) => {
      const outcome = await afterPlanning(workspace, { path: 'n', content: 'mine' }, () =>
        workspace.put('n', 'theirs'),
      );
      expect(outcome.text).toContain('appeared meanwhile');
      expect(workspace.get('n')).toBe('theirs');
      expect(leftovers(workspace.project)).toEqual([]);
    }));

  test('a folder that became a link to outside is not entered', () =>
    withWorkspace(async (workspace) => {
      before(workspace);
      const outcome = await afterPlanning(workspace, edit('d/a', 'one', 'two'), () => {
        renameSync(workspace.at('d'), join(workspace.outside, 'd'));
        symlinkSync(join(workspace.outside, 'd'), workspace.at('d'));
      });
      expect(outcome.state).toBe('failed');
      expect(readdirSync(join(workspace.outside, 'd'))).toEqual(['a']);
      expect(readFileSync(join(workspace.outside, 'd/a'), 'utf8')).toBe('one');
    }));

  test('a change before the last look is taken up', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one\nx\n');
      const context = workspace.context();
      const input = edit('a', 'one', 'two');
      const tool = toolOf(input);
      const planned = (await tool.plan(input, context)) as FileChange;
      workspace.put('a', 'one\ny\n');
      const now = (): string => new Date().toISOString();
      const { outcome } = await carryOutFileChange(planned, {
        ...calls,
        tool,
        input,
        context,
        now,
      });
      expect([outcome.state, workspace.get('a')]).toEqual(['applied', 'two\ny\n']);
    }));
});

describe('a claim that a call left open', () => {
  /** Leaves the claim of an edit from `one` to `two` of `d/a` open, as a kill would. */
  const leaveOpen = async (workspace: Workspace): Promise<ToolContext> => {
    workspace.put('d/a', 'one\nx\n');
    const context = workspace.context();
    const reachFault: ReachFault = (point) => {
      if (point === 'effect.after-claim') throw new Error('cut off');
    };
    const cut = runFileCall({ ...calls, reachFault }, edit('d/a', 'one', 'two'), context);
    await expect(cut).rejects.toThrow('cut off');
    return context;
  };

  test('is finished first by another call on the path, and only once', () =>
    withWorkspace(async (workspace) => {
      const context = await leaveOpen(workspace);
      expect((await run(workspace, edit('d/a', 'x', 'y'))).kind).toBe('applied');
      expect(workspace.get('d/a')).toBe('two\ny\n');
      const end = await runFileCall(calls, edit('d/a', 'one', 'two'), context);
      expect(end).toMatchObject({ kind: 'applied', recovered: true });
      expect(workspace.get('d/a')).toBe('two\ny\n');
    }));

  test('is finished by a call of another session on another project that holds the path', () =>
    withWorkspace(async (workspace) => {
      const { sessionId } = await leaveOpen(workspace);
      await calls.store.call('createSession', {
        id: sessionId,
        project: workspace.project,
        title: '',
        model: 'scripted/x',
        permissionMode: 'default',
        createdAt: new Date().toISOString(),
        baseCommit: null,
      });
      const other = { sessionId: 'other', project: workspace.at('d') };
      expect((await run(workspace, edit('a', 'x', 'y'), other)).kind).toBe('applied');
      expect(workspace.get('d/a')).toBe('two\ny\n');
    }));

  test('whose retry and another call come at the same moment', () =>
    withWorkspace(async (workspace) => {
      const context = await leaveOpen(workspace);
      const ends = await Promise.all([
        run(workspace, edit('d/a', 'x', 'y')),
        runFileCall(calls, edit('d/a', 'one', 'two'), context),
        run(workspace, { path: 'd/b', content: 'b' }),
      ]);
      expect(ends.map(({ kind }) => kind)).toEqual(['applied', 'applied', 'applied']);
      expect(workspace.get('d/a')).toBe('two\ny\n');
      expect(leftovers(workspace.project)).toEqual([]);
    }));

  test('on a file that became something else is unknown, whatever it became', () =>
    withWorkspace(async (workspace) => {
      for (const become of [
        (path: string) => mkdirSync(path),
        (path: string) => symlinkSync('elsewhere', path),
        (path: string) => execFileSync('mkfifo', [path]),
      ]) {
        const context = await leaveOpen(workspace);
        rmSync(workspace.at('d/a'));
        become(workspace.at('d/a'));
        const end = await runFileCall(calls, edit('d/a', 'one', 'two'), context);
        expect(end).toMatchObject({ kind: 'unknown', isError: true });
        expect(end.text).toMatch(/outcome unknown.*Found: a (folder|symbolic link|named pipe)/s);
        rmSync(workspace.at('d'), { recursive: true });
      }
    }));
});

describe('several at once', () => {
  test('edits of one file in one turn all land', () =>
    withWorkspace(async (workspace) => {
      const names = Array.from({ length: 25 }, (_, n) => `line-${String(n).padStart(2, '0')};`);
      workspace.put('a', names.join('\n'));
      const ends = await Promise.all(
        names.map((name) => run(workspace, edit('a', name, name.toUpperCase()))),
      );
      expect(ends.map(({ kind }) => kind)).toEqual(names.map(() => 'applied'));
      expect(workspace.get('a')).toBe(names.join('\n').toUpperCase());
    }));

  test('of two that replace the same text the second is told', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one');
      const ends = await Promise.all(['x', 'y'].map((to) => run(workspace, edit('a', 'one', to))));
      expect(ends.filter(({ kind }) => kind === 'applied')).toHaveLength(1);
      expect(ends.find(({ isError }) => isError)?.text).toContain('old_string is not in a');
      expect(['x', 'y']).toContain(workspace.get('a'));
    }));

  test('new files in one new folder', () =>
    withWorkspace(async (workspace) => {
      const ends = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          run(workspace, { path: `deep/er/${n}`, content: `${n}` }),
        ),
      );
      expect(ends.filter(({ kind }) => kind !== 'applied')).toEqual([]);
      expect(readdirSync(workspace.at('deep/er'))).toHaveLength(20);
    }));

  test('an edit that is interrupted while it waits for its turn writes nothing', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one two');
      const abort = new AbortController();
      const first = run(workspace, edit('a', 'one', '1'));
      const second = run(workspace, edit('a', 'two', '2'), { signal: abort.signal });
      abort.abort();
      expect((await first).kind).toBe('applied');
      expect((await second).text).toContain('Nothing was written');
      expect(workspace.get('a')).toBe('1 two');
    }));

  test('the same call twice at the same moment is one effect', () =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'n=0');
      const context = workspace.context();
      const input = edit('a', 'n=0', 'n=0n=0');
      const ends = await Promise.all([1, 2, 3].map(() => runFileCall(calls, input, context)));
      expect(ends.map(({ kind }) => kind)).toEqual(['applied', 'applied', 'applied']);
      expect(workspace.get('a')).toBe('n=0n=0');
    }));
});
