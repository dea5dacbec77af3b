/**
 * Signals and lost terminals: the turn is interrupted or the session goes on, and the code says which.
 */
import {
  acceptedBody,
  buildCli,
  jsonLines,
  sessionDocument,
  StandInDaemon,
  startCli,
} from '../../../support/cli.js';
import type { BuiltCli, CliRun } from '../../../support/cli.js';
import { answer, prompt, result } from '../../../support/session-events.js';
import { LEAD } from '../../../../workflows/protocol/ids.js';

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

const follow = async (format = 'stream-json') => {
  let messageId = '';
  daemon.onPrompt = (seen) => {
    messageId = seen.messageId;
    daemon.emit(prompt(messageId));
  };
  const args = ['-p', 'go on', '--output-format', format];
  const run = startCli(cli.file, args, { cwd: daemon.project, env: daemon.env() });
  await daemon.seen('GET', /events/);
  if (format === 'stream-json') await run.printed('"user"');
  return { run, messageId };
};

const results = (run: CliRun) => jsonLines(run.stdout()).filter(({ type }) => type === 'result');

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s interrupts the turn, waits for its result and ends with %i',
    async (signal, code) => {
      const { run, messageId } = await follow();
      run.child.kill(signal);
      await daemon.seen('POST', /interrupt$/);
      expect(results(run)).toHaveLength(0);
      daemon.emit(
        result(messageId, { outcome: 'interrupted', exitCode: 130, reason: 'interrupted' }),
      );
      expect(await run.ended).toEqual({ code, signal: null });
      expect(results(run)).toHaveLength(1);
      expect(results(run)[0]).toMatchObject({
        subtype: 'error_interrupted',
        is_error: true,
        exit_code: code,
      });
    },
  );

  test('that comes after the work is done does not deny the result', async () => {
    const { run, messageId } = await follow();
    run.child.kill('SIGINT');
    await daemon.seen('POST', /interrupt$/);
    daemon.emit(result(messageId));
    expect((await run.ended).code).toBe(0);
    expect(results(run)).toMatchObject([{ is_error: false, exit_code: 0 }]);
  });

  test('that comes twice leaves at once, with one result that says so', async () => {
    const { run } = await follow();
    run.child.kill('SIGINT');
    await daemon.seen('POST', /interrupt$/);
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
    expect(results(run)).toMatchObject([{ subtype: 'error_interrupted', outcome: null }]);
  });

  test('is delivered to a daemon that was just restarting', async () => {
    const { run, messageId } = await follow();
    await daemon.die();
    run.child.kill('SIGINT');
    await daemon.start();
    await daemon.seen('POST', /interrupt$/);
    daemon.emit(result(messageId, { outcome: 'interrupted', exitCode: 130 }));
    expect((await run.ended).code).toBe(130);
    expect(results(run)).toHaveLength(1);
  });

  test('before the prompt is accepted interrupts it once it is', async () => {
    let messageId = '';
    let refuse = true;
    daemon.intercept = ({ method, path }) =>
      method === 'POST' && path.endsWith('sessions') && refuse ? { status: 503, body: {} } : null;
    daemon.onPrompt = (seen) => {
      messageId = seen.messageId;
    };
    const args = ['-p', 'go on', '--output-format', 'stream-json'];
    const run = startCli(cli.file, args, { cwd: daemon.project, env: daemon.env() });
    await daemon.seen('POST', /sessions$/);
    run.child.kill('SIGINT');
    refuse = false;
    await daemon.seen('POST', /interrupt$/);
    daemon.emit(result(messageId, { outcome: 'interrupted', exitCode: 130 }));
    expect((await run.ended).code).toBe(130);
    expect(results(run)).toHaveLength(1);
  });

  test('while nobody accepts the prompt ends the command in 2 s', async () => {
    daemon.intercept = ({ method }) => (method === 'POST' ? 'silence' : null);
    const run = startCli(cli.file, ['-p', 'go on'], { cwd: daemon.project, env: daemon.env() });
    await daemon.seen('POST', /sessions$/);
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
    expect(run.stdout()).toBe('');
  });
});

describe('a command that only watches', () => {
  const watch = async (...args: readonly string[]): Promise<CliRun> => {
    daemon.sessions = [sessionDocument({ project: daemon.project })];
    daemon.lastPrompt = acceptedBody({ message_id: 'earlier', from: 99 });
    const run = startCli(cli.file, ['-c', ...args], { cwd: daemon.project, env: daemon.env() });
    await daemon.seen('GET', /events/);
    if (args.length > 0) await run.printed('"init"');
    return run;
  };
  const interrupts = () => daemon.requests.filter(({ path }) => /interrupt|stop/.test(path));

  test('leaves with 143 at SIGTERM, says so, and interrupts nothing', async () => {
    const run = await watch('--output-format', 'stream-json');
    run.child.kill('SIGTERM');
    expect((await run.ended).code).toBe(143);
    expect(results(run)).toMatchObject([
      { exit_code: 143, outcome: null, result: 'left; the session goes on' },
    ]);
    expect(interrupts()).toEqual([]);
  });

  test('does so in text, too', async () => {
    const run = await watch();
    // Its first words come with its end: the stream is open, so it follows.
    daemon.emit({ kind: 'notice', agent: LEAD, text: 'still here' });
    while (!run.stderr().includes('still here')) await new Promise(setImmediate);
    run.child.kill('SIGTERM');
    expect((await run.ended).code).toBe(143);
    expect(run.stderr()).toContain(
      'loomkin: left; the session goes on. See how it ended with loomkin -c.\n',
    );
    expect(interrupts()).toEqual([]);
  });

  test('interrupts the turn at SIGINT all the same', async () => {
    const run = await watch('--output-format', 'stream-json');
    run.child.kill('SIGINT');
    await daemon.seen('POST', /interrupt$/);
    daemon.emit(result('earlier', { outcome: 'interrupted', exitCode: 130 }));
    expect((await run.ended).code).toBe(130);
  });
});

describe('a lost terminal', () => {
  test('SIGHUP ends with 129, prints no result and interrupts nothing', async () => {
    const { run } = await follow();
    run.child.kill('SIGHUP');
    expect(await run.ended).toEqual({ code: 129, signal: null });
    expect(results(run)).toHaveLength(0);
    expect(daemon.requests.some(({ path }) => path.endsWith('interrupt'))).toBe(false);
  });

  test('a reader that went away ends with 129 and interrupts nothing', async () => {
    const { run } = await follow();
    run.child.stdout?.destroy();
    daemon.emit(answer(1, 'Nobody reads this.'));
    daemon.emit(answer(2, 'Nor this.'));
    expect((await run.ended).code).toBe(129);
    expect(daemon.requests.some(({ path }) => path.endsWith('interrupt'))).toBe(false);
  });

  test('a reader that went away before --help is no crash', async () => {
    const run = startCli(cli.file, ['--help'], {});
    run.child.stdout?.destroy();
    const { code } = await run.ended;
    expect([0, 129]).toContain(code);
    expect(run.stderr()).toBe('');
  });

  test('SIGKILL of the command interrupts nothing', async () => {
    const { run } = await follow();
    run.child.kill('SIGKILL');
    expect((await run.ended).signal).toBe('SIGKILL');
    expect(daemon.requests.some(({ path }) => /interrupt|stop/.test(path))).toBe(false);
  });
});

test('a lost stderr is of no consequence', async () => {
  const { run, messageId } = await follow('text');
  run.child.stderr?.destroy();
  daemon.emit({ ...result(messageId), kind: 'notice', text: 'unheard' } as never);
  daemon.emit(result(messageId));
  expect((await run.ended).code).toBe(0);
  expect(run.stdout()).toBe('All done.\n');
});
