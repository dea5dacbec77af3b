/**
 * What is typed at a conversation beside prompts: while the agent works, and words that are for us.
 */
import type { CliRun } from '../../../support/cli.js';
import { answer, approval, result } from '../../../support/session-events.js';
import { converse, CTRL_C, daemon, messageId, quit, type } from './scene.js';

const visible = (stdout: string): string =>
  stdout.replace(/\r\n/g, '\n').replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '');
const shows = (run: CliRun, end: string): Promise<void> =>
  run.until((stdout) => visible(stdout).endsWith(end));
const prompts = (): readonly unknown[] =>
  daemon.requests
    .filter(({ method, path }) => method === 'POST' && /sessions$|messages$/.test(path))
    .map(({ body }) => body['text']);

/** Keys go another way than the agent's words, and nothing shows when they have arrived. */
const arrived = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300));

/** An agent at work, and what it says next. */
const working = async (): Promise<CliRun> => {
  const run = converse(['look at it']);
  await daemon.seen('GET', /events/);
  daemon.delta(1, 1, 'Let me look.');
  await run.printed('Let me look.');
  return run;
};
const saysMore = async (run: CliRun): Promise<void> => {
  await arrived();
  daemon.delta(1, 1, ' Still at it.');
  await run.printed('Still at it.');
};

describe('what is typed while the agent works', () => {
  test('is not echoed into its output and not sent, but stands at the next prompt', async () => {
    const run = await working();
    type(run, 'then the doks\u007f\u007fgs\rand the cats');
    await saysMore(run);
    daemon.emit(answer(1, 'Let me look. Still at it.'));
    daemon.emit(result(messageId));
    await shows(run, '\n> then the dogs and the cats');
    expect(visible(run.stdout())).toContain('Let me look. Still at it.\n— 2 turns');
    expect(prompts()).toEqual(['look at it']);
    type(run, ', please\r');
    await daemon.seen('POST', /messages$/);
    expect(prompts()).toEqual(['look at it', 'then the dogs and the cats, please']);
    daemon.emit(result(messageId));
    await shows(run, '\n> ');
    expect(await quit(run)).toBe(0);
  });

  test('stays after the Ctrl+C that ends the work', async () => {
    const run = await working();
    type(run, `no, the cats${CTRL_C}`);
    await daemon.seen('POST', /interrupt$/);
    daemon.emit(result(messageId, { outcome: 'interrupted', exitCode: 130 }));
    await shows(run, '\n> no, the cats');
    type(run, '!\r');
    await daemon.seen('POST', /messages$/);
    expect(prompts()).toEqual(['look at it', 'no, the cats!']);
    type(run, CTRL_C);
    type(run, CTRL_C);
    expect((await run.ended).code).toBe(130);
  });

  test('stays over a question, which it does not answer', async () => {
    const run = await working();
    type(run, 'yes, all ');
    await saysMore(run);
    daemon.pendingApprovals = ['q-0000abcd'];
    daemon.emit(approval());
    await run.printed('[y/n/a]');
    await new Promise((resolve) => setTimeout(resolve, 400));
    type(run, 'n\r');
    const [decided] = await daemon.seen('POST', /approvals\//);
    expect(decided?.body).toMatchObject({ decision: 'deny' });
    type(run, 'of it');
    await arrived();
    daemon.delta(1, 1, ' Refused.');
    await run.printed('Refused.');
    daemon.emit(result(messageId));
    await shows(run, '> yes, all of it');
    expect(prompts()).toEqual(['look at it']);
    type(run, CTRL_C);
    type(run, CTRL_C);
    expect((await run.ended).code).toBe(130);
  });

  test('and is Ctrl+D leaves, and the work goes on', async () => {
    const run = await working();
    expect(await quit(run)).toBe(0);
    expect(run.stdout()).toContain('Session 11111111 stays');
    expect(daemon.requests.some(({ path }) => /interrupt|stop/.test(path))).toBe(false);
  });
});

describe('a line for us', () => {
  test.each(['exit', 'quit', '/exit', '/quit', 'exit '])(
    '%j leaves, and costs nothing',
    async (line) => {
      const run = converse([]);
      await shows(run, '\n> ');
      type(run, `${line}\r`);
      expect((await run.ended).code).toBe(0);
      expect(prompts()).toEqual([]);
    },
  );

  test('that is no command says which there are, and what the keys do is told', async () => {
    const run = converse([]);
    await shows(run, '\n> ');
    type(run, '/modle x\r');
    await run.printed('loomkin: unknown command /modle. Known: /help, /exit.');
    type(run, '/hlep\r');
    await run.printed('loomkin: unknown command /hlep. Did you mean /help?');
    type(run, '/help\r');
    await run.printed('is not sent yet');
    expect(run.stdout()).toMatch(/Ctrl\+C {3}interrupts the turn[^]*Ctrl\+D {3}leaves/);
    await shows(run, '\n> ');
    expect(prompts()).toEqual([]);
    expect(await quit(run)).toBe(0);
  });

  test.each(['exit the loop early', ' /etc/hosts looks wrong', 'quit\rthen exit'])(
    '%j is a prompt',
    async (line) => {
      const run = converse([]);
      await shows(run, '\n> ');
      type(run, `${line}\r`);
      await daemon.seen('POST', /sessions$/);
      expect(prompts()).toEqual([line.replace('\r', '\n')]);
      daemon.emit(result(messageId));
      await shows(run, '\n> ');
      expect(await quit(run)).toBe(0);
    },
  );
});

describe('a conversation without a prompt', () => {
  test('begins with model, mode and what lists the keys, and asks nobody for it', async () => {
    const run = converse(['-m', 'openai/gpt', '--permission-mode', 'bypass']);
    await shows(run, '\n> ');
    expect(visible(run.stdout())).toMatch(
      /^new session · openai\/gpt · mode bypass · \/help lists the keys · \/.*\n> $/s,
    );
    expect(daemon.requests).toEqual([]);
    expect(await quit(run)).toBe(0);
  });

  test('leaves settings that are wrong to the first prompt', async () => {
    const run = converse([], { LOOMKIN_MODEL: 'no model at all' });
    await shows(run, '\n> ');
    expect(visible(run.stdout())).toMatch(/^new session · \/help lists the keys · \S+\n> $/s);
    expect(await quit(run)).toBe(0);
  });
});
