/**
 * A prompt without conversation, seen from outside: a real process against a daemon's HTTP edge.
 *
 * The cases that would break the promise come first: the daemon dies at each moment, and still exactly
 * one result is printed, nothing twice, and the exit code is the result's.
 */
import { buildCli, jsonLines, refusal, StandInDaemon, startCli } from '../../../support/cli.js';
import type { BuiltCli, CliOptions, CliRun } from '../../../support/cli.js';
import {
  answer,
  approval,
  call,
  prompt,
  result,
  toolResult,
} from '../../../support/session-events.js';
import type { Outcome } from '../../../../workflows/protocol/states.js';
import { LEAD, toolCallIdOf } from '../../../../workflows/protocol/ids.js';

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

const loomkin = (args: readonly string[], options: CliOptions = {}): CliRun =>
  startCli(cli.file, args, {
    cwd: daemon.project,
    ...options,
    env: daemon.env(options.env ?? {}),
  });

const streamJson = (run: CliRun): readonly Record<string, unknown>[] => jsonLines(run.stdout());
const typesOf = (run: CliRun): readonly unknown[] => streamJson(run).map(({ type }) => type);
const results = (run: CliRun) => streamJson(run).filter(({ type }) => type === 'result');

/** The shortest whole session: one call, one answer, one result. */
const playAll = (messageId: string): void => {
  daemon.emit(prompt(messageId));
  daemon.emit(answer(1, 'Let me look.', [call(1, 'edit', { path: 'src/x.ts' })]));
  daemon.emit(toolResult(1, 'changed'));
  daemon.emit(answer(2, 'All done.'));
  daemon.emit(result(messageId));
};

describe('a daemon that dies', () => {
  const STREAM = ['-p', 'go on', '--output-format', 'stream-json'];

  test('between two events costs nothing and repeats nothing', async () => {
    daemon.onPrompt = ({ messageId }) => {
      daemon.emit(prompt(messageId));
      daemon.emit(answer(1, 'Let me look.', [call(1, 'edit', { path: 'src/x.ts' })]));
    };
    const run = loomkin(STREAM);
    await run.printed('Let me look.');
    await daemon.die();
    await daemon.start();
    await daemon.seen('GET', /events\?from=101$/);
    const messageId = await daemon.promptId();
    daemon.emit(toolResult(1, 'changed'));
    daemon.emit(result(messageId));
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(typesOf(run)).toEqual(['system', 'user', 'assistant', 'user', 'result']);
    const uuids = streamJson(run).map(({ uuid }) => uuid);
    expect(new Set(uuids).size).toBe(uuids.length);
  });

  test('while it answers a prompt gets the same prompt again', async () => {
    let cuts = 2;
    daemon.intercept = ({ method }) => (method === 'POST' && cuts-- > 0 ? 'cut' : null);
    daemon.onPrompt = ({ messageId }) => playAll(messageId);
    const run = loomkin(STREAM);
    expect((await run.ended).code).toBe(0);
    const posts = await daemon.seen('POST', /sessions$/, 3);
    expect(new Set(posts.map(({ body }) => body['message_id'])).size).toBe(1);
    expect(new Set(posts.map(({ body }) => body['session_id'])).size).toBe(1);
    expect(results(run)).toHaveLength(1);
  });

  test('in the middle of an event prints that event once', async () => {
    daemon.onPrompt = () => undefined;
    const run = loomkin(STREAM);
    const messageId = await daemon.promptId();
    await daemon.seen('GET', /events/);
    daemon.say('id: 100\nevent: prompt\ndata: {"offset":100,"uuid":"cut');
    daemon.breakStreams();
    await daemon.seen('GET', /events\?from=0$/, 2);
    playAll(messageId);
    expect((await run.ended).code).toBe(0);
    expect(typesOf(run)).toEqual(['system', 'user', 'assistant', 'user', 'assistant', 'result']);
  });

  test('and repeats old events to a reconnect is not believed', async () => {
    daemon.onPrompt = ({ messageId }) => daemon.emit(prompt(messageId));
    const run = loomkin(STREAM);
    await run.printed('"user"');
    const messageId = await daemon.promptId();
    const again = { offset: 100, uuid: 'x', at: '', event: prompt(messageId) };
    daemon.say(`id: 100\nevent: prompt\ndata: ${JSON.stringify(again)}\n\n`);
    daemon.emit(result(messageId));
    expect((await run.ended).code).toBe(0);
    expect(typesOf(run)).toEqual(['system', 'user', 'result']);
  });

  test('and came back with another token is found again', async () => {
    let refused = 1;
    daemon.intercept = ({ path }) =>
      path.includes('events') && refused-- > 0 ? { status: 401, body: {} } : null;
    daemon.onPrompt = ({ messageId }) => playAll(messageId);
    const run = loomkin(STREAM);
    expect((await run.ended).code).toBe(0);
    expect(results(run)).toHaveLength(1);
  });

  test('on purpose is waited for and not started again', async () => {
    const run = loomkin(STREAM);
    await daemon.seen('GET', /events/);
    const messageId = await daemon.promptId();
    daemon.takeRuntimeAway();
    await daemon.die();
    await new Promise<void>((resolve) => {
      run.child.stderr?.on('data', () => {
        if (run.stderr().includes('taken down')) resolve();
      });
    });
    await daemon.start();
    await daemon.seen('GET', /events/, 2);
    daemon.emit(result(messageId));
    expect((await run.ended).code).toBe(0);
    expect(results(run)).toHaveLength(1);
  });
});

describe('exit codes', () => {
  const endings: readonly [Outcome, number, string][] = [
    ['done', 0, 'success'],
    ['failed', 1, 'error_during_execution'],
    ['failed', 2, 'error_during_execution'],
    ['turn_limit', 53, 'error_max_turns'],
    ['time_limit', 54, 'error_max_time'],
    ['no_progress', 55, 'error_no_progress'],
    ['budget', 60, 'error_max_budget_usd'],
    ['unverified', 62, 'error_unverified'],
    ['interrupted', 130, 'error_interrupted'],
    ['stopped', 143, 'error_interrupted'],
  ];
  test.each(endings)('%s ends with %i and says %s', async (outcome, exitCode, subtype) => {
    const reason = exitCode === 0 ? null : 'this is why';
    daemon.onPrompt = ({ messageId }) =>
      daemon.emit(result(messageId, { outcome, exitCode, reason, text: 'Words.' }));
    const run = loomkin(['-p', 'go on', '--output-format', 'json']);
    expect((await run.ended).code).toBe(exitCode);
    const document = JSON.parse(run.stdout()) as Record<string, unknown>;
    expect(document).toMatchObject({
      type: 'result',
      subtype,
      is_error: exitCode !== 0,
      exit_code: exitCode,
      outcome,
      reason,
      result: 'Words.',
    });
  });

  test('a refused prompt prints no result and ends with the code of the refusal', async () => {
    const body = refusal(2, 'no model named "foo/bar"', 'Did you mean foo/baz?');
    daemon.intercept = ({ method }) => (method === 'POST' ? { status: 400, body } : null);
    const run = loomkin(['-p', 'go on', '--output-format', 'stream-json']);
    expect((await run.ended).code).toBe(2);
    expect(run.stdout()).toBe('');
    expect(run.stderr()).toBe('loomkin: no model named "foo/bar". Did you mean foo/baz?\n');
  });

  test('an answer that is no answer of ours is one clear line', async () => {
    daemon.intercept = ({ method }) => (method === 'POST' ? { status: 500, body: 'oops' } : null);
    const run = loomkin(['-p', 'go on']);
    expect((await run.ended).code).toBe(1);
    expect(run.stderr()).toMatch(/^loomkin: the engine answered 500 .*\n$/);
  });

  test('a session that vanished in mid-stream ends with one failed result', async () => {
    daemon.intercept = ({ path }) =>
      path.includes('events') ? { status: 404, body: refusal(2, 'no such session') } : null;
    const run = loomkin(['-p', 'go on', '--output-format', 'stream-json']);
    expect((await run.ended).code).toBe(2);
    expect(results(run)).toHaveLength(1);
    expect(results(run)[0]).toMatchObject({ is_error: true, exit_code: 2, outcome: null });
  });
});

describe('what is printed', () => {
  test('text is the last words alone', async () => {
    daemon.onPrompt = ({ messageId }) => playAll(messageId);
    const run = loomkin(['-p', 'go on']);
    expect((await run.ended).code).toBe(0);
    expect(run.stdout()).toBe('All done.\n');
    expect(run.stderr()).toBe('');
  });

  test('text of a failure keeps the words on stdout and the reason on stderr', async () => {
    daemon.onPrompt = ({ messageId }) =>
      daemon.emit(
        result(messageId, {
          outcome: 'turn_limit',
          exitCode: 53,
          text: 'I was about to\n\nstopped after 3 turns',
          reason: 'stopped after 3 turns',
        }),
      );
    const run = loomkin(['-p', 'go on', '--max-turns', '3']);
    expect((await run.ended).code).toBe(53);
    expect(run.stdout()).toBe('I was about to\n');
    expect(run.stderr()).toBe(
      'loomkin: stopped after 3 turns (session 11111111). Go on with: loomkin -r 11111111 "…"\n',
    );
  });

  test('a reason that says how to go on is not told it twice', async () => {
    const reason = 'no such key (model x/y). Check the key in X_KEY, then go on with `loomkin -c`';
    daemon.onPrompt = ({ messageId }) =>
      daemon.emit(result(messageId, { outcome: 'failed', exitCode: 1, text: reason, reason }));
    const run = loomkin(['-p', 'go on']);
    expect((await run.ended).code).toBe(1);
    expect(run.stderr()).toBe(`loomkin: ${reason} (session 11111111).\n`);
  });

  describe('of calls that were refused', () => {
    const refuse = async (count: number, format: string): Promise<CliRun> => {
      const callIds = Array.from({ length: count }, (_, index) => toolCallIdOf(LEAD, 1, index));
      const permissionDenials = callIds.map((callId) => ({ toolName: 'shell', callId }));
      daemon.onPrompt = ({ messageId }) => daemon.emit(result(messageId, { permissionDenials }));
      const run = loomkin(['-p', 'go on', '--output-format', format]);
      expect((await run.ended).code).toBe(0);
      return run;
    };

    test.each([
      [1, '1 tool call was refused, as nobody could be asked. Allow it with'],
      [3, '3 tool calls were refused, as nobody could be asked. Allow them with'],
    ])('in text %i are noted after the answer', async (count, words) => {
      const run = await refuse(count, 'text');
      expect(run.stdout()).toBe('All done.\n');
      expect(run.stderr()).toBe(`loomkin: note: ${words} --permission-mode bypass\n`);
    });

    test.each(['json', 'stream-json'])('in %s are in the result alone', async (format) => {
      const run = await refuse(2, format);
      expect(run.stderr()).toBe('');
      expect(jsonLines(run.stdout()).at(-1)!['permission_denials']).toHaveLength(2);
    });

    test('those that a person refused are none of them', async () => {
      daemon.onPrompt = ({ messageId }) => {
        daemon.emit(approval({ state: 'denied' }));
        const callId = toolCallIdOf(LEAD, 1, 0);
        daemon.emit(result(messageId, { permissionDenials: [{ toolName: 'shell', callId }] }));
      };
      const run = loomkin(['-p', 'go on']);
      expect((await run.ended).code).toBe(0);
      expect(run.stderr()).toBe('');
    });
  });

  test('a result of another prompt is passed over', async () => {
    daemon.onPrompt = ({ messageId }) => {
      daemon.emit(result('somebody-else', { text: 'Not this.' }));
      daemon.emit(result(messageId, { text: 'This.' }));
    };
    const run = loomkin(['-p', 'go on', '--output-format', 'stream-json']);
    expect((await run.ended).code).toBe(0);
    expect(results(run)).toHaveLength(1);
    expect(results(run)[0]).toMatchObject({ result: 'This.' });
  });

  test('the init line waits for the acceptance', async () => {
    let release = false;
    daemon.intercept = ({ method }) =>
      method === 'POST' && !release ? { status: 503, body: refusal(1, 'not yet') } : null;
    daemon.onPrompt = ({ messageId }) => playAll(messageId);
    const run = loomkin(['-p', 'go on', '--output-format', 'stream-json']);
    await daemon.seen('POST', /sessions$/, 2);
    expect(run.stdout()).toBe('');
    release = true;
    await run.ended;
    expect(streamJson(run)[0]).toMatchObject({ type: 'system', subtype: 'init' });
  });

  test('events of kinds that are not known are passed over', async () => {
    daemon.onPrompt = ({ messageId }) => {
      daemon.emit({ kind: 'novelty', agent: LEAD } as never);
      daemon.say(': keep-alive\n\n');
      daemon.say('event: bulletin\ndata: {"x":1}\n\n');
      daemon.emit(result(messageId));
    };
    const run = loomkin(['-p', 'go on', '--output-format', 'stream-json']);
    expect((await run.ended).code).toBe(0);
    expect(typesOf(run)).toEqual(['system', 'result']);
  });

  test('an answer of megabytes passes whole', async () => {
    const text = 'ä€x'.repeat(1_000_000);
    daemon.onPrompt = ({ messageId }) => {
      daemon.emit(toolResult(1, text));
      daemon.emit(result(messageId, { text }));
    };
    const run = loomkin(['-p', 'go on']);
    expect((await run.ended).code).toBe(0);
    expect(run.stdout() === `${text}\n`).toBe(true);
  });

  test('open questions are named in the result', async () => {
    daemon.onPrompt = ({ messageId }) => {
      daemon.emit(approval());
      daemon.emit(result(messageId, { outcome: 'interrupted', exitCode: 130 }));
    };
    const run = loomkin(['-p', 'go on', '--output-format', 'json']);
    await run.ended;
    expect(JSON.parse(run.stdout())).toMatchObject({ approvals: ['q-0000abcd'] });
  });
});

describe('what is sent', () => {
  const posted = async (args: readonly string[], options: CliOptions = {}) => {
    daemon.onPrompt = ({ messageId }) => daemon.emit(result(messageId));
    const run = loomkin(args, options);
    const { code } = await run.ended;
    expect({ code, stderr: run.stderr() }).toEqual({ code: 0, stderr: '' });
    const [request] = await daemon.seen('POST', /sessions/);
    return request!.body;
  };

  test('is the prompt, the flags and the surroundings', async () => {
    const args = ['-p', 'go on', '-m', 'openai/gpt', '--permission-mode', 'bypassPermissions'];
    const body = await posted([...args, '--max-turns=7'], { env: { MY_KEY: 'k', EMPTY: '' } });
    expect(body).toMatchObject({
      text: 'go on',
      model: 'openai/gpt',
      permission_mode: 'bypass',
      max_turns: 7,
      interactive: false,
      config_file: null,
      project: daemon.project,
      umask: process.umask(),
    });
    expect(body['env']).toMatchObject({ MY_KEY: 'k', EMPTY: '', LOOMKIN_HOME: daemon.home });
    expect(body['session_id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/);
  });

  test('leaves to lower layers what was not said', async () => {
    const body = await posted(['go on']);
    expect(body).toMatchObject({ model: null, permission_mode: null, max_turns: null });
  });

  test('takes a prompt behind -- as it is', async () => {
    expect(await posted(['-p', '--', '--version'])).toMatchObject({ text: '--version' });
  });

  test('takes the name of a command as a prompt after -p', async () => {
    expect(await posted(['-p', 'status'])).toMatchObject({ text: 'status' });
  });
});
