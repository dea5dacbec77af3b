/**
 * A conversation as the messages of a Messages request: what comes back to the model that wrote it, what is
 * translated, and whose turn it is. The server refuses what the API refuses.
 */
import type { ModelMessage } from '../../activities/models/provider.js';
import { startAnthropicServer, type MessagesServer } from '../support/anthropic-server.js';
import {
  assistant,
  ask,
  bodyAt,
  call,
  kept,
  MARK,
  result,
  TOOLS,
  user,
  type Block,
} from './anthropic-wire.js';

let server: MessagesServer;
beforeEach(async () => {
  server = await startAnthropicServer({ replies: [{ text: 'hello there' }] });
});
afterEach(() => server.close());

const sent = async (messages: readonly ModelMessage[]) => {
  await ask(server, { messages });
  return bodyAt(server, -1).messages;
};

describe('what the same model wrote', () => {
  test('goes back word for word over three turns, signed and hidden thoughts included', async () => {
    server.setScript({
      replies: [
        {
          thinking: 'I must look at “ü.ts” 😀 first.',
          redacted: 'EmwKAhgBEgy3va3pzix/LafPsn4a',
          text: 'I look.',
          calls: [
            { name: 'read', input: '{ "path" : "ü.ts" }', id: 'toolu_01A' },
            {
              name: 'shell',
              input: { command: 'ls', n: 1.5, deep: [{ a: null }] },
              id: 'toolu_01B',
            },
          ],
        },
        { thinking: 'Now the edit.', calls: [{ name: 'edit', input: '', id: 'toolu_02A' }] },
        { text: 'Done.' },
      ],
    });
    const messages = [user('do it')];
    for (const turn of [1, 2, 3]) {
      const answer = await ask(server, { messages, tools: TOOLS });
      messages.push(kept(answer, turn));
      for (const index of answer.calls.keys()) messages.push(result(`lead.${turn}.${index}`));
    }
    // The server refuses a thought that does not fit its signature.
    expect(server.records.map(({ outcome }) => outcome)).toEqual(Array(3).fill('answered'));
    const [, first, , second] = bodyAt(server, 2).messages;
    expect(first?.content).toEqual([
      {
        type: 'thinking',
        thinking: 'I must look at “ü.ts” 😀 first.',
        signature: expect.stringMatching(/^signed-/) as string,
      },
      { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix/LafPsn4a' },
      { type: 'text', text: 'I look.' },
      { type: 'tool_use', id: 'toolu_01A', name: 'read', input: { path: 'ü.ts' } },
      {
        type: 'tool_use',
        id: 'toolu_01B',
        name: 'shell',
        input: { command: 'ls', n: 1.5, deep: [{ a: null }] },
      },
    ]);
    expect(second?.content[1]).toEqual({
      ...{ type: 'tool_use', id: 'toolu_02A', name: 'edit', input: {} },
    });
    expect(bodyAt(server, 2).messages[2]?.content.map((block) => block['tool_use_id'])).toEqual([
      'toolu_01A',
      'toolu_01B',
    ]);
    expect(server.records[2]?.body).toContain(JSON.stringify(first?.content).slice(0, -1));
  });

  const blocks = (...content: Block[]): unknown => ({ type: 'message', content });
  const TEXT = { type: 'text', text: 'I look.' };
  const hidden = { type: 'redacted_thinking', data: 'x' };
  const use = (change: Block = {}) => ({
    ...{ type: 'tool_use', id: 'toolu_1', name: 'read', input: {} },
    ...change,
  });
  const CASES: [string, ModelMessage, readonly Block[] | null][] = [
    [
      'loses texts of nothing, which would be refused',
      assistant(
        'I look.',
        [],
        blocks({ type: 'text', text: '' }, TEXT, { type: 'text', text: '\n ' }),
      ),
      [TEXT],
    ],
    [
      'loses thoughts at its end, which were cut off',
      assistant('I look.', [], blocks(TEXT, { type: 'thinking', thinking: 'and', signature: '' })),
      [TEXT],
    ],
    [
      'keeps hidden thoughts before its words',
      assistant('I look.', [], blocks(hidden, TEXT)),
      [hidden, TEXT],
    ],
    ['of thoughts alone is left out', assistant('', [], blocks(hidden)), null],
    [
      'keeps blocks and members that we do not know',
      assistant(
        '',
        [call('lead.1.0')],
        blocks({ type: 'compaction', content: 'so far' }, use({ caller: { type: 'direct' } })),
      ),
      [{ type: 'compaction', content: 'so far' }, use({ caller: { type: 'direct' } })],
    ],
    [
      'has the names of its calls corrected, if they would be refused',
      assistant('', [call('lead.1.0')], blocks(use({ name: 'functions.read file' }))),
      [use({ name: 'functions_read_file' })],
    ],
    [
      'that does not fit the calls we know of is translated',
      assistant('I look.', [], blocks(TEXT, use())),
      [TEXT],
    ],
    [
      'for another API is translated',
      assistant('I look.', [], { role: 'assistant', content: 'I look.', reasoning: 'hm' }),
      [TEXT],
    ],
    [
      'that is damaged is translated',
      assistant('I look.', [], { type: 'message', content: 'x' }),
      null,
    ],
  ];
  test.each(CASES)('%s', async (_name, message, expected) => {
    const results = message.role === 'assistant' ? message.calls.map(({ id }) => result(id)) : [];
    const wire = await sent([user('do it'), message, ...results, user('go on')]);
    const answers = wire.filter(({ role }) => role === 'assistant');
    expect(answers.map(({ content }) => content)).toEqual(expected ? [expected] : []);
  });
});

describe('what another model wrote', () => {
  test('is translated so that no server can refuse it', async () => {
    const wire = await sent([
      user('hello'),
      assistant('Let me see.', [
        call('lead.1.0'),
        call('lead.1.1', '{"path":', 'functions.read file'),
        call('lead.1.2', '["a"]', ''),
        call('lead.1.3', '', 'x'.repeat(300)),
      ]),
      result('lead.1.0', 'x'),
      result('lead.1.1', 'arguments are no JSON', true),
      result('lead.1.2', 'arguments are no object', true),
      result('lead.1.3', ''),
    ]);
    expect(wire[1]?.content).toEqual([
      { type: 'text', text: 'Let me see.' },
      { type: 'tool_use', id: 'call_lead_1_0', name: 'read', input: { path: 'a' } },
      { type: 'tool_use', id: 'call_lead_1_1', name: 'functions_read_file', input: {} },
      { type: 'tool_use', id: 'call_lead_1_2', name: 'unnamed', input: {} },
      { type: 'tool_use', id: 'call_lead_1_3', name: 'x'.repeat(128), input: {} },
    ]);
    expect(wire[2]?.content).toEqual([
      { type: 'tool_result', tool_use_id: 'call_lead_1_0', content: 'x' },
      {
        ...{ type: 'tool_result', tool_use_id: 'call_lead_1_1' },
        ...{ content: 'arguments are no JSON', is_error: true },
      },
      {
        ...{ type: 'tool_result', tool_use_id: 'call_lead_1_2' },
        ...{ content: 'arguments are no object', is_error: true },
      },
      { type: 'tool_result', tool_use_id: 'call_lead_1_3', content: '(no output)', ...MARK },
    ]);
  });

  test('without a word is its calls alone', async () => {
    const wire = await sent([user('a'), assistant(' ', [call('lead.1.0')]), result('lead.1.0')]);
    expect(wire[1]?.content.map((block) => block['type'])).toEqual(['tool_use']);
  });
});

describe('the turns of user and model', () => {
  const shape = async (messages: readonly ModelMessage[]): Promise<string[]> =>
    (await sent(messages)).map(
      ({ role, content }) =>
        `${role}: ${content.map((block) => String(block['text'] ?? block['content'] ?? block['id'])).join(' | ')}`,
    );
  const two = assistant('', [call('lead.1.0'), call('lead.1.1')]);
  const CALLS = 'assistant: call_lead_1_0 | call_lead_1_1';
  const CASES: [string, readonly ModelMessage[], readonly string[]][] = [
    [
      'context, prompts and notices are one message',
      [user('context'), user('prompt'), user('<host>\nnotice\n</host>')],
      ['user: context | prompt | <host>\nnotice\n</host>'],
    ],
    [
      'results come first, in the order of the calls, whatever was said before them',
      [
        user('a'),
        two,
        user('hurry'),
        result('lead.1.1', 'R1'),
        user('!'),
        result('lead.1.0', 'R0'),
      ],
      ['user: a', CALLS, 'user: R0 | R1 | hurry | !'],
    ],
    [
      'a call that has no result gets one that says so',
      [user('a'), two, result('lead.1.1', 'R1'), user('go on')],
      ['user: a', CALLS, 'user: Interrupted: there is no result. | R1 | go on'],
    ],
    [
      'calls without anything behind them get their results all the same',
      [user('a'), two],
      [
        'user: a',
        CALLS,
        'user: Interrupted: there is no result. | Interrupted: there is no result.',
      ],
    ],
    [
      'a result that nobody waits for is told in words',
      [user('a'), assistant('b'), result('lead.9.0', 'late')],
      ['user: a', 'assistant: b', 'user: Result of the earlier call lead.9.0:\nlate'],
    ],
    [
      'a second result of a call is told in words',
      [
        user('a'),
        two,
        result('lead.1.0', 'R0'),
        result('lead.1.0', 'more'),
        result('lead.1.1', 'R1'),
      ],
      ['user: a', CALLS, 'user: R0 | R1 | Result of the earlier call lead.1.0:\nmore'],
    ],
    [
      'answers with nothing between them are one',
      [user('a'), assistant('b'), assistant('c'), user('d')],
      ['user: a', 'assistant: b | c', 'user: d'],
    ],
    [
      'what was said around an answer of nothing is one message',
      [user('a'), assistant(''), user('b')],
      ['user: a | b'],
    ],
    ['a prompt of blanks is said to be empty', [user(' \n')], ['user: (empty)']],
  ];
  test.each(CASES)('%s', async (_name, messages, expected) => {
    expect(await shape(messages)).toEqual(expected);
    expect(server.records[0]?.outcome).toBe('answered');
  });

  test('64 calls have 64 results, in order', async () => {
    const calls = Array.from({ length: 64 }, (_, index) => call(`lead.1.${index}`));
    const results = calls.map(({ id }) => result(id, id)).reverse();
    const wire = await sent([user('a'), assistant('', calls), ...results]);
    expect(wire[2]?.content.map((block) => block['content'])).toEqual(calls.map(({ id }) => id));
  });
});
