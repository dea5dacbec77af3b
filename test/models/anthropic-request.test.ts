/**
 * What a Messages request holds on the wire, asked of a server that refuses what the API refuses.
 */
import { startAnthropicServer, type MessagesServer } from '../support/anthropic-server.js';
import { assistant, ask, bodyAt, call, kept, MARK, result, TOOLS, user } from './anthropic-wire.js';

let server: MessagesServer;
beforeEach(async () => {
  server = await startAnthropicServer({ replies: [{ text: 'hello there' }] });
});
afterEach(() => server.close());

describe('the request', () => {
  test('is one, streamed, with a version, an idempotency key and no temperature', async () => {
    const seen: string[] = [];
    const answer = await ask(server, { tools: TOOLS, onText: (text) => seen.push(text) });
    expect(answer).toMatchObject({
      text: 'hello there',
      calls: [],
      stopReason: 'end_turn',
      usage: {
        input_tokens: 1000,
        output_tokens: 50,
        cache_creation_input_tokens: 200,
        cache_read_input_tokens: 300,
      },
    });
    expect(seen.join('')).toBe('hello there');
    expect(seen.length).toBeGreaterThan(1);
    expect(server.records).toHaveLength(1);
    const { headers, url } = server.records[0]!;
    expect(url).toBe('/v1/messages');
    expect(headers['anthropic-version']).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(headers['idempotency-key']).toBe('session/lead.1');
    expect(Object.keys(bodyAt(server, 0))).toEqual([
      ...['model', 'max_tokens', 'stream', 'tools', 'system', 'messages'],
    ]);
  });

  test.each([
    [null, 32_000],
    [8_192, 8_192],
  ])('with a limit of %s asks for %i tokens at most', async (outputTokensMax, expected) => {
    await ask(server, { outputTokensMax });
    expect(bodyAt(server, 0).max_tokens).toBe(expected);
  });

  test('marks the ends of tools, system text and conversation for the cache, and nothing else', async () => {
    await ask(server, {
      tools: TOOLS,
      messages: [user('context'), user('prompt'), assistant('a'), user('one'), user('two')],
    });
    const { system, tools, messages } = bodyAt(server, 0);
    expect(system).toEqual([{ type: 'text', text: 'You are a test.', ...MARK }]);
    expect(tools.map((tool) => [tool['name'], tool['cache_control']])).toEqual([
      ['read', undefined],
      ['edit', undefined],
      ['shell', MARK.cache_control],
    ]);
    expect(tools[0]?.['input_schema']).toEqual(TOOLS[0]?.inputSchema);
    expect(messages.at(-1)?.content).toEqual([
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two', ...MARK },
    ]);
    expect(server.records[0]?.body.split('cache_control')).toHaveLength(4);
  });

  test('without tools and system text has neither', async () => {
    await ask(server, { system: ' \n', tools: [] });
    expect(Object.keys(bodyAt(server, 0))).toEqual(['model', 'max_tokens', 'stream', 'messages']);
  });

  test('is the same bytes for the same conversation', async () => {
    const messages = [user('a'), assistant('b', [call('lead.1.0')]), result('lead.1.0')];
    for (const _attempt of [1, 2]) await ask(server, { messages, tools: TOOLS });
    expect(server.records[0]?.body).toBe(server.records[1]?.body);
  });

  test('does not change its beginning from turn to turn, but for the mark', async () => {
    server.setScript({
      replies: [
        { thinking: 'hm', text: 'I look.', calls: [{ name: 'read', input: { path: 'a' } }] },
        { thinking: 'so', calls: [{ name: 'edit', input: { path: 'b' } }] },
        { text: 'done' },
        { text: 'again' },
      ],
    });
    const messages = [user('context'), user('prompt')];
    for (const turn of [1, 2, 3, 4]) {
      const answer = await ask(server, { messages, tools: TOOLS });
      const calls = answer.calls.map((_made, index) => result(`lead.${turn}.${index}`));
      messages.push(kept(answer, turn), ...calls, user(`notice ${turn}`));
    }
    const bodies = server.records.map(({ body }) => body);
    // What is behind the last mark is the end of a list, a message and the request.
    const beginnings = bodies.map((body) =>
      body.slice(0, body.lastIndexOf(`,${JSON.stringify(MARK).slice(1)}`)),
    );
    for (const [index, beginning] of beginnings.slice(0, -1).entries())
      expect(bodies[index + 1]?.startsWith(beginning)).toBe(true);
    expect(beginnings.map(({ length }) => length > 600)).not.toContain(false);
    expect(new Set(beginnings).size).toBe(4);
  });
});

test('half a character is mended wherever it stands: it would be refused for ever', async () => {
  const native = {
    type: 'message',
    content: [
      { type: 'text', text: 'a\ud83d' },
      { type: 'tool_use', id: 't', name: 'read', input: { 'p\udc00': ['\ud83d'] } },
    ],
  };
  await ask(server, {
    system: 'sys\ud83d',
    tools: [{ ...TOOLS[0]!, description: 'd\udc00' }],
    messages: [
      user('u\ud83d 😀'),
      assistant('a', [call('lead.1.0')], native),
      result('lead.1.0', 'half \ud83d of it'),
    ],
  });
  const { body } = server.records[0]!;
  expect(body).not.toMatch(/\\ud[89a-f][0-9a-f]{2}/i);
  expect(body).toContain('half \ufffd of it');
  expect(body).toContain('u\ufffd 😀');
  expect(body).toContain('{"p\ufffd":["\ufffd"]}');
});
