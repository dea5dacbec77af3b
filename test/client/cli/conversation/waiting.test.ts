/**
 * A session that waits for an answer, met by a command whose prompt is not the one it was asked about.
 */
import {
  acceptedBody,
  buildCli,
  jsonLines,
  sessionDocument,
  StandInDaemon,
  startCli,
  startOnTerminal,
} from '../../../support/cli.js';
import type { BuiltCli, CliRun } from '../../../support/cli.js';
import { answer, approval, call, prompt, result } from '../../../support/session-events.js';

const SESSION = '11111111-2222-4333-8444-555555555555';
const NOTE =
  'loomkin: note: the session waits for an answer: shell npm test (q-0000aaaa). ' +
  'Answer it with loomkin -c in a terminal\n';

interface Pending {
  readonly id: string;
  readonly subject: string;
  readonly asked_at: string;
  readonly session_id?: string;
}
const FIRST: Pending = { id: 'q-0000aaaa', subject: 'npm test', asked_at: '2026-01-01T00:00:01Z' };
const SECOND: Pending = { id: 'q-0000bbbb', subject: 'make it', asked_at: '2026-01-01T00:00:02Z' };

let cli: BuiltCli;
let daemon: StandInDaemon;
let pending: readonly Pending[] = [];

beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli.remove());
beforeEach(async () => {
  daemon = await new StandInDaemon().start();
  daemon.sessions = [sessionDocument({ id: SESSION, project: daemon.project })];
  // It was sent after the question was asked, and is not read yet.
  daemon.lastPrompt = acceptedBody({ message_id: 'later', from: 99 });
  pending = [FIRST];
  daemon.intercept = ({ method, path }) =>
    method === 'GET' && path === '/v1/approvals' ? { status: 200, body: documents() } : null;
});
afterEach(() => daemon.remove());

const documents = () => ({
  approvals: pending.map((one) => ({
    session_id: SESSION,
    tool: 'shell',
    summary: `shell ${one.subject}`,
    rule: `Bash(${one.subject})`,
    state: 'pending',
    ...one,
  })),
});
const options = () => ({ cwd: daemon.project, env: daemon.env({ NO_COLOR: '1' }) });
const type = (run: CliRun, text: string): void => void run.child.stdin?.write(text);

/** What is typed sooner was typed before anybody could read the question. */
const readable = async (run: CliRun, subject: string): Promise<void> => {
  await run.until(
    (stdout) => stdout.split(`May it run shell: ${subject}`)[1]?.includes('[y/n/a]') === true,
  );
  await new Promise((resolve) => setTimeout(resolve, 400));
};
const decisions = () =>
  daemon.requests
    .filter(({ path }) => path.startsWith('/v1/approvals/'))
    .map(({ path, body }) => `${path.split('/').at(-1)} ${String(body['decision'])}`);
const quitAtPrompt = async (run: CliRun): Promise<number | null> => {
  await run.until((stdout) => stdout.split('— 2 turns')[1]?.includes('> ') === true);
  type(run, '\u0004');
  return (await run.ended).code;
};

describe('a conversation', () => {
  test('asks what its session waits for, and goes on with the work after the answer', async () => {
    const run = startOnTerminal(cli.file, ['-c'], options());
    await readable(run, 'npm test');
    type(run, 'y\r');
    await daemon.seen('POST', /approvals\//);
    daemon.emit(prompt('later'));
    daemon.emit(answer(2, 'Tests pass.'));
    daemon.emit(result('later'));
    await run.printed('Tests pass.');
    expect(await quitAtPrompt(run)).toBe(0);
    expect(decisions()).toEqual(['q-0000aaaa approve']);
  });

  test('that sends a prompt asks it as well, oldest first, and nothing of other sessions', async () => {
    pending = [SECOND, { ...FIRST, id: 'q-0000cccc', session_id: 'another' }, FIRST];
    let sent = '';
    daemon.onPrompt = ({ messageId }) => (sent = messageId);
    const run = startOnTerminal(cli.file, ['-c', 'and more'], options());
    await readable(run, 'npm test');
    expect(run.stdout()).not.toContain('make it');
    pending = [SECOND];
    type(run, 'n\r');
    await readable(run, 'make it');
    pending = [];
    type(run, 'y\r');
    await daemon.seen('POST', /approvals\//, 2);
    daemon.emit(result(sent));
    expect(await quitAtPrompt(run)).toBe(0);
    expect(decisions()).toEqual(['q-0000aaaa deny', 'q-0000bbbb approve']);
  });

  test('shows first what was said before the question, and asks it once', async () => {
    daemon.emit(prompt('later'));
    daemon.emit(answer(1, 'I have to run the tests.', [call(1, 'shell', { command: 'npm test' })]));
    const asked = approval({ id: 'q-0000aaaa' as never });
    const { offset } = daemon.emit(asked);
    daemon.intercept = ({ method, path }) => {
      if (method !== 'GET') return null;
      if (path === '/v1/approvals') return { status: 200, body: documents() };
      const session = daemon.sessions[0];
      const body = { session, last_prompt: daemon.lastPrompt, last_offset: offset };
      return path === `/v1/sessions/${SESSION}` ? { status: 200, body } : null;
    };
    const run = startOnTerminal(cli.file, ['-c'], options());
    await readable(run, 'npm test');
    expect(run.stdout()).toMatch(/I have to run the tests\.[^]*May it run shell: npm test/);
    pending = [];
    type(run, 'y\r');
    await daemon.seen('POST', /approvals\//);
    daemon.emit(result('later'));
    expect(await quitAtPrompt(run)).toBe(0);
    expect(run.stdout().split('May it run')).toHaveLength(2);
  });
});

describe('where nobody can be asked', () => {
  const noted = async (run: CliRun): Promise<void> => {
    while (!run.stderr().includes(NOTE)) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  test.each([['text'], ['json'], ['stream-json']])('a note says so once, in %s', async (format) => {
    const run = startCli(cli.file, ['-c', '--output-format', format], options());
    await daemon.seen('GET', /approvals$/);
    daemon.emit(approval({ id: 'q-0000aaaa' as never }));
    await daemon.seen('GET', /approvals$/, 2);
    await noted(run);
    daemon.emit(result('later'));
    expect((await run.ended).code).toBe(0);
    expect(run.stderr()).toBe(NOTE);
    if (format === 'stream-json')
      expect(jsonLines(run.stdout()).at(-1)).toMatchObject({ type: 'result' });
  });

  test('a prompt that has to wait for it says so, and one that need not says nothing', async () => {
    let sent = '';
    daemon.onPrompt = ({ messageId }) => (sent = messageId);
    const waiting = startCli(cli.file, ['-c', '-p', 'and more'], options());
    await noted(waiting);
    daemon.emit(result(sent));
    expect((await waiting.ended).code).toBe(0);
    expect(waiting.stderr()).toBe(NOTE);
    daemon.onPrompt = ({ messageId }) => daemon.emit(result(messageId));
    pending = [];
    const free = startCli(cli.file, ['-c', '-p', 'and more'], options());
    await free.ended;
    expect(free.stderr()).toBe('');
  });

  test('a question of old that was answered is no reason for a note', async () => {
    pending = [];
    daemon.emit(prompt('later'));
    daemon.emit(approval());
    daemon.emit(approval({ state: 'approved' }));
    const run = startCli(cli.file, ['-c'], options());
    await daemon.seen('GET', /approvals$/);
    daemon.emit(result('later'));
    expect((await run.ended).code).toBe(0);
    expect(run.stderr()).toBe('');
  });
});
