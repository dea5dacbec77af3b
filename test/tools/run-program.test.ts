/**
 * Programs that only look: bounded in time and output, and nobody waits for what they left behind.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { runProgram, type ProgramOptions } from '../../activities/tools/run-program.js';

const run = (script: string, options: Partial<ProgramOptions> = {}) =>
  runProgram('sh', ['-c', script], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '' },
    timeoutMs: 10_000,
    outputBytesMax: 1000,
    ...options,
  });

const withFolder = async (body: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-program-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const isAlive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
};

/** A signal that was sent takes a moment to arrive. */
const hasDied = async (pid: number): Promise<void> => {
  for (const since = Date.now(); isAlive(pid); await delay(5))
    if (Date.now() - since > 5000) throw new Error(`${pid} is still alive`);
};

test('its output, its errors and its exit code are told apart', async () => {
  const end = await run('echo out; echo err >&2; exit 3');
  expect(end).toMatchObject({ code: 3, stderr: 'err\n', cut: null });
  expect(end.stdout.toString()).toBe('out\n');
});

test('it reads what it is given, and may end without reading it', async () => {
  expect((await run('cat', { input: 'x\0y' })).stdout.toString()).toBe('x\0y');
  expect(await run('exit 0', { input: 'x'.repeat(4_000_000) })).toMatchObject({
    code: 0,
    cut: null,
  });
});

test.each([
  ['that is not there', 'no-such-program-of-ours', tmpdir()],
  ['in a folder that is gone', 'bash', join(tmpdir(), 'loomkin-no-such-folder')],
])('one %s is called not started', async (_name, program, cwd) => {
  const options = { cwd, env: {}, timeoutMs: 1000, outputBytesMax: 10 };
  expect(await runProgram(program, [], options)).toMatchObject({
    code: null,
    cut: 'not_started',
    stderr: expect.stringContaining('ENOENT'),
  });
});

test('output beyond the limit ends it, and exactly the limit is kept', async () => {
  const end = await run('yes', { outputBytesMax: 4097 });
  expect(end).toMatchObject({ code: null, cut: 'output' });
  expect(end.stdout).toHaveLength(4097);
  expect(await run('printf 12345', { outputBytesMax: 5 })).toMatchObject({ code: 0, cut: null });
});

test('a flood of errors fills no memory', async () => {
  const end = await run('yes | head -c 5000000 >&2');
  expect(end.stderr.length).toBeLessThan(200_000);
});

test('at the time limit it is ended with its children', () =>
  withFolder(async (folder) => {
    const script = `trap '' TERM; sleep 1000 & echo $! > ${folder}/child; wait`;
    expect(await run(script, { timeoutMs: 300 })).toMatchObject({ code: null, cut: 'timeout' });
    await hasDied(Number(readFileSync(join(folder, 'child'), 'utf8')));
  }));

test('what left its group and holds its output open is not waited for', () =>
  withFolder(async (folder) => {
    const script = `setsid sleep 1000 & echo $! > ${folder}/child; echo said; wait`;
    const begunAt = Date.now();
    const end = await run(script, { timeoutMs: 300 });
    const child = Number(readFileSync(join(folder, 'child'), 'utf8'));
    try {
      expect(end).toMatchObject({ code: null, cut: 'timeout' });
      expect(end.stdout.toString()).toBe('said\n');
      expect(Date.now() - begunAt).toBeLessThan(5000);
    } finally {
      if (isAlive(child)) process.kill(child, 'SIGKILL');
    }
  }));

test('an interrupt ends it, also one that came before it began', async () => {
  const stop = new AbortController();
  const running = run('echo up; sleep 1000', { signal: stop.signal });
  setImmediate(() => stop.abort());
  expect(await running).toMatchObject({ code: null, cut: 'interrupted' });
  expect(await run('sleep 1000', { signal: AbortSignal.abort() })).toMatchObject({
    code: null,
    cut: 'interrupted',
  });
});
