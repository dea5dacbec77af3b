/**
 * What a Chat Completions request holds on the wire.
 */
import { makeOpenaiChat } from '../../activities/models/openai-chat.js';
import { warmUp } from '../../activities/models/openai-client.js';
import type { ModelMessage } from '../../activities/models/provider.js';
import { startChatServer, type ChatServer } from '../support/chat-server.js';
import { requestOf } from './asking.js';

let server: ChatServer;
const KEY = 'sk-secret-key-0123456789';

const providerOf = (headers: Record<string, string> = {}, key: string | null = KEY) =>
  makeOpenaiChat({ name: 'mock', baseUrl: server.baseUrl, headers, key, env: {} });

const bodyOf = (index: number): Record<string, unknown> =>
  JSON.parse(server.records[index]?.body ?? '{}') as Record<string, unknown>;

beforeAll(warmUp);
beforeEach(async () => {
  server = await startChatServer({ replies: [{ text: 'hello there' }] });
});
afterEach(() => server.close());

describe('the request', () => {
  test('is one, streamed, with usage, key and idempotency key', async () => {
    const seen: string[] = [];
    const answer = await providerOf({ 'X-Team': 'compilers' }).answer(
      requestOf({ onText: (text) => seen.push(text) }),
    );
    expect(answer).toMatchObject({
      text: 'hello there',
      calls: [],
      stopReason: 'stop',
      usage: { input_tokens: 1000, output_tokens: 50 },
    });
    expect(seen.join('')).toBe('hello there');
    expect(seen.length).toBeGreaterThan(1);
    expect(server.records).toHaveLength(1);
    expect(server.records[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'idempotency-key': 'session/lead.1',
      'x-team': 'compilers',
    });
    expect(bodyOf(0)).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });

  test('has no key where the provider needs none, and nothing from our environment', async () => {
    const before = process.env['OPENAI_ORG_ID'];
    process.env['OPENAI_ORG_ID'] = 'org-of-the-daemon';
    try {
      await providerOf({}, null).answer(requestOf());
    } finally {
      if (before === undefined) delete process.env['OPENAI_ORG_ID'];
      else process.env['OPENAI_ORG_ID'] = before;
    }
    expect(server.records[0]?.headers['authorization']).toBeUndefined();
    expect(server.records[0]?.headers['openai-organization']).toBeUndefined();
  });

  test('sends back what the same model wrote, word for word, and answers its own ids', async () => {
    server.setScript({
      replies: [
        {
          text: 'I look.',
          thinking: 'hm',
          calls: [{ name: 'read', arguments: '{ "path" : "a" }', id: 'abc' }],
        },
        { text: 'done' },
      ],
    });
    const first = await providerOf().answer(requestOf());
    const calls = first.calls.map((call, index) => ({ ...call, id: `lead.1.${index}` }));
    const conversation: ModelMessage[] = [
      { role: 'user', text: 'hello' },
      { role: 'assistant', text: first.text, calls, native: first.native },
      { role: 'tool', callId: 'lead.1.0', text: '', isError: false },
    ];
    await providerOf().answer(requestOf({ messages: conversation }));
    expect(bodyOf(1)['messages']).toEqual([
      { role: 'system', content: 'You are a test.' },
      { role: 'user', content: 'hello' },
      {
        role: 'assistant',
        content: 'I look.',
        reasoning_content: 'hm',
        tool_calls: [
          {
            id: 'abc',
            type: 'function',
            function: { name: 'read', arguments: '{ "path" : "a" }' },
          },
        ],
      },
      { role: 'tool', tool_call_id: 'abc', content: '(no output)' },
    ]);
  });

  test('translates what another model wrote, so that no server can refuse it', async () => {
    const conversation: ModelMessage[] = [
      { role: 'user', text: 'hello' },
      {
        role: 'assistant',
        text: '',
        calls: [
          { id: 'lead.1.0', name: 'read', raw: '{"path":"a"}' },
          { id: 'lead.1.1', name: 'functions.read file', raw: '{"path":' },
        ],
        native: null,
      },
      { role: 'tool', callId: 'lead.1.0', text: 'x', isError: false },
      { role: 'tool', callId: 'lead.1.1', text: 'y', isError: true },
    ];
    await providerOf().answer(requestOf({ messages: conversation }));
    const [, , assistant, ...results] = bodyOf(0)['messages'] as Record<string, unknown>[];
    expect(assistant).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [
        {
          id: 'call_lead_1_0',
          type: 'function',
          function: { name: 'read', arguments: '{"path":"a"}' },
        },
        {
          id: 'call_lead_1_1',
          type: 'function',
          function: {
            name: 'functions_read_file',
            arguments: '{"malformed_arguments":"{\\"path\\":"}',
          },
        },
      ],
    });
    expect(results.map((result) => result['tool_call_id'])).toEqual([
      'call_lead_1_0',
      'call_lead_1_1',
    ]);
  });

  test('asks for tools as they were declared', async () => {
    const inputSchema = { type: 'object', properties: { path: { type: 'string' } } };
    await providerOf().answer(
      requestOf({ tools: [{ name: 'read', description: 'Reads.', inputSchema }] }),
    );
    expect(bodyOf(0)['tools']).toEqual([
      {
        type: 'function',
        function: { name: 'read', description: 'Reads.', parameters: inputSchema },
      },
    ]);
  });
});

describe('the list of models', () => {
  test('is what the server says', async () => {
    server.setScript({ replies: [], models: ['big-1', 'small-1'] });
    const names = await providerOf().listModels(AbortSignal.timeout(2_000));
    expect(names).toEqual(['big-1', 'small-1']);
  });

  test('is empty when the server can not say', async () => {
    const silent = makeOpenaiChat({
      name: 'x',
      baseUrl: 'http://127.0.0.1:9/v1',
      headers: {},
      key: null,
      env: {},
    });
    expect(await silent.listModels(AbortSignal.timeout(2_000))).toEqual([]);
  });
});
