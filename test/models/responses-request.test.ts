/**
 * What a Responses request holds on the wire, and what of an answer goes back in the next ones.
 */
import { warmUp } from '../../activities/models/openai-client.js';
import { makeOpenaiResponses } from '../../activities/models/openai-responses.js';
import type { ModelAnswer, ModelMessage, ModelRequest } from '../../activities/models/provider.js';
import { call, message, reasoning, type Json } from '../support/responses-events.js';
import {
  startResponsesServer,
  type ResponsesFault,
  type ResponsesServer,
} from '../support/responses-server.js';
import { failureOf, requestOf } from './asking.js';

const KEY = 'sk-secret-key-0123456789';

let server: ResponsesServer;
beforeAll(warmUp);
beforeEach(async () => {
  server = await startResponsesServer({ replies: [{ output: [message('m', 'hello there')] }] });
});
afterEach(() => server.close());

const providerOf = (headers: Record<string, string> = {}, key: string | null = KEY) =>
  makeOpenaiResponses({ name: 'mock', baseUrl: server.baseUrl, headers, key, env: {} });

interface Body {
  readonly input: readonly Json[];
  readonly [field: string]: unknown;
}
const bodyOf = (index: number) => JSON.parse(server.records[index]?.body ?? '{}') as Body;
const inputOf = (index: number) => bodyOf(index).input;

const user = (text: string): Json => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
});
const outputOf = (call_id: string, output: string): Json => ({
  type: 'function_call_output',
  call_id,
  output,
});

/** An answer as the transcript gives it back, and a result for each of its calls. */
const remembered = (
  { text, calls, native }: ModelAnswer,
  turn: number,
): readonly ModelMessage[] => {
  const named = calls.map((one, index) => ({ ...one, id: `lead.${turn}.${index}` }));
  const stored = JSON.parse(JSON.stringify(native)) as unknown;
  return [
    { role: 'assistant', text, calls: named, native: stored },
    ...named.map(
      ({ id }) => ({ role: 'tool', callId: id, text: `of ${id}`, isError: false }) as const,
    ),
  ];
};

/** Asks turn after turn until a reply has no calls; a prompt follows on each answer without one. */
const converse = async (turns: number, change: Partial<ModelRequest> = {}) => {
  let messages: readonly ModelMessage[] = [{ role: 'user', text: 'hello' }];
  for (let turn = 1; turn <= turns; turn += 1) {
    const idempotencyKey = `session/lead.${turn}`;
    const answer = await providerOf().answer(requestOf({ idempotencyKey, messages, ...change }));
    messages = [...messages, ...remembered(answer, turn)];
    if (answer.calls.length === 0)
      messages = [...messages, { role: 'user', text: `go on ${turn}` }];
  }
  return messages;
};

describe('the request', () => {
  test('is one, streamed, with key and idempotency key, and asks the server to forget it', async () => {
    const seen: string[] = [];
    const answer = await providerOf({ 'X-Team': 'compilers' }).answer(
      requestOf({ onText: (text) => seen.push(text) }),
    );
    expect(answer).toMatchObject({ text: 'hello there', calls: [], stopReason: 'stop' });
    expect(answer.usage).toEqual({
      input_tokens: 400,
      output_tokens: 50,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 600,
    });
    expect(seen.join('')).toBe('hello there');
    expect(seen.length).toBeGreaterThan(1);
    expect(server.records).toHaveLength(1);
    expect(server.records[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'idempotency-key': 'session/lead.1',
      'x-team': 'compilers',
    });
    expect(bodyOf(0)).toEqual({
      model: 'mock-1',
      stream: true,
      store: false,
      include: ['reasoning.encrypted_content'],
      prompt_cache_key: 'session',
      instructions: 'You are a test.',
      input: [user('hello')],
    });
  });

  test('has no key where the server needs none, and nothing from our environment', async () => {
    const ours = {
      OPENAI_API_KEY: 'sk-daemon',
      OPENAI_ORG_ID: 'org-d',
      OPENAI_PROJECT_ID: 'proj-d',
    };
    const before = { ...process.env };
    Object.assign(process.env, ours);
    try {
      await providerOf({}, null).answer(requestOf());
    } finally {
      for (const name of Object.keys(ours)) {
        delete process.env[name];
        if (before[name] !== undefined) process.env[name] = before[name];
      }
    }
    const { headers, body } = server.records[0]!;
    expect(headers['authorization']).toBeUndefined();
    expect(JSON.stringify([headers, body])).not.toMatch(/sk-daemon|org-d|proj-d/);
  });

  test('asks for tools as they were declared, without strictness', async () => {
    const inputSchema = { type: 'object', properties: { path: { type: 'string' } } };
    await providerOf().answer(
      requestOf({ tools: [{ name: 'read', description: 'Reads.', inputSchema }] }),
    );
    expect(bodyOf(0)['tools']).toEqual([
      {
        type: 'function',
        name: 'read',
        description: 'Reads.',
        strict: false,
        parameters: inputSchema,
      },
    ]);
  });

  test.each([
    [null, undefined],
    [1, 16],
    [16, 16],
    [32_000, 32_000],
  ])('limits an answer of at most %j tokens to %j', async (outputTokensMax, sent) => {
    await providerOf().answer(requestOf({ outputTokensMax }));
    expect(bodyOf(0)['max_output_tokens']).toBe(sent);
  });

  test('has one cache key for all agents and turns of a session, and never one that is too long', async () => {
    const keys = ['s-1/lead.1', 's-1/helper.7', 's-2/lead.1', `${'x'.repeat(80)}/lead.1`];
    for (const idempotencyKey of keys) await providerOf().answer(requestOf({ idempotencyKey }));
    const sent = keys.map((_key, index) => bodyOf(index)['prompt_cache_key']);
    expect(sent).toEqual(['s-1', 's-1', 's-2', 'x'.repeat(64)]);
  });
});

describe('what the same model wrote', () => {
  const turns = [
    [
      reasoning('rs_1', '**Look** at it', {
        status: null,
        added_by_the_server: { deep: [1, null] },
      }),
      message('msg_1_of_rs_1', 'I look.', { phase: 'commentary' }),
      call('fc_1_of_rs_1', 'read', '{ "path" : "a" }'),
      call('fc_2', 'write', '{"path": "cut'),
    ],
    [reasoning('rs_2', ''), call('fc_3_of_rs_2', 'shell', '{"command":"ls ✓"}')],
    [reasoning('rs_3', 'done'), message('msg_3_of_rs_3', 'Done.', { phase: 'final_answer' })],
  ];

  test('goes back word for word, in its order, over three turns', async () => {
    server.setScript({ replies: [...turns.map((output) => ({ output })), {}] });
    await converse(4);
    const [first, second, third] = turns as [Json[], Json[], Json[]];
    expect(inputOf(1)).toEqual([
      user('hello'),
      ...first,
      outputOf('call_fc_1_of_rs_1', 'of lead.1.0'),
      outputOf('call_fc_2', 'of lead.1.1'),
    ]);
    expect(inputOf(3)).toEqual([
      ...inputOf(1),
      ...second,
      outputOf('call_fc_3_of_rs_2', 'of lead.2.0'),
      ...third,
      user('go on 3'),
    ]);
    for (const item of turns.flat())
      expect(server.records[3]?.body).toContain(JSON.stringify(item));
    expect(server.records.map(({ outcome }) => outcome)).toEqual(Array(4).fill('answered'));
  });

  test('makes each request begin with the bytes of the one before', async () => {
    server.setScript({ replies: [...turns.map((output) => ({ output })), {}] });
    const tools = [{ name: 'read', description: 'Reads.', inputSchema: { type: 'object' } }];
    await converse(4, { tools, outputTokensMax: 900 });
    const bodies = server.records.map(({ body }) => body);
    for (const [at, body] of bodies.slice(1).entries()) {
      const before = bodies[at]!;
      expect(before.endsWith(']}')).toBe(true);
      expect(body.startsWith(before.slice(0, -2))).toBe(true);
    }
    await converse(4, { tools, outputTokensMax: 900 });
    expect(server.records.slice(4).map(({ body }) => body)).toEqual(bodies);
  });

  const changed: [string, readonly Json[], readonly Json[]][] = [
    [
      'is left out where it is a thought without its encrypted content, and so are the ids that demand it',
      [
        reasoning('rs_1', 'kept'),
        call('fc_1_of_rs_1', 'read', '{}'),
        reasoning('rs_2', 'hm', { encrypted_content: null }),
        call('fc_2_of_rs_2', 'read', '{}'),
        reasoning('rs_3', 'kept'),
        call('fc_3_of_rs_3', 'read', '{}'),
      ],
      [
        reasoning('rs_1', 'kept'),
        call('fc_1_of_rs_1', 'read', '{}'),
        { ...call('fc_2_of_rs_2', 'read', '{}'), id: undefined as unknown },
        reasoning('rs_3', 'kept'),
        call('fc_3_of_rs_3', 'read', '{}'),
      ],
    ],
    [
      'is left out where it is a thought that nothing follows',
      [call('fc_1', 'read', '{}'), reasoning('rs_1', 'cut'), reasoning('rs_2', 'cut')],
      [call('fc_1', 'read', '{}')],
    ],
    [
      'is kept where it is a thought that is told in words instead',
      [
        reasoning('rs_1', '', {
          encrypted_content: null,
          content: [{ type: 'reasoning_text', text: 'so' }],
        }),
        call('fc_1_of_rs_1', 'read', '{}'),
      ],
      [
        reasoning('rs_1', '', {
          encrypted_content: null,
          content: [{ type: 'reasoning_text', text: 'so' }],
        }),
        call('fc_1_of_rs_1', 'read', '{}'),
      ],
    ],
    [
      'loses what is wrong about a name that would be refused',
      [call('fc_1', 'functions.read file', '{}')],
      [call('fc_1', 'functions_read_file', '{}')],
    ],
    [
      'loses the halves of characters',
      [message('m', 'half \ud83d'), call('fc_1', 'read', '{"path":"\udc00"}')],
      [message('m', 'half \ufffd'), call('fc_1', 'read', '{"path":"\ufffd"}')],
    ],
  ];
  test.each(changed)('%s', async (_what, output, sent) => {
    server.setScript({ replies: [{ output }, {}] });
    await converse(2);
    const calls = output.filter(({ type }) => type === 'function_call');
    const results = calls.map(({ call_id }, n) => outputOf(String(call_id), `of lead.1.${n}`));
    expect(inputOf(1)).toEqual(JSON.parse(JSON.stringify([user('hello'), ...sent, ...results])));
    expect(server.records[1]?.outcome).toBe('answered');
  });

  test.each([
    ['missing', [{ call_id: undefined }, { call_id: '' }]],
    ['used twice', [{ call_id: 'x' }, { call_id: 'x' }]],
  ])('has ids of ours when those of its calls are %s', async (_name, [first, second]) => {
    const output = [call('a', 'read', '{"n":1}', first), call('b', 'read', '{"n":2}', second)];
    server.setScript({ replies: [{ output }, {}] });
    await converse(2);
    const [, a, b, ofA, ofB] = inputOf(1);
    expect([a?.['arguments'], b?.['arguments']]).toEqual(['{"n":1}', '{"n":2}']);
    expect([ofA?.['call_id'], ofB?.['call_id']]).toEqual([a?.['call_id'], b?.['call_id']]);
    expect(a?.['call_id']).not.toBe(b?.['call_id']);
    expect(server.records[1]?.outcome).toBe('answered');
  });
});

describe('what another model wrote', () => {
  const calls = [
    { id: 'lead.1.0', name: 'read', raw: '{"path":"a"}' },
    { id: 'lead.1.1', name: 'functions.read file', raw: '{"path":' },
    { id: 'lead.1.2', name: '', raw: '' },
  ];
  const results = calls.map(
    ({ id }) => ({ role: 'tool', callId: id, text: '', isError: true }) as const,
  );

  test.each<[string, unknown]>([
    ['nothing', null],
    ['a message of Chat Completions', { role: 'assistant', content: 'I look.', tool_calls: [] }],
    ['content of Anthropic', [{ type: 'text', text: 'I look.' }]],
    ['a text', 'native'],
    ['items that do not fit its calls', { api: 'responses', output: [call('a', 'read', '{}')] }],
    ['no list of items', { api: 'responses', output: 'none' }],
  ])(
    'is translated, so that no server can refuse it, whose own words are %s',
    async (_what, native) => {
      server.setScript({ replies: [{}, { output: [message('m', 'ok')] }] });
      const messages: ModelMessage[] = [
        { role: 'user', text: 'half \ud83d' },
        { role: 'assistant', text: 'I look.', calls, native },
        ...results,
      ];
      await providerOf().answer(requestOf({ messages }));
      const said = {
        type: 'message',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'I look.' }],
      };
      const called = (call_id: string, name: string, args: string) => ({
        ...{ type: 'function_call', call_id, name, arguments: args },
      });
      expect(inputOf(0)).toEqual([
        user('half \ufffd'),
        said,
        called('call_lead_1_0', 'read', '{"path":"a"}'),
        called('call_lead_1_1', 'functions_read_file', '{"path":'),
        called('call_lead_1_2', 'unnamed', '{}'),
        ...[0, 1, 2].map((n) => outputOf(`call_lead_1_${n}`, '(no output)')),
      ]);
      expect(server.records[0]?.outcome).toBe('answered');
    },
  );
});

describe('a part that only the server knows to be wrong', () => {
  const output = [reasoning('rs_1', 'hm'), call('fc_1_of_rs_1', 'read', '{}')];
  const refusing = (message: string, code?: string): ResponsesFault => ({
    ...{ kind: 'status', status: 400, body: { error: { message, code, param: 'input' } } },
  });
  const failing = async (messages: readonly ModelMessage[], idempotencyKey: string) =>
    (await failureOf(providerOf(), requestOf({ messages, idempotencyKey }))).error;

  test('is encrypted thoughts of a model that does not think: the next attempt asks for none', async () => {
    const words = 'Encrypted content is not supported with this model.';
    server.setScript({ replies: [{ output: [message('m', 'ok')], faults: [refusing(words)] }] });
    const messages = requestOf().messages;
    expect(await failing(messages, 'a/lead.1')).toMatchObject({
      kind: 'unavailable',
      retryAfterMs: 0,
    });
    expect(server.records).toHaveLength(1);
    await providerOf().answer(requestOf({ idempotencyKey: 'a/lead.1' }));
    await providerOf().answer(requestOf({ idempotencyKey: 'a/lead.1', model: 'another' }));
    const asked = [0, 1, 2].map((index) => 'include' in bodyOf(index));
    expect(asked).toEqual([true, false, true]);
  });

  test.each([
    ['by its code', refusing('no', 'invalid_encrypted_content')],
    ['in words', refusing('The encrypted content gAAA...== could not be verified.')],
  ])(
    'is thoughts of another account, told %s: the session goes on without them',
    async (how, fault) => {
      const session = `other-account-${how}`;
      server.setScript({
        replies: [{ output }, { output: [message('m', 'ok')], faults: [fault, fault] }],
      });
      const messages = await converse(1);
      const first = await failing(messages, `${session}/lead.2`);
      expect(first).toMatchObject({ kind: 'unavailable', retryAfterMs: 0 });
      // A server that refuses it even so is taken at its word.
      expect(await failing(messages, `${session}/lead.2`)).toMatchObject({ kind: 'rejected' });
      await providerOf().answer(requestOf({ messages, idempotencyKey: `${session}/lead.2` }));
      const sent = inputOf(3);
      expect(sent.map(({ type }) => type)).toEqual([
        'message',
        'function_call',
        'function_call_output',
      ]);
      expect(sent[1]).not.toHaveProperty('id');
      expect((await failing(messages, `not-${session}/lead.2`)).kind).toBe('unavailable');
      expect(inputOf(4).map(({ type }) => type)).toContain('reasoning');
    },
  );
});

describe('the list of models', () => {
  test('is what the server says, and empty when it can not say', async () => {
    server.setScript({ replies: [], models: ['big-1', 'small-1'] });
    expect(await providerOf().listModels(AbortSignal.timeout(2_000))).toEqual(['big-1', 'small-1']);
    await server.close();
    expect(await providerOf().listModels(AbortSignal.timeout(2_000))).toEqual([]);
    server = await startResponsesServer();
  });
});
