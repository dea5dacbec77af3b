/**
 * The bytes of a request: the same beginning everywhere, and within a session only ever more of them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { warmUp } from '../../activities/models/openai-client.js';
import { SYSTEM_TEXT } from '../../activities/models/system-text.js';
import type { ChatReply } from '../support/chat-server.js';
import { scopeOf, Table } from './table.js';

let table: Table;
beforeAll(warmUp);
afterEach(() => table.close());

const TURNS = 20;

/** Answers with text, thinking, calls in odd forms, broken arguments; words differ each turn. */
const replyOf = (turn: number): ChatReply => {
  const odd: ChatReply[] = [
    { text: `Turn ${turn}.`, calls: [{ name: 'read', arguments: `{ "path" : "${turn}" }` }] },
    { thinking: `hm ${turn}`, calls: [{ name: 'edit', arguments: `{"path": "${turn}` }] },
    { calls: ['a', 'b'].map((path) => ({ name: 'read', arguments: { path, turn }, id: 'same' })) },
    { text: 'Ünïcode “quotes” \u2028 and \\ slashes' },
  ];
  return odd[turn % odd.length] ?? {};
};

const bodies = (): string[] => table.server.records.map(({ body }) => body);
/** A request less the end of its list of messages. */
const open = (body: string): string => {
  expect(body.endsWith(']}')).toBe(true);
  return body.slice(0, -2);
};

test('twenty turns, with faults, restarts and interrupts, only append to the bytes before', async () => {
  const replies = Array.from({ length: TURNS }, (_, index): ChatReply => {
    const reply = replyOf(index + 1);
    return index % 5 === 2 ? { ...reply, faults: [{ kind: 'cut' }] } : reply;
  });
  table = await Table.open({ script: { replies } });
  for (let turn = 1; turn <= TURNS; turn += 1) {
    const isPrompted = turn === 1 || turn % 4 === 0;
    const messages = isPrompted ? [await table.prompt(`prompt ${turn}`)] : [];
    const notices = turn % 7 === 0 ? [`notice ${turn}`] : [];
    const request = await table.request(turn, { messages, notices });
    for (let attempt = 1; attempt <= 2; attempt += 1)
      await table
        .activity()(request, scopeOf({ attempt }))
        .catch(() => undefined);
    // Every sixth turn is left as an interrupt leaves it: calls without results.
    if (turn % 6 !== 0) await table.answerCalls(turn, `result ${turn}`);
    if (turn % 8 === 0) await table.restart();
  }
  const sent = bodies();
  expect(sent.length).toBeGreaterThan(TURNS);
  for (const [index, body] of sent.slice(1).entries())
    expect(body.startsWith(open(sent[index] ?? ''))).toBe(true);
});

test('every call in a request has its result right after it, in its order', async () => {
  const replies = Array.from({ length: 8 }, (_, index) => replyOf(index + 1));
  table = await Table.open({ script: { replies } });
  for (let turn = 1; turn <= 8; turn += 1) {
    await table.call(turn);
    if (turn % 3 === 0) await table.answerCalls(turn);
  }
  interface Sent {
    readonly role: string;
    readonly tool_call_id?: string;
    readonly tool_calls?: readonly { readonly id: string }[];
  }
  const { messages } = JSON.parse(bodies().at(-1) ?? '') as { messages: readonly Sent[] };
  for (const [index, message] of messages.entries())
    for (const [offset, { id }] of (message.tool_calls ?? []).entries())
      expect(messages[index + 1 + offset]).toMatchObject({ role: 'tool', tool_call_id: id });
  expect(messages.filter(({ role }) => role === 'tool').length).toBeGreaterThan(5);
});

test('two projects share every byte up to the first thing that differs', async () => {
  const first = await Table.open();
  await first.call(1);
  const [one = ''] = first.server.records.map(({ body }) => body);
  await first.close();
  table = await Table.open();
  mkdirSync(join(table.project, '.git'));
  writeFileSync(join(table.project, 'AGENTS.md'), 'Use tabs.');
  await table.call(1);
  const [two = ''] = bodies();
  const shared = one.slice(0, one.indexOf('Project folder:'));
  expect(two.startsWith(shared)).toBe(true);
  const expected = JSON.stringify({ role: 'system', content: SYSTEM_TEXT });
  expect(shared).toContain(expected);
  expect(shared).toContain('"name":"read"');
});

test('the first message is the context, the second the prompt; words of the host are marked', async () => {
  table = await Table.open({ script: { replies: [{ text: 'one' }, { text: 'two' }] } });
  writeFileSync(join(table.project, 'AGENTS.md'), 'Use tabs.');
  await table.call(1, { notices: ['careful'] });
  await table.call(2, { messages: [await table.prompt('go on')] });
  const { messages } = JSON.parse(bodies()[1] ?? '') as { messages: { content: string }[] };
  const [, context, prompt, notice, answer, next] = messages.map(({ content }) => content);
  expect(context).toMatch(/^<context>\nProject folder: .*Use tabs\..*<\/context>$/s);
  expect(prompt).toBe('do it');
  expect(notice).toBe('<host>\ncareful\n</host>');
  expect([answer, next]).toEqual(['one', 'go on']);
});

test('what another model wrote is translated, what this one wrote is not', async () => {
  const call = { name: 'read', arguments: { path: 'a' }, id: 'theirs' };
  table = await Table.open({
    script: {
      replies: [{ thinking: 'secret', calls: [call] }, { text: 'two' }, { text: 'three' }],
    },
  });
  await table.call(1);
  await table.answerCalls(1);
  await table.call(2, { model: 'mock/other' });
  await table.call(3, { model: 'mock/one', messages: [await table.prompt('go on')] });
  const [, other = '', same = ''] = bodies();
  expect(other).not.toContain('secret');
  expect(other).not.toContain('theirs');
  expect(other).toContain('"tool_call_id":"call_lead_1_0"');
  expect(same).toContain('"reasoning_content":"secret"');
  expect(same).toContain('"tool_call_id":"theirs"');
});

test('the context of the beginning stays, whatever becomes of the project', async () => {
  table = await Table.open({ script: { replies: [{ text: 'one' }, { text: 'two' }] } });
  writeFileSync(join(table.project, 'AGENTS.md'), 'First words.');
  await table.call(1);
  writeFileSync(join(table.project, 'AGENTS.md'), 'Other words.');
  await table.restart();
  await table.call(2, { messages: [await table.prompt('go on')] });
  expect(bodies()[1]).toContain('First words.');
  expect(bodies()[1]).not.toContain('Other words.');
});
