/**
 * A process is killed at every point of a file change, and the next one finishes it.
 *
 * In every cell: the file changed exactly once, was never seen torn, and nothing is left beside it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { bundle, withWorkspace, type Workspace } from '../support/workspace.js';
import type { CallEnd } from '../support/file-calls.js';

let folder = '';
let remove = (): void => undefined;
beforeAll(async () => {
  ({ folder, remove } = await bundle({
    'store-thread': 'workers/store-thread.ts',
    'change-file': 'test/support/change-file.ts',
  }));
});
afterAll(() => remove());

const homeOf = (workspace: Workspace): string => join(dirname(workspace.project), 'home');

interface Attempt {
  readonly killed: boolean;
  readonly end: CallEnd | null;
}

const attempt = (workspace: Workspace, input: object, faults?: string, call = 1): Attempt => {
  const order = {
    home: homeOf(workspace),
    project: workspace.project,
    threadFile: join(folder, 'store-thread.js'),
    call,
    input,
    faults,
  };
  const { signal, stdout, stderr } = spawnSync(
    process.execPath,
    [join(folder, 'change-file.js'), JSON.stringify(order)],
    { encoding: 'utf8' },
  );
  if (signal === null && stdout === '') throw new Error(stderr);
  return {
    killed: signal === 'SIGKILL',
    end: stdout === '' ? null : (JSON.parse(stdout) as CallEnd),
  };
};

const strangers = (workspace: Workspace): string[] =>
  readdirSync(workspace.project, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.lk-'),
  );

const POINTS = [
  'effect.before-claim',
  'effect.after-claim',
  'effect.after-act',
  'effect.after-outcome',
];
const BEFORE = 'one\r\ntwo\r\nthree\r\n';
const EDIT = { path: 'src/a.txt', old_string: 'two', new_string: 'two, two' };
const EDITED = 'one\r\ntwo, two\r\nthree\r\n';
const CREATE = { path: 'new/deep/b.txt', content: 'made\n' };

describe.each(POINTS)('killed at %s', (point) => {
  test('an edit is finished by the next attempt, once', () =>
    withWorkspace((workspace) => {
      workspace.put('src/a.txt', BEFORE, 0o755);
      expect(attempt(workspace, EDIT, `${point}:edit=kill`).killed).toBe(true);
      expect([BEFORE, EDITED]).toContain(workspace.get('src/a.txt'));
      const { end } = attempt(workspace, EDIT, `${point}:edit=kill`);
      expect(end).toMatchObject({ kind: 'applied', isError: false });
      expect(end?.recovered).toBe(point !== 'effect.before-claim');
      expect(workspace.get('src/a.txt')).toBe(EDITED);
      expect(statSync(workspace.at('src/a.txt')).mode & 0o777).toBe(0o755);
      expect(strangers(workspace)).toEqual([]);
      const { ino, mtimeMs } = statSync(workspace.at('src/a.txt'));
      expect(attempt(workspace, EDIT).end).toMatchObject({ kind: 'applied', text: end?.text });
      expect(statSync(workspace.at('src/a.txt'))).toMatchObject({ ino, mtimeMs });
    }));

  test('a new file is made by the next attempt, once', () =>
    withWorkspace((workspace) => {
      expect(attempt(workspace, CREATE, `${point}=kill`).killed).toBe(true);
      expect(attempt(workspace, CREATE).end).toMatchObject({ kind: 'applied', isError: false });
      expect(workspace.get('new/deep/b.txt')).toBe('made\n');
      expect(statSync(workspace.at('new/deep/b.txt'))).toMatchObject({ nlink: 1 });
      expect(strangers(workspace)).toEqual([]);
    }));
});

describe('recovery', () => {
  const KILL = 'effect.after-claim=kill';

  test('may be killed itself, at any point, as often as it likes', () =>
    withWorkspace((workspace) => {
      workspace.put('src/a.txt', BEFORE);
      attempt(workspace, EDIT, KILL);
      expect(attempt(workspace, EDIT, 'effect.after-act#1=kill').killed).toBe(true);
      expect(attempt(workspace, EDIT, 'effect.after-outcome#1=kill').killed).toBe(true);
      expect(attempt(workspace, EDIT).end?.kind).toBe('applied');
      expect(workspace.get('src/a.txt')).toBe(EDITED);
      expect(strangers(workspace)).toEqual([]);
    }));

  test('removes the temporary file that the dead attempt left', () =>
    withWorkspace((workspace) => {
      workspace.put('src/a.txt', BEFORE);
      attempt(workspace, EDIT, KILL);
      const home = homeOf(workspace);
      const claim = execFileSync(
        process.execPath,
        [
          '-e',
          `console.log(new (require('better-sqlite3'))(process.argv[1]).prepare('select claim from effects').pluck().get())`,
          join(home, 'loomkin.db'),
        ],
        { encoding: 'utf8' },
      );
      const { temp } = JSON.parse(claim) as { temp: string };
      workspace.put(`src/${temp}`, 'half of it');
      expect(attempt(workspace, EDIT).end?.kind).toBe('applied');
      expect(workspace.get('src/a.txt')).toBe(EDITED);
      expect(strangers(workspace)).toEqual([]);
    }));

  test('of a file that somebody else changed since is told to the model as unknown', () =>
    withWorkspace((workspace) => {
      workspace.put('src/a.txt', BEFORE);
      attempt(workspace, EDIT, KILL);
      workspace.put('src/a.txt', 'mine\n');
      const { end } = attempt(workspace, EDIT);
      expect(end).toMatchObject({ kind: 'unknown', isError: true, recovered: true });
      expect(end?.text).toContain('outcome unknown');
      expect(end?.text).toMatch(/src\/a\.txt.*Found: sha256 \w+…, 5 bytes, modified \d{4}-/s);
      expect(workspace.get('src/a.txt')).toBe('mine\n');
      expect(attempt(workspace, EDIT).end?.text).toBe(end?.text);
    }));

  test.each([
    ['its folder is gone', (w: Workspace) => rmSync(w.at('src'), { recursive: true })],
    ['the file is gone', (w: Workspace) => rmSync(w.at('src/a.txt'))],
  ])('when %s is unknown', (_name, damage) =>
    withWorkspace((workspace) => {
      workspace.put('src/a.txt', BEFORE);
      attempt(workspace, EDIT, KILL);
      damage(workspace);
      expect(attempt(workspace, EDIT).end).toMatchObject({ kind: 'unknown' });
      expect(strangers(workspace)).toEqual([]);
    }),
  );

  test('another call on the same path finishes the open claim first', () =>
    withWorkspace((workspace) => {
      workspace.put('src/a.txt', BEFORE);
      attempt(workspace, EDIT, KILL);
      const next = { path: 'src/a.txt', old_string: 'two, two', new_string: '2' };
      expect(attempt(workspace, next, undefined, 2).end).toMatchObject({ kind: 'answer' });
      const third = { path: 'src/a.txt', old_string: 'one', new_string: '1' };
      expect(attempt(workspace, third, undefined, 3).end).toMatchObject({ kind: 'applied' });
      expect(workspace.get('src/a.txt')).toBe('1\r\ntwo, two\r\nthree\r\n');
      expect(attempt(workspace, EDIT).end).toMatchObject({ kind: 'applied', recovered: true });
      expect(workspace.get('src/a.txt')).toBe('1\r\ntwo, two\r\nthree\r\n');
    }));
});

test('what the model is told of the change is what is in the file', () =>
  withWorkspace((workspace) => {
    workspace.put('src/a.txt', BEFORE);
    const { end } = attempt(workspace, EDIT, 'effect.after-act=kill');
    expect(end).toBeNull();
    expect(attempt(workspace, EDIT).end?.text).toContain('2\ttwo, two');
    expect(readFileSync(join(homeOf(workspace), 'faults.log'), 'utf8')).toContain('after-act');
  }));
