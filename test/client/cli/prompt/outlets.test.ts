/**
 * Where output goes: readers that are slow, stuck or gone, full disks, closed descriptors, terminals.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';

import {
  buildCli,
  jsonLines,
  StandInDaemon,
  startCli,
  startOnTerminal,
} from '../../../support/cli.js';
import type { BuiltCli, CliRun } from '../../../support/cli.js';
import { answer, prompt, result, toolResult } from '../../../support/session-events.js';

let cli: BuiltCli;
let daemon: StandInDaemon;

beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli.remove());
beforeEach(async () => {
  daemon = await new StandInDaemon().start();
});
afterEach(() => daemon.remove());

const options = () => ({ cwd: daemon.project, env: daemon.env() });
const STREAM = ['-p', 'go on', '--output-format', 'stream-json'];
const KILOBYTES_64 = 'x'.repeat(65_536);

/** A command that has begun to print for a reader that does not read. */
const unread = async (): Promise<{ readonly run: CliRun; readonly messageId: string }> => {
  const run = startCli(cli.file, STREAM, options());
  run.child.stdout?.pause();
  await daemon.seen('GET', /events/);
  const messageId = await daemon.promptId();
  for (let n = 1; n <= 40; n += 1) daemon.emit(toolResult(n, `${n} ${KILOBYTES_64}`));
  return { run, messageId };
};

describe('a reader that does not read', () => {
  test('and reads on later misses nothing, and gets nothing twice', async () => {
    const { run, messageId } = await unread();
    daemon.emit(result(messageId));
    run.child.stdout?.resume();
    expect(await run.ended).toEqual({ code: 0, signal: null });
    const lines = jsonLines(run.stdout());
    expect(lines.map(({ type }) => type)).toEqual([
      'system',
      ...Array.from({ length: 40 }, () => 'user'),
      'result',
    ]);
    expect(new Set(lines.map(({ uuid }) => uuid)).size).toBe(lines.length);
  });

  test.each([
    ['SIGINT', 2, 130],
    ['SIGTERM', 2, 143],
    ['SIGHUP', 1, 129],
  ] as const)(
    'does not hold up %s (said %i times), which ends with %i',
    async (signal, times, code) => {
      const { run } = await unread();
      const exit = once(run.child, 'exit');
      const asked = daemon.seen('POST', /interrupt$/);
      run.child.kill(signal);
      if (times === 2) {
        await asked;
        run.child.kill(signal);
      }
      expect(await exit).toEqual([code, null]);
      expect(daemon.requests.some(({ path }) => path.endsWith('stop'))).toBe(false);
      run.child.stdout?.destroy();
    },
  );

  test('but goes away ends the command with 129, and interrupts nothing', async () => {
    const { run } = await unread();
    run.child.stdout?.destroy();
    expect((await run.ended).code).toBe(129);
    expect(daemon.requests.some(({ path }) => /interrupt|stop/.test(path))).toBe(false);
  });
});

describe('a stdout', () => {
  const shell = (words: string) =>
    spawnSync('/bin/sh', ['-c', words], {
      cwd: daemon.project,
      env: {
        PATH: process.env['PATH'] ?? '',
        CLI: cli.file,
        NODE: process.execPath,
        ...daemon.env(),
      },
      encoding: 'utf8',
    });

  test('that is closed is no reason to fail', () => {
    expect(shell('"$NODE" "$CLI" --version >&-')).toMatchObject({ status: 0, stderr: '' });
    expect(shell('"$NODE" "$CLI" --help >&- 2>&-')).toMatchObject({ status: 0 });
  });

  test('that is full is said, with exit code 1', () => {
    const { status, stderr } = shell('"$NODE" "$CLI" --help >/dev/full');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^loomkin: stdout can't be written \(ENOSPC\)\..*\n$/);
  });

  test('and a stderr that are both full end the command all the same', () => {
    expect(shell('"$NODE" "$CLI" --help >/dev/full 2>/dev/full').status).toBe(1);
    expect(shell('"$NODE" "$CLI" --nonsense 2>/dev/full').status).toBe(2);
  });

  test('that is full while a prompt is followed leaves the session alone', async () => {
    const script = '"$NODE" "$CLI" -p "go on" --output-format stream-json >/dev/full';
    const run = startCli(
      '-e',
      [
        `process.exit(require('node:child_process').spawnSync('/bin/sh', ['-c', process.argv[1]], { stdio: 'inherit' }).status)`,
        script,
      ],
      { ...options(), env: { ...daemon.env(), CLI: cli.file, NODE: process.execPath } },
    );
    expect((await run.ended).code).toBe(1);
    expect(run.stderr()).toContain('A session goes on; see loomkin ps.');
    expect(daemon.requests.some(({ path }) => /interrupt|stop/.test(path))).toBe(false);
  });
});

describe('a terminal', () => {
  const EVIL = 'ab\u001b]0;owned\u0007c\u001b[2J\u009b31m\u0008d';

  test('gets the words of -p without what it would obey', async () => {
    daemon.onPrompt = ({ messageId }) => daemon.emit(result(messageId, { text: EVIL }));
    const run = startOnTerminal(cli.file, ['-p', 'go on'], options());
    run.child.stdin?.write('\u0004');
    expect((await run.ended).code).toBe(0);
    expect(run.stdout().replaceAll('\r\n', '\n')).toContain('abc\ufffd31m\ufffdd\n');
    expect(run.stdout()).not.toMatch(/\u001b|\u009b|\u0008/);
  });

  test('gets lines of stream-json that it does not obey either', async () => {
    daemon.onPrompt = ({ messageId }) => {
      daemon.emit(prompt(messageId, EVIL));
      daemon.emit(answer(1, EVIL));
      daemon.emit(result(messageId, { text: EVIL }));
    };
    const run = startOnTerminal(cli.file, STREAM, options());
    expect((await run.ended).code).toBe(0);
    expect(run.stdout()).not.toMatch(/\u001b|\u009b|\u0008/);
    const lines = jsonLines(run.stdout().replaceAll('\r\n', '\n'));
    expect(lines.at(-1)).toMatchObject({ type: 'result', result: EVIL });
  });

  test('gets words of the daemon without what it would obey', async () => {
    const error = { kind: 'x', message: `no ${EVIL}`, cure: EVIL, exit_code: 2 };
    daemon.intercept = ({ method }) =>
      method === 'POST' ? { status: 400, body: { error } } : null;
    const run = startCli(cli.file, ['-p', 'go on'], options());
    expect((await run.ended).code).toBe(2);
    expect(run.stderr()).toMatch(/^loomkin: no abc/);
    expect(run.stderr()).not.toMatch(/\u001b|\u009b|\u0008/);
  });
});

test('Ctrl+C while a pipe is waited for ends it, and nothing was sent', async () => {
  const run = startCli(cli.file, ['-p'], { ...options(), stdin: 'open' });
  await new Promise((resolve) => run.child.stdin?.write('half a prompt', resolve));
  run.child.kill('SIGINT');
  const { code, signal } = await run.ended;
  expect(code === 130 || signal === 'SIGINT').toBe(true);
  expect(run.stdout()).toBe('');
  expect(daemon.requests).toEqual([]);
});
