/**
 * The conversation on a real terminal: streaming, questions, Ctrl+C, Ctrl+D, lost terminals.
 */
import { acceptedBody, refusal, sessionDocument } from '../../../support/cli.js';
import type { CliRun } from '../../../support/cli.js';
import {
  answer,
  approval,
  call,
  prompt,
  result,
  toolResult,
} from '../../../support/session-events.js';
import { converse, CTRL_C, daemon, messageId, quit, type } from './scene.js';

const KILL_LINE = '\u0015';
const SESSION = '11111111-2222-4333-8444-555555555555';

/** What a person would see: lines taken back are gone. */
const screen = (run: CliRun): string => visible(run.stdout());

const visible = (stdout: string): string =>
  stdout
    .replace(/\r\n/g, '\n')
    .replace(/[^\n]*\r\u001b\[K/g, '')
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '');

/** Waits until the next prompt may be typed. */
const atPrompt = (run: CliRun): Promise<void> =>
  run.until((stdout) => visible(stdout).endsWith('\n> '));

describe('a conversation', () => {
  test('streams, shows calls as lines, stays for the next prompt, and ends with Ctrl+D', async () => {
    const run = converse(['look at it']);
    await daemon.seen('GET', /events/);
    daemon.delta(1, 1, 'Let me ');
    daemon.delta(1, 1, 'look.');
    await run.printed('Let me look.');
    daemon.emit(answer(1, 'Let me look.', [call(1, 'edit', { path: 'src/x.ts' })]));
    daemon.emit(toolResult(1, 'changed'));
    daemon.emit(answer(2, 'Done.'));
    daemon.emit(result(messageId, { text: 'Done.', filesChanged: ['src/x.ts'] }));
    await atPrompt(run);
    type(run, 'and again\r');
    await daemon.seen('POST', /messages$/);
    await daemon.seen('GET', /events/, 2);
    daemon.emit(result(messageId, { text: '', numTurns: 1, costUsd: null }));
    await atPrompt(run);
    expect(await quit(run)).toBe(0);
    const seen = screen(run);
    expect(seen).toContain(
      [
        'session 11111111 · scripted/demo · mode default · /code/project',
        'Let me look.',
        '✓ edit src/x.ts',
        'Done.',
        '— 2 turns · $0.0123 · 1.5 s · 1 file changed',
      ].join('\n'),
    );
    expect(seen).toContain('— 1 turn · cost unknown · 1.5 s\n');
    expect(seen.split('session 11111111 ·')).toHaveLength(2);
    const [first] = await daemon.seen('POST', /sessions$/);
    expect(first?.body).toMatchObject({ text: 'look at it', interactive: true });
  });

  test('goes on over a daemon that dies while it streams, printing nothing twice', async () => {
    const run = converse(['look at it']);
    await daemon.seen('GET', /events/);
    daemon.delta(1, 1, 'Let me ');
    await run.printed('Let me ');
    await daemon.die();
    await daemon.start();
    await daemon.seen('GET', /events/, 2);
    daemon.delta(1, 1, 'Let me look');
    daemon.delta(1, 1, ' again.');
    daemon.emit(answer(1, 'Let me look again.'));
    daemon.emit(result(messageId, { text: 'Let me look again.' }));
    await atPrompt(run);
    expect(await quit(run)).toBe(0);
    expect(screen(run)).toContain('/code/project\nLet me look again.\n— 2 turns');
  });

  test('says so when an answer starts anew', async () => {
    const run = converse(['look at it']);
    await daemon.seen('GET', /events/);
    daemon.delta(1, 1, 'I thi');
    daemon.delta(1, 2, 'I think');
    daemon.emit(answer(1, 'I think so.'));
    daemon.emit(result(messageId, { text: 'I think so.' }));
    await atPrompt(run);
    expect(await quit(run)).toBe(0);
    expect(screen(run)).toContain('I thi\n↻ the answer starts anew\nI think so.\n—');
  });

  test('takes pasted lines as one prompt', async () => {
    const run = converse([]);
    await run.printed('> ');
    type(run, 'first line\rsecond line\r');
    const [sent] = await daemon.seen('POST', /sessions$/);
    expect(sent?.body['text']).toBe('first line\nsecond line');
    await daemon.seen('GET', /events/);
    daemon.emit(result(messageId));
    await atPrompt(run);
    expect(await quit(run)).toBe(0);
  });

  test('-c shows how the last prompt ended and stays', async () => {
    daemon.sessions = [sessionDocument({ id: SESSION, project: daemon.project })];
    daemon.lastPrompt = acceptedBody({ message_id: 'earlier', from: 99 });
    daemon.emit(prompt('earlier'));
    daemon.emit(answer(1, 'It works.'));
    daemon.emit(result('earlier', { text: 'It works.' }));
    const run = converse(['-c']);
    await atPrompt(run);
    expect(screen(run)).toContain('It works.\n— 2 turns');
    expect(await quit(run)).toBe(0);
    expect(screen(run)).toContain('go on with: loomkin -r 11111111');
  });

  test('a prompt that is refused shows why and ends, a later one shows why and stays', async () => {
    const body = refusal(2, 'no key for openai', 'Set OPENAI_API_KEY.');
    daemon.intercept = ({ method }) => (method === 'POST' ? { status: 400, body } : null);
    expect((await converse(['look at it']).ended).code).toBe(2);
    const run = converse([]);
    await run.printed('> ');
    type(run, 'look at it\r');
    await run.printed('loomkin: no key for openai. Set OPENAI_API_KEY.');
    await atPrompt(run);
    expect(await quit(run)).toBe(0);
  });

  test('keeps foreign control bytes from the terminal', async () => {
    const run = converse(['look at it']);
    await daemon.seen('GET', /events/);
    daemon.delta(1, 1, 'a\u001b]0;title\u0007b\u001b[2Jc');
    daemon.emit(toolResult(1, '\u009b31mred\u0008', true));
    daemon.emit(result(messageId, { outcome: 'failed', exitCode: 1, reason: '\u001b[31mwhy' }));
    await atPrompt(run);
    expect(await quit(run)).toBe(0);
    expect(run.stdout()).toContain('abc');
    expect(run.stdout()).not.toMatch(/\u001b\]0|\u001b\[2J|\u001b\[31m|\u009b|\u0008/);
  });
});

describe('Ctrl+C', () => {
  test('interrupts the turn and stays; twice in 2 s it quits with 130', async () => {
    const run = converse(['look at it']);
    await daemon.seen('GET', /events/);
    await run.printed('session 11111111');
    type(run, CTRL_C);
    await daemon.seen('POST', /interrupt$/);
    daemon.emit(
      result(messageId, { outcome: 'interrupted', exitCode: 130, reason: 'interrupted' }),
    );
    await atPrompt(run);
    expect(screen(run)).toContain('✗ interrupted\n— 2 turns');
    type(run, CTRL_C);
    expect((await run.ended).code).toBe(130);
    expect(screen(run)).toContain('Session 11111111 stays; go on with: loomkin -r 11111111');
  });

  test('twice in a turn quits at once', async () => {
    const run = converse(['look at it']);
    await daemon.seen('GET', /events/);
    await run.printed('session 11111111');
    type(run, CTRL_C);
    await daemon.seen('POST', /interrupt$/);
    type(run, CTRL_C);
    expect((await run.ended).code).toBe(130);
  });

  test('at the prompt says what a second one does', async () => {
    const run = converse([]);
    await run.printed('> ');
    type(run, 'half a thought');
    await run.printed('half a thought');
    type(run, CTRL_C);
    await run.printed('(Ctrl+C again quits)');
    type(run, CTRL_C);
    expect((await run.ended).code).toBe(130);
    expect(daemon.requests).toHaveLength(0);
  });
});

test('a terminal that hangs up ends the command and interrupts nothing', async () => {
  const run = converse(['look at it']);
  await daemon.seen('GET', /events/);
  await run.printed('session 11111111');
  // Killing what holds the other end of the terminal is what a closed window does.
  run.child.kill('SIGKILL');
  await daemon.allLeft();
  expect(daemon.requests.some(({ path }) => /interrupt|stop/.test(path))).toBe(false);
});

describe('a question', () => {
  const ask = async (): Promise<CliRun> => {
    const run = converse(['run the tests']);
    await daemon.seen('GET', /events/);
    daemon.emit(answer(1, '', [call(1, 'shell', { command: 'npm test' })]));
    daemon.pendingApprovals = ['q-0000abcd'];
    daemon.emit(approval());
    await run.printed('[y/n/a]');
    // What is typed sooner was typed before anybody could read the question.
    await new Promise((resolve) => setTimeout(resolve, 400));
    return run;
  };
  const finish = async (run: CliRun): Promise<void> => {
    daemon.pendingApprovals = [];
    daemon.emit(toolResult(1, 'ok'));
    daemon.emit(result(messageId));
    await atPrompt(run);
    expect(await quit(run)).toBe(0);
  };

  test.each([
    ['y', { decision: 'approve', always: false }],
    ['N', { decision: 'deny', always: false }],
    ['always', { decision: 'approve', always: true }],
  ])('answered %s is decided once', async (key, decision) => {
    const run = await ask();
    expect(screen(run)).toContain(
      [
        '? May it run shell: npm test',
        '  y = yes, once   n = no',
        '  a = always in this session: exactly this command, Bash(npm test)',
      ].join('\n'),
    );
    type(run, `${key}\r`);
    const decided = await daemon.seen('POST', /approvals\/q-0000abcd$/);
    expect(decided.map(({ body }) => body)).toEqual([decision]);
    await finish(run);
  });

  test('is asked again after a word that is no answer', async () => {
    const run = await ask();
    type(run, 'maybe\r');
    await run.printed('[y/n/a]', 2);
    type(run, 'y\r');
    await daemon.seen('POST', /approvals/);
    await finish(run);
  });

  test('is not answered by what was typed before it was shown', async () => {
    const run = converse(['run the tests']);
    await daemon.seen('GET', /events/);
    await run.printed('session 11111111');
    type(run, 'y\ry');
    daemon.pendingApprovals = ['q-0000abcd'];
    daemon.emit(approval());
    await run.printed('[y/n/a]');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(daemon.requests.some(({ path }) => path.includes('/approvals/'))).toBe(false);
    type(run, 'n\r');
    const [decided] = await daemon.seen('POST', /approvals/);
    expect(decided?.body).toMatchObject({ decision: 'deny' });
    daemon.emit(result(messageId));
    // All of it, or what came before the question was shown.
    await run.until((stdout) => /\n— [^\n]+\n> [y ]*$/.test(visible(stdout)));
    type(run, KILL_LINE);
    expect(await quit(run)).toBe(0);
  });

  test('that was answered elsewhere goes away', async () => {
    const run = await ask();
    daemon.emit(approval({ state: 'approved' }));
    await finish(run);
    expect(daemon.requests.some(({ path }) => path.includes('/approvals/'))).toBe(false);
  });

  test('that a replay shows but was answered long ago is not asked', async () => {
    const run = converse(['run the tests']);
    await daemon.seen('GET', /events/);
    daemon.emit(approval());
    await daemon.seen('GET', /approvals/);
    await finish(run);
    expect(run.stdout()).not.toContain('[y/n/a]');
  });

  test('is left by Ctrl+C, which interrupts the turn', async () => {
    const run = await ask();
    type(run, CTRL_C);
    await daemon.seen('POST', /interrupt$/);
    daemon.emit(result(messageId, { outcome: 'interrupted', exitCode: 130 }));
    await atPrompt(run);
    expect(await quit(run)).toBe(0);
  });

  test('is left open by Ctrl+D, which quits', async () => {
    const run = await ask();
    expect(await quit(run)).toBe(0);
    expect(daemon.requests.some(({ path }) => path.includes('/approvals/'))).toBe(false);
  });

  test('answered twice says that the other answer stands', async () => {
    daemon.intercept = ({ path }) =>
      path.includes('/approvals/')
        ? { status: 409, body: refusal(1, 'q-0000abcd is answered already', 'Nothing to do.') }
        : null;
    const run = await ask();
    type(run, 'y\r');
    await run.printed('loomkin: q-0000abcd is answered already.');
    await finish(run);
  });
});
