/**
 * File changes in a hostile world: folders swapped for links under them, full disks, mounts, zombies.
 *
 * Mounts live in a mount namespace of the child that makes the change, and end with it.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { isStoreError } from '../../activities/stores/store.js';
import type { ToolContext } from '../../activities/tools/tool.js';
import { openFileCalls, runFileCall, type CallEnd, type FileCalls } from '../support/file-calls.js';
import { bundle, withWorkspace, type Workspace } from '../support/workspace.js';

let built = '';
let remove = (): void => undefined;
beforeAll(async () => {
  ({ folder: built, remove } = await bundle({
    'store-thread': 'workers/store-thread.ts',
    'change-file': 'test/support/change-file.ts',
  }));
});
afterAll(() => remove());

const CHILD = (): string => join(built, 'change-file.js');

const orderOf = (project: string, home: string, input: object, faults?: string): string =>
  JSON.stringify({
    home,
    project,
    threadFile: join(built, 'store-thread.js'),
    call: 1,
    input,
    faults,
  });

/** Swaps `d` with a link to outside, back and forth, until it is killed; says so when it has begun. */
const SWAPPER = `
const fs = require('node:fs');
const [real, link, away] = process.argv.slice(1);
const put = (from, to) => {
  for (;;) {
    try { return fs.renameSync(from, to); } catch {}
    // While there was no folder, a change may have made one.
    try { fs.rmSync(to, { recursive: true, force: true }); } catch {}
  }
};
console.log('swapping');
for (;;) { put(real, away); put(link, real); put(real, link); put(away, real); }`;

const withSwapper = async (workspace: Workspace, body: () => Promise<void>): Promise<void> => {
  const link = join(workspace.outside, '..', 'link');
  symlinkSync(workspace.outside, link);
  const away = join(workspace.outside, '..', 'away');
  const child = spawn(process.execPath, ['-e', SWAPPER, workspace.at('d'), link, away], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    await once(child.stdout, 'data');
    await body();
    expect(child.exitCode).toBeNull();
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
};

/** Again until it has an end, as Temporal does: the folder may vanish with the temporary file in it. */
const runToItsEnd = async (calls: FileCalls, input: object, context: ToolContext) => {
  for (;;) {
    try {
      return await runFileCall(calls, input, context);
    } catch (error) {
      if (!isStoreError(error) || error.reason !== 'ENOENT') throw error;
    }
  }
};

test('320 changes below a folder that is swapped for a link: none gets out, none is torn', () =>
  withWorkspace(async (workspace) => {
    const home = mkdtempSync(join(tmpdir(), 'loomkin-swap-'));
    const calls = await openFileCalls(home, join(built, 'store-thread.js'));
    const texts: string[] = [];
    let applied = 0;
    workspace.put('d/keep', 'k');
    try {
      await withSwapper(workspace, async () => {
        for (let n = 0; n < 320; n += 1) {
          const input = { path: `d/${n % 7}`, content: `text ${n}\n` };
          const end = await runToItsEnd(calls, input, workspace.context());
          texts.push(end.text);
          if (end.kind === 'applied') applied += 1;
        }
      });
    } finally {
      await calls.store.close();
      rmSync(home, { recursive: true });
    }
    expect(readdirSync(workspace.outside)).toEqual([]);
    // Where the swapper was killed, the folder has one name or the other.
    const left = [workspace.at('d'), join(dirname(workspace.project), 'away')]
      .filter((path) => existsSync(path) && lstatSync(path).isDirectory())
      .flatMap((path) => readdirSync(path).map((name) => join(path, name)));
    for (const path of left.filter((found) => !found.endsWith('/keep')))
      expect(readFileSync(path, 'utf8')).toMatch(/^text \d+\n$/);
    expect(texts).toHaveLength(320);
    expect(applied).toBeGreaterThan(0);
    expect(texts.some((text) => text.includes('outside the project'))).toBe(true);
  }));

/** Runs a shell script as root of its own mount namespace; `$1` is an empty folder, `$2` the order. */
const inNamespace = (workspace: Workspace, script: string, order: string): string => {
  const flags = process.getuid?.() === 0 ? ['-m'] : ['-rm'];
  const args = [...flags, 'sh', '-ec', script, 'sh', workspace.project, order];
  const env = { ...process.env, NODE: process.execPath, CHILD: CHILD() };
  const { stdout, stderr, status } = spawnSync('unshare', args, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
};

const homeBeside = (workspace: Workspace): string => join(dirname(workspace.project), 'home');

describe('a disk that is full', () => {
  const FULL = `
mount -t tmpfs -o size=64k none "$1"
cd "$1"; printf 'old text' >a
"$NODE" "$CHILD" "$2"
echo "left: $(ls -A | tr '\\n' ' ')"; cat a`;

  test('leaves the file as it was and no temporary file, and the model is told', () =>
    withWorkspace((workspace) => {
      const input = { path: 'a', content: 'x'.repeat(100_000) };
      const order = orderOf(workspace.project, homeBeside(workspace), input);
      const [end = '', left, text] = inNamespace(workspace, FULL, order).split('\n');
      expect(JSON.parse(end) as CallEnd).toMatchObject({
        kind: 'failed',
        isError: true,
        text: expect.stringContaining('a was not written: the disk is full. It is as it was'),
      });
      expect([left, text]).toEqual(['left: a ', 'old text']);
    }));

  test('makes no half of a new file', () =>
    withWorkspace((workspace) => {
      const input = { path: 'b', content: 'x'.repeat(100_000) };
      const order = orderOf(workspace.project, homeBeside(workspace), input);
      const [end = '', left] = inNamespace(workspace, FULL, order).split('\n');
      expect(JSON.parse(end) as CallEnd).toMatchObject({ kind: 'failed' });
      expect(left).toBe('left: a ');
    }));
});

test('a file that is a mount of its own is refused with the reason', () =>
  withWorkspace((workspace) => {
    workspace.put('a', 'old text');
    const order = orderOf(workspace.project, homeBeside(workspace), { path: 'a', content: 'new' });
    const script = `cd "$1"; cp a "$1/../under"; mount --bind "$1/../under" a
"$NODE" "$CHILD" "$2"; ls -A | tr '\\n' ' '; cat a`;
    const [end = '', rest] = inNamespace(workspace, script, order).split('\n');
    expect(JSON.parse(end) as CallEnd).toMatchObject({
      kind: 'failed',
      text: expect.stringContaining('mount point'),
    });
    expect(rest).toBe('a old text');
  }));

test('a read-only file system is refused with the reason', () =>
  withWorkspace((workspace) => {
    const order = orderOf(workspace.project, homeBeside(workspace), {
      path: 'd/b',
      content: 'new',
    });
    const script = `mount -t tmpfs none "$1"; mount -o remount,ro "$1"; "$NODE" "$CHILD" "$2"`;
    const end = JSON.parse(inNamespace(workspace, script, order)) as CallEnd;
    expect(end).toMatchObject({ kind: 'failed', text: expect.stringContaining('read-only') });
  }));

const statOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'latin1');

/** Resolves when the process is stopped by a signal. */
const untilStopped = async (pid: number): Promise<void> => {
  for (;;) {
    if (/^\d+ \(.*\) T/.test(statOf(pid))) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

test.each(['effect.before-claim', 'effect.after-claim'])(
  'a process that was stopped at %s and overtaken writes nothing when it wakes up',
  (point) =>
    withWorkspace(async (workspace) => {
      workspace.put('a', 'one');
      const home = homeBeside(workspace);
      const input = { path: 'a', old_string: 'one', new_string: 'two' };
      const order = orderOf(workspace.project, home, input, `${point}=stop`);
      const zombie = spawn(process.execPath, [CHILD(), order], { stdio: 'ignore' });
      const ended = once(zombie, 'exit');
      try {
        await untilStopped(zombie.pid ?? 0);
        const next = orderOf(workspace.project, home, input);
        const { stdout } = await promisify(execFile)(process.execPath, [CHILD(), next]);
        expect(JSON.parse(stdout) as CallEnd).toMatchObject({ kind: 'applied' });
        expect(workspace.get('a')).toBe('two');
        // As it was when the zombie looked: only fence and claim can stop it now.
        writeFileSync(workspace.at('a'), 'one');
        zombie.kill('SIGCONT');
        const [code] = (await ended) as [number | null];
        expect(code).not.toBe(0);
        expect(workspace.get('a')).toBe('one');
        expect(readdirSync(workspace.project)).toEqual(['a']);
      } finally {
        zombie.kill('SIGKILL');
        await ended;
      }
    }),
);
