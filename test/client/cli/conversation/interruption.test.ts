/**
 * Ctrl+C and questions at their worst moments, on a real terminal: between prompts, at several questions
 * at once, while the stream breaks. One press interrupts the turn that is seen, and no other.
 */
import { readFileSync } from 'node:fs';

import { refusal } from '../../../support/cli.js';
import type { CliRun } from '../../../support/cli.js';
import { approvalIdOf } from '../../../../workflows/protocol/ids.js';
import { answer, approval, result } from '../../../support/session-events.js';
import { converse, CTRL_C, daemon, messageId, quit, type } from './scene.js';

/** Waits for so many prompts of ours since the beginning. */
const prompted = (run: CliRun, times: number): Promise<void> =>
  run.printed('\u001b[1G\u001b[0J> ', times);
const requestsTo = (path: RegExp) => daemon.requests.filter((seen) => path.test(seen.path));
const interrupted = () =>
  result(messageId, { outcome: 'interrupted', exitCode: 130, reason: 'interrupted' });

/** Types a prompt, and waits until words of its answer are on the screen. */
const begin = async (run: CliRun, text: string, turn: number): Promise<void> => {
  const streams = requestsTo(/events/).length;
  type(run, `${text}\r`);
  await daemon.seen('GET', /events/, streams + 1);
  daemon.delta(turn, 1, `Thinking about ${text}.`);
  await run.printed(`Thinking about ${text}.`);
};

describe('Ctrl+C', () => {
  test('at the prompt is not about the prompt that is typed next', async () => {
    const run = converse();
    await prompted(run, 1);
    type(run, `half a thought${CTRL_C}`);
    await run.printed('(Ctrl+C again quits)');
    await begin(run, 'cats', 1);
    expect(requestsTo(/interrupt/)).toEqual([]);
    type(run, CTRL_C);
    await daemon.seen('POST', /interrupt$/);
    daemon.emit(interrupted());
    await run.until((stdout) => stdout.split('✗ interrupted')[1]?.includes('\u001b[0J> ') === true);
    expect(await quit(run)).toBe(0);
    expect(requestsTo(/interrupt/)).toHaveLength(1);
    expect(requestsTo(/sessions$/).map(({ body }) => body['text'])).toEqual(['cats']);
  });

  test('in each of two turns within 2 s interrupts both, and quits neither', async () => {
    const run = converse(['walk the dogs']);
    await daemon.seen('GET', /events/);
    await run.printed('session 11111111');
    const before = Date.now();
    type(run, CTRL_C);
    await daemon.seen('POST', /interrupt$/, 1);
    daemon.emit(interrupted());
    await prompted(run, 1);
    await begin(run, 'cats', 2);
    type(run, CTRL_C);
    await daemon.seen('POST', /interrupt$/, 2);
    expect(Date.now() - before).toBeLessThan(2000);
    daemon.emit(interrupted());
    await prompted(run, 2);
    expect(await quit(run)).toBe(0);
  });

  test('twice in the second of two turns quits, with 130', async () => {
    const run = converse(['walk the dogs']);
    await daemon.seen('GET', /events/);
    daemon.emit(result(messageId));
    await prompted(run, 1);
    await begin(run, 'cats', 2);
    type(run, CTRL_C);
    await daemon.seen('POST', /interrupt$/);
    type(run, CTRL_C);
    expect((await run.ended).code).toBe(130);
    expect(requestsTo(/interrupt/)).toHaveLength(1);
  });

  test('while a prompt is on its way interrupts it once it is accepted', async () => {
    let isHeld = true;
    daemon.intercept = ({ method, path }) =>
      isHeld && method === 'POST' && path.endsWith('sessions') ? { status: 503, body: {} } : null;
    const run = converse();
    await prompted(run, 1);
    type(run, 'cats\r');
    await daemon.seen('POST', /sessions$/);
    type(run, CTRL_C);
    await run.printed('(Ctrl+C again quits)');
    isHeld = false;
    await daemon.seen('POST', /interrupt$/);
    daemon.emit(interrupted());
    await prompted(run, 2);
    expect(await quit(run)).toBe(0);
  });
});

test('SIGTERM in a conversation ends the turn, and then the command with 143', async () => {
  const run = converse(['walk the dogs']);
  await daemon.seen('GET', /events/);
  await run.printed('session 11111111');
  // The command runs in the place of the shell that `script` started.
  const { pid } = run.child;
  process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')), 'SIGTERM');
  await daemon.seen('POST', /interrupt$/);
  daemon.emit(interrupted());
  expect((await run.ended).code).toBe(143);
  expect(run.stdout()).toContain('go on with: loomkin -r 11111111');
});

describe('two questions at once', () => {
  const IDS = ['q-0000aaaa', 'q-0000bbbb'];
  const ask = async (): Promise<CliRun> => {
    const run = converse(['walk the dogs']);
    await daemon.seen('GET', /events/);
    daemon.pendingApprovals = [...IDS];
    for (const id of IDS) daemon.emit(approval({ id: approvalIdOf(id), subject: `make ${id}` }));
    await run.printed(`make ${IDS[0]}`);
    await readable(run, 1);
    return run;
  };
  /** What is typed sooner was typed before anybody could read the question. */
  const readable = async (run: CliRun, times: number): Promise<void> => {
    await run.printed('[y/n/a]', times);
    await new Promise((resolve) => setTimeout(resolve, 400));
  };

  test('are asked one after the other, and each answer is about its own', async () => {
    const run = await ask();
    expect(run.stdout()).not.toContain(`make ${IDS[1]}`);
    type(run, 'y\r');
    await run.printed(`make ${IDS[1]}`);
    await readable(run, 2);
    type(run, 'n\r');
    const decided = await daemon.seen('POST', /approvals\//, 2);
    expect(decided.map(({ path, body }) => [path.split('/').at(-1), body['decision']])).toEqual([
      [IDS[0], 'approve'],
      [IDS[1], 'deny'],
    ]);
    daemon.emit(result(messageId));
    await prompted(run, 1);
    expect(await quit(run)).toBe(0);
  });

  test('are both left by one Ctrl+C', async () => {
    const run = await ask();
    type(run, CTRL_C);
    await daemon.seen('POST', /interrupt$/);
    daemon.delta(1, 1, 'Still here.');
    await run.printed('Still here.');
    daemon.emit(interrupted());
    await run.printed('✗ interrupted');
    expect(run.stdout()).not.toContain(`make ${IDS[1]}`);
    expect(requestsTo(/approvals\//)).toEqual([]);
    await prompted(run, 1);
    expect(await quit(run)).toBe(0);
  });

  test('are both left by Ctrl+D, which quits and answers nothing', async () => {
    const run = await ask();
    expect(await quit(run)).toBe(0);
    expect(requestsTo(/approvals\//)).toEqual([]);
    expect(run.stdout()).not.toContain(`make ${IDS[1]}`);
  });

  test('are not answered by what is no answer, however near it comes', async () => {
    const run = await ask();
    const words = ['yn', 'да', 'ja', '1', 'Y E S', 'yes please', 'x'.repeat(3000), '/quit', ''];
    for (const [index, word] of words.entries()) {
      type(run, `${word}\r`);
      await run.printed('[y/n/a]', index + 2);
    }
    type(run, ' YES \r');
    await run.printed(`make ${IDS[1]}`);
    expect(requestsTo(/approvals\//).map(({ path, body }) => [path, body['decision']])).toEqual([
      [`/v1/approvals/${IDS[0]}`, 'approve'],
    ]);
    await run.until((stdout) => stdout.split(`make ${IDS[1]}`)[1]!.includes('[y/n/a]'));
    expect(await quit(run)).toBe(0);
  });
});

test('a stream that ends for good takes its question with it, and the next line is a prompt', async () => {
  const run = converse(['walk the dogs']);
  await daemon.seen('GET', /events/);
  daemon.emit(answer(1, 'Words before.'));
  daemon.emit(result(messageId));
  await prompted(run, 1);
  await begin(run, 'cats', 2);
  daemon.pendingApprovals = ['q-0000abcd'];
  daemon.emit(approval());
  await run.printed('[y/n/a]');
  daemon.intercept = ({ path }) =>
    path.includes('events') ? { status: 404, body: refusal(2, 'the session is gone') } : null;
  daemon.breakStreams();
  await run.printed('loomkin: the session is gone.');
  await prompted(run, 2);
  daemon.intercept = () => null;
  type(run, 'yes and no\r');
  const sent = await daemon.seen('POST', /messages$/, 2);
  expect(sent.map(({ body }) => body['text'])).toEqual(['cats', 'yes and no']);
  expect(requestsTo(/approvals\//)).toEqual([]);
  daemon.emit(result(messageId));
  await prompted(run, 3);
  expect(await quit(run)).toBe(0);
});
