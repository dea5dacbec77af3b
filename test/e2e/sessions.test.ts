/**
 * Sessions as people treat them: prompts while it works, commands that are killed, interrupted,
 * taken down and continued, and every way in which work ends that is not a success.
 *
 * One installation serves all tests. What must stay true: each command prints exactly one result for
 * its prompt, whoever died meanwhile.
 */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { startTimeOf } from '../../config/runtime-file.js';
import type { ChatScript } from '../support/chat-server.js';
import {
  GATED,
  hasBegun,
  letThrough,
  openRig,
  placeIn,
  resultOf,
  resultsOf,
  sessionOf,
  type Place,
} from './open-rig.js';

const KEY = 'sk-rig-0123456789';

const call = (name: string, input: unknown) => ({ name, arguments: input });
const gated = { text: 'I wait.', calls: [call('shell', { command: GATED })] };
const look = { calls: [call('read', { path: 'README.md' })] };

const SCRIPT: ChatScript = {
  requireKey: KEY,
  replies: [{ text: 'hello' }, { text: 'hello again' }],
  conversations: [
    { match: '[queue]', replies: [gated, { text: 'all three' }] },
    { match: '[killed]', replies: [gated, { text: 'ended alone' }] },
    { match: '[interrupt]', replies: [gated, { text: 'went on' }] },
    {
      match: '[stream]',
      replies: [{ text: 'word '.repeat(400), chunks: 400, chunkMs: 50 }, { text: 'calm' }],
    },
    { match: '[down]', replies: [gated, look, { text: 'over the gap' }] },
    {
      match: '[asked]',
      replies: [
        {
          calls: [
            call('edit', { path: 'a.txt', old_string: 'one', new_string: 'two' }),
            call('shell', { command: 'touch ran' }),
          ],
        },
        { text: 'as far as I may' },
      ],
    },
    {
      match: '[turns]',
      replies: Array.from({ length: 9 }, (_, n) => ({ calls: [call('read', { path: `f${n}` })] })),
    },
    { match: '[loop]', replies: Array.from({ length: 9 }, () => look) },
    {
      match: '[busy server]',
      replies: [{ text: 'at last', faults: [{ kind: 'status', status: 429, retryAfter: 1 }] }],
    },
  ],
};

const rig = openRig({ script: SCRIPT });
const place = (name: string, files: Readonly<Record<string, string>> = {}): Place =>
  placeIn(rig(), name, files);

/** Requests of the conversation that holds this text, oldest first. */
const requests = (text: string) => rig().chat.records.filter(({ body }) => body.includes(text));

const messagesOf = (body: string): readonly { readonly role: string; readonly content: string }[] =>
  (JSON.parse(body) as { messages: { role: string; content: string }[] }).messages;

const isAlive = (pid: number): boolean => startTimeOf(pid) !== null;

describe('a busy session', () => {
  it('reads prompts that were queued before its next model call, and answers each once', async () => {
    const here = place('queue');
    const first = here.prompt('[queue] first');
    const id = await sessionOf(first);
    await hasBegun(here);
    const second = here.prompt('queued second', '-c');
    await sessionOf(second);
    const third = here.prompt('queued third', '-r', id.slice(0, 6));
    await sessionOf(third);
    letThrough(here);

    const ends = await Promise.all([first.end, second.end, third.end]);
    for (const end of ends) {
      expect(end).toMatchObject({ code: 0, stderr: '' });
      expect(resultOf(end)).toMatchObject({
        result: 'all three',
        subtype: 'success',
        session_id: id,
      });
    }
    const asked = requests('[queue] first');
    expect(asked).toHaveLength(2);
    const roles = messagesOf(asked[1]!.body)
      .slice(-4)
      .map(({ role, content }) => [role, content]);
    expect(roles.map(([role]) => role)).toEqual(['assistant', 'tool', 'user', 'user']);
    expect(roles.slice(2)).toEqual([
      ['user', 'queued second'],
      ['user', 'queued third'],
    ]);
    expect(readFileSync(here.at('passed'), 'utf8')).toBe('through\n');
  });

  it('goes on when its command is killed; -c shows all of it and how it ended', async () => {
    const here = place('killed');
    const first = here.prompt('[killed] alone');
    const id = await sessionOf(first);
    await hasBegun(here);
    first.child.kill('SIGKILL');
    await first.end;
    letThrough(here);

    const again = await here.prompt(null, '-c').end;
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(resultOf(again)).toMatchObject({ result: 'ended alone', session_id: id, num_turns: 2 });
    const uuids = again.lines.map((line) => line['uuid']);
    const once = await here.prompt(null, '-r', id.slice(0, 8)).end;
    expect(once.lines.map((line) => line['uuid'])).toEqual(uuids);
    expect(requests('[killed]')).toHaveLength(2);
    expect(readFileSync(here.at('passed'), 'utf8')).toBe('through\n');
  });
});

describe('an old session', () => {
  it('goes on with -r and any beginning of its id, from any folder, with what was said', async () => {
    const here = place('old');
    const first = here.prompt('my name is Ada');
    const id = await sessionOf(first);
    expect(resultOf(await first.end)).toMatchObject({ result: 'hello' });
    const args = ['-p', '-r', id.slice(0, 7), 'what is my name?'];
    expect(await rig().command(args).end).toMatchObject({ code: 0, stdout: 'hello again\n' });
    const { body } = requests('what is my name?').at(-1)!;
    expect(messagesOf(body).map(({ content }) => content)).toEqual(
      expect.arrayContaining(['my name is Ada', 'hello', 'what is my name?']),
    );
    // Its project is where it was begun.
    expect(body).toContain(here.project);
  });
});

describe('an interrupt', () => {
  it('of a command ends it: 130, error_interrupted, nothing of it left, and the session goes on', async () => {
    const here = place('interrupt');
    const first = here.prompt('[interrupt] please');
    await hasBegun(here);
    const pid = Number(readFileSync(here.at('begun'), 'utf8'));
    first.child.kill('SIGINT');
    const end = await first.end;
    expect(end.code).toBe(130);
    expect(resultOf(end)).toMatchObject({
      subtype: 'error_interrupted',
      is_error: true,
      exit_code: 130,
    });
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(here.at('passed'))).toBe(false);

    const next = await here.prompt('go on', '-c').end;
    expect(next.code).toBe(0);
    expect(resultOf(next)).toMatchObject({ result: 'went on', subtype: 'success' });
    expect(requests('[interrupt]').at(-1)!.body).toContain('interrupted the turn');
  });

  it('of an answer that streams stops paying for it', async () => {
    const here = place('stream');
    const first = here.prompt('[stream] please');
    await sessionOf(first);
    while (requests('[stream]').length === 0)
      await rig().chat.requested(rig().chat.records.length + 1);
    first.child.kill('SIGINT');
    const end = await first.end;
    expect(end.code).toBe(130);
    expect(resultOf(end)).toMatchObject({ subtype: 'error_interrupted' });
    while (requests('[stream]')[0]?.outcome === null) await sleep(10);
    expect(requests('[stream]')[0]?.outcome).toBe('dropped by the client');
  });
});

describe('an ending that is no success', () => {
  it('nobody to ask: the command is refused with the reason, the edit inside passes', async () => {
    const here = place('asked', { 'a.txt': 'one\n' });
    const end = await here.prompt('[asked] work', '--permission-mode', 'default').end;
    expect(end.code).toBe(0);
    expect(readFileSync(here.at('a.txt'), 'utf8')).toBe('two\n');
    expect(existsSync(here.at('ran'))).toBe(false);
    expect(resultOf(end)['permission_denials']).toEqual([
      { tool_name: 'shell', tool_use_id: 'lead.1.1', tool_input: { command: 'touch ran' } },
    ]);
    const told = messagesOf(requests('[asked]').at(-1)!.body).filter(({ role }) => role === 'tool');
    expect(told).toHaveLength(2);
    expect(told[1]?.content).toMatch(/--permission-mode bypass|nobody|terminal/);
  });

  it('53 at the limit of turns, and the next prompt has turns of its own', async () => {
    const here = place('turns');
    const end = await here.prompt('[turns] look', '--max-turns', '2').end;
    expect(end.code).toBe(53);
    expect(resultOf(end)).toMatchObject({
      subtype: 'error_max_turns',
      is_error: true,
      num_turns: 2,
    });
    const next = await here.prompt('more', '-c', '--max-turns', '1').end;
    expect(next.code).toBe(53);
    expect(resultOf(next)).toMatchObject({ num_turns: 1, outcome: 'turn_limit' });
  });

  it('55 when it goes in circles: told at the second time, ended at the third', async () => {
    const here = place('loop');
    const end = await here.prompt('[loop] look').end;
    expect(end.code).toBe(55);
    expect(resultOf(end)).toMatchObject({ subtype: 'error_no_progress', outcome: 'no_progress' });
    expect(String(resultOf(end)['reason'])).toMatch(/same results three times/);
    const asked = requests('[loop]');
    expect(asked).toHaveLength(3);
    expect(asked[1]!.body).not.toContain('same tool calls twice');
    expect(asked[2]!.body).toContain('same tool calls twice');

    // A new prompt begins afresh, and is not told of the old circle again.
    const next = await here.prompt('more', '-c', '--max-turns', '1').end;
    expect(next.code).toBe(53);
    expect(next.lines.filter(({ subtype }) => subtype === 'loomkin_notice')).toEqual([]);
    expect(requests('[loop]')[3]!.body.match(/same tool calls twice/g)).toHaveLength(1);
  });

  it('2 when the server refuses the key; the right one later goes on with the session', async () => {
    const here = place('key');
    const args = ['-p', '--project', here.project, '-m', 'openai/mock', 'hi'];
    const end = await rig().command(args, '', { OPENAI_API_KEY: 'sk-wrong' }).end;
    expect(end).toMatchObject({ code: 2, stdout: '' });
    expect(end.stderr).toMatch(/^loomkin: .*401.* Check the key in OPENAI_API_KEY/);
    expect(end.stderr).not.toContain('sk-wrong');
    expect(end.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
    const next = await here.prompt('now?', '-c').end;
    expect(next.code).toBe(0);
    expect(resultsOf(next)).toHaveLength(1);
  });
});

describe('a server that is busy', () => {
  it('is asked again when it said, in sight of the user', async () => {
    const here = place('busy');
    const end = await here.prompt('[busy server] hi').end;
    expect(end.code).toBe(0);
    expect(resultOf(end)).toMatchObject({ result: 'at last', num_turns: 1 });
    const retries = end.lines.filter(({ subtype }) => subtype === 'loomkin_retry');
    expect(retries).toHaveLength(1);
    expect(retries[0]).toMatchObject({ attempt: 1, reason: '429' });
    const [first, second] = requests('[busy server]');
    expect(second!.receivedAtMs - first!.receivedAtMs).toBeGreaterThanOrEqual(990);
    expect(second!.idempotencyKey).toBe(first!.idempotencyKey);
  });
});

// The last one, since it takes everything down under whoever else is there.
test('a session that was taken down in a turn goes on by itself at the next up, with its keys', async () => {
  const here = place('down');
  const first = here.prompt('[down] work');
  const id = await sessionOf(first);
  await hasBegun(here);
  expect((await rig().command(['down']).end).code).toBe(0);
  letThrough(here);
  const up = await rig().command(['up'], '', {
    OPENAI_API_KEY: undefined,
    OPENAI_BASE_URL: undefined,
  }).end;
  expect(up.code).toBe(0);

  const end = await first.end;
  expect(end.code).toBe(0);
  expect(resultOf(end)).toMatchObject({ result: 'over the gap', num_turns: 3, session_id: id });
  expect(readFileSync(here.at('passed'), 'utf8')).toBe('through\n');
  expect(new Set(end.lines.map((line) => line['uuid'])).size).toBe(end.lines.length);
  expect(requests('[down]').map(({ outcome }) => outcome)).toEqual(Array(3).fill('answered'));
});
