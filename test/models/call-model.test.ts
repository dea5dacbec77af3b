/**
 * One model call from the outside: what is bought, what is stored, what survives.
 */
import { ShutdownError } from '../../activities/activity-scope.js';
import type { ReachFault } from '../../activities/effects/faults.js';
import { warmUp } from '../../activities/models/openai-client.js';
import type { Store } from '../../activities/stores/store.js';
import { hashArguments } from '../../activities/arguments-hash.js';
import type { ChatReply } from '../support/chat-server.js';
import { PRICE, REF, scopeOf, SESSION, Table, thrownBy, toolOf } from './table.js';

let table: Table;
const open = async (options: Parameters<typeof Table.open>[0] = {}): Promise<Table> =>
  (table = await Table.open(options));

beforeAll(warmUp);
afterEach(() => table.close());

const CALLING: ChatReply = {
  text: 'I look.',
  calls: [
    { name: 'read', arguments: { path: 'a.ts' } },
    { name: 'edit', arguments: '{ "path": "b.ts" }' },
  ],
};
const COST = (1000 * PRICE.inputUsd + 50 * PRICE.outputUsd) / 1e6;

describe('an answer', () => {
  test('is asked for once, stored with its bill, and returned as summaries', async () => {
    await open({ script: { replies: [CALLING] } });
    const result = await table.call(1);
    expect(result).toEqual({
      kind: 'answered',
      costUsd: COST,
      calls: [
        {
          index: 0,
          name: 'read',
          permission: 'read',
          subject: 'a.ts',
          argumentsHash: hashArguments('{"path":"a.ts"}'),
        },
        {
          index: 1,
          name: 'edit',
          permission: 'edit',
          subject: 'b.ts',
          argumentsHash: hashArguments('{"path":"b.ts"}'),
        },
      ],
    });
    expect(await table.kinds()).toEqual(['1 context', '1 prompt', '1 answer']);
    const sums = await table.store.call('sumUsage', { ...REF, fromTurn: 1 });
    expect(sums).toMatchObject({ costUsd: COST, estimatedUsd: 0, calls: 1 });
    expect(sums.usage).toMatchObject({ input_tokens: 1000, output_tokens: 50 });
    const agent = await table.store.call('getAgent', { sessionId: SESSION, name: REF.agent });
    expect(agent).toMatchObject({ state: 'thinking', model: 'mock/one', turn: 1 });
  });

  test('carries our own call ids, and the arguments word for word', async () => {
    await open({ script: { replies: [CALLING] } });
    await table.call(1);
    const row = await table.store.call('readAnswer', { ...REF, turn: 1 });
    expect(row?.body).toMatchObject({
      kind: 'answer',
      model: 'mock/one',
      stopReason: 'tool_calls',
      blocks: [
        { kind: 'text', text: 'I look.' },
        { kind: 'tool_call', callId: 'lead.1.0', name: 'read', input: { path: 'a.ts' } },
        { kind: 'tool_call', callId: 'lead.1.1', raw: '{ "path": "b.ts" }' },
      ],
    });
  });

  test('streams to whoever is attached', async () => {
    await open({ script: { replies: [{ text: 'one two three', chunks: 3 }] } });
    await table.call(1, {}, { attempt: 4 });
    expect(table.deltas.map(({ text }) => text).join('')).toBe('one two three');
    expect(table.deltas[0]).toMatchObject({ kind: 'delta', agent: 'lead', turn: 1, attempt: 4 });
  });

  test('of a model without a known price costs null, not 0', async () => {
    await open();
    expect((await table.call(1, { model: 'mock/other' })).costUsd).toBeNull();
  });

  test('without usage is counted by us and marked so', async () => {
    await open({ script: { replies: [{ text: 'x'.repeat(400), usage: null }] } });
    const { costUsd } = await table.call(1);
    const sums = await table.store.call('sumUsage', { ...REF, fromTurn: 1 });
    expect(costUsd).toBeGreaterThan(0);
    expect(sums.estimatedUsd).toBeCloseTo(costUsd ?? 0, 9);
    expect(sums.usage.output_tokens).toBe(100);
    const row = await table.store.call('readAnswer', { ...REF, turn: 1 });
    expect(row?.body).toMatchObject({ usage: null });
  });
});

describe('an answer that is stored', () => {
  test('is returned by every later attempt, and no request is made', async () => {
    await open({ script: { replies: [CALLING] } });
    const request = await table.request(1);
    const first = await table.activity()(request, scopeOf());
    await table.restart();
    const again = await table.activity()(request, scopeOf({ attempt: 2 }));
    expect(again).toEqual(first);
    expect(table.server.records).toHaveLength(1);
  });

  test('is not bought again when the word of its storing was lost', async () => {
    await open({ script: { replies: [CALLING] } });
    const request = await table.request(1);
    const deaf: Store = {
      ...table.store,
      call: (async (name: Parameters<Store['call']>[0], args: never) => {
        const value = await table.store.call(name, args);
        if (name === 'appendAnswer') throw new Error('the reply was lost');
        return value;
      }) as Store['call'],
    };
    const lost = await thrownBy(table.activity({ store: deaf })(request, scopeOf()));
    expect(lost.message).toBe('the reply was lost');
    const result = await table.activity()(request, scopeOf({ attempt: 2 }));
    expect(result.calls).toHaveLength(2);
    expect(table.server.records).toHaveLength(1);
  });

  test('is the one that came first, when two attempts asked at once', async () => {
    await open({ script: { replies: [{ ...CALLING, delayMs: 50 }] } });
    const request = await table.request(1);
    const attempts = [1, 2].map((attempt) => table.activity()(request, scopeOf({ attempt })));
    const [first, second] = await Promise.all(attempts);
    expect(second).toEqual(first);
    const rows = await table.rows();
    expect(rows.filter(({ body }) => body.kind === 'answer')).toHaveLength(1);
    expect((await table.store.call('sumUsage', { ...REF, fromTurn: 1 })).calls).toBe(1);
  });
});

describe('a crash', () => {
  const throwingAt = (wanted: string): ReachFault => {
    let isDue = true;
    return (point) => {
      if (point !== wanted || !isDue) return;
      isDue = false;
      throw new Error(`crash at ${point}`);
    };
  };

  test.each([
    ['model.before-request', 1],
    ['model.in-stream', 2],
    ['model.after-store', 1],
  ])('at %s is no failure of the model, and %i requests are made', async (point, requests) => {
    await open({ script: { replies: [CALLING] } });
    const request = await table.request(1);
    const reachFault = throwingAt(point);
    const crashed = await thrownBy(table.activity({ reachFault })(request, scopeOf()));
    expect(crashed.message).toBe(`crash at ${point}`);
    await table.restart();
    const result = await table.activity({ reachFault })(request, scopeOf({ attempt: 2 }));
    expect(result).toMatchObject({ kind: 'answered', costUsd: COST });
    expect(table.server.records).toHaveLength(requests);
    expect(new Set(table.server.records.map((record) => record.idempotencyKey)).size).toBe(1);
    expect(await table.store.call('modelFailures', { ...REF, turn: 1 })).toBe(0);
    expect(await table.kinds()).toEqual(['1 context', '1 prompt', '1 answer']);
  });

  test('in the stream is reached also by an answer that holds nothing but calls', async () => {
    await open({ script: { replies: [{ calls: [{ name: 'read', arguments: { path: 'a' } }] }] } });
    const reachFault = throwingAt('model.in-stream');
    const crashed = await thrownBy(
      table.activity({ reachFault })(await table.request(1), scopeOf()),
    );
    expect(crashed.message).toBe('crash at model.in-stream');
    expect(await table.kinds()).toEqual(['1 context', '1 prompt']);
  });
});

describe('an interrupt', () => {
  test.each(['workflow', 'this host'])(
    'told by %s stores nothing and is at once',
    async (source) => {
      await open({ script: { replies: [{ text: 'a b c d', chunkMs: 2_000 }] } });
      const stop = new AbortController();
      const answering = table.call(1, {}, { signal: stop.signal });
      await table.server.requested(1);
      const toldAt = performance.now();
      if (source === 'workflow') stop.abort(new Error('the turn was interrupted'));
      else table.turnSignals.aim(SESSION, 'lead')();
      expect(await answering).toEqual({ kind: 'interrupted', calls: [], costUsd: null });
      expect(performance.now() - toldAt).toBeLessThan(250);
      expect(await table.kinds()).toEqual(['1 context', '1 prompt']);
      expect(await table.store.call('modelFailures', { ...REF, turn: 1 })).toBe(0);
    },
  );

  test('that comes before anything keeps the prompt for the next turn', async () => {
    await open();
    const stopped = await table.call(1, {}, { signal: AbortSignal.abort(new Error('stop')) });
    expect(stopped.kind).toBe('interrupted');
    expect(table.server.records).toHaveLength(0);
    await table.call(2, { messages: [await table.prompt('and that')] });
    const { messages } = JSON.parse(table.server.records[0]?.body ?? '') as {
      messages: { role: string; content: string }[];
    };
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'user', 'user']);
    expect(messages.slice(2).map(({ content }) => content)).toEqual(['do it', 'and that']);
  });

  test('that is a shutdown is thrown on, so that another attempt goes on', async () => {
    await open({ script: { replies: [{ text: 'a b c d', chunkMs: 2_000 }] } });
    const stop = new AbortController();
    const answering = table.call(1, {}, { signal: stop.signal });
    await table.server.requested(1);
    const reason = new ShutdownError();
    stop.abort(reason);
    await expect(answering).rejects.toBe(reason);
    expect(await table.store.call('modelFailures', { ...REF, turn: 1 })).toBe(0);
  });
});

describe('calls that can not be carried out', () => {
  test('are stored as they are and judged as reads, so that the tool can answer them', async () => {
    const calls = [
      { name: 'edit', arguments: '{"path": "a' },
      { name: 'teleport', arguments: { path: 'x' } },
      { name: 'edit', arguments: '["path"]' },
      { name: 'edit', arguments: { file: 'a' } },
    ];
    await open({ script: { replies: [{ calls }] } });
    const result = await table.call(1);
    expect(result.calls.map(({ name, permission }) => [name, permission])).toEqual([
      ['edit', 'read'],
      ['teleport', 'read'],
      ['edit', 'read'],
      ['edit', 'read'],
    ]);
    expect(result.calls[0]).toMatchObject({
      // What nobody understood could be anything, and has no place in history.
      subject: '(not a valid call)',
      argumentsHash: hashArguments('{"path": "a'),
    });
    const row = await table.store.call('readAnswer', { ...REF, turn: 1 });
    expect(row?.body).toMatchObject({ blocks: [{ raw: '{"path": "a', input: null }, {}, {}, {}] });
  });

  test('beyond 64 are answered instead of run', async () => {
    const calls = Array.from({ length: 70 }, (_, n) => ({
      name: 'read',
      arguments: { path: `${n}` },
    }));
    await open({ script: { replies: [{ calls }, { text: 'done' }] } });
    const result = await table.call(1);
    expect(result.calls).toHaveLength(64);
    const refused = (await table.rows()).filter(({ body }) => body.kind === 'result');
    expect(refused.map(({ index }) => index - 200_000)).toEqual([64, 65, 66, 67, 68, 69]);
    expect(refused[0]?.body).toMatchObject({ isError: true, callId: 'lead.1.64' });
  });

  test('with the same id twice stay two calls with a result each', async () => {
    const calls = ['a', 'b'].map((path) => ({ name: 'read', arguments: { path }, id: 'same' }));
    await open({ script: { replies: [{ calls }, { text: 'done' }] } });
    await table.call(1);
    await table.answerCalls(1);
    await table.call(2);
    const { messages } = JSON.parse(table.server.records[1]?.body ?? '') as {
      messages: { tool_calls?: { id: string }[]; tool_call_id?: string }[];
    };
    const asked = messages.flatMap((message) => message.tool_calls ?? []).map(({ id }) => id);
    const given = messages.flatMap(({ tool_call_id: id }) => (id === undefined ? [] : [id]));
    expect(new Set(asked).size).toBe(2);
    expect(given).toEqual(asked);
  });

  test('have a subject of at most 1 KB, cut at a whole character', async () => {
    const calls = [{ name: 'read', arguments: { path: 'ä'.repeat(2_000) } }];
    await open({ script: { replies: [{ calls }] } });
    const { subject } = (await table.call(1)).calls[0] ?? { subject: '' };
    expect(Buffer.byteLength(subject)).toBeLessThanOrEqual(1024);
    expect(subject).toMatch(/^ä+…$/);
  });
});

describe('calls that were left without a result', () => {
  test('get one before the next request', async () => {
    await open({ script: { replies: [CALLING, { text: 'done' }] } });
    await table.call(1);
    await table.call(2, { notices: ['interrupted'] });
    expect(await table.kinds()).toEqual([
      ...['1 context', '1 prompt', '1 answer', '1 result', '1 result'],
      ...['2 notice', '2 answer'],
    ]);
    const results = (await table.rows()).filter(({ body }) => body.kind === 'result');
    for (const { body } of results)
      expect(body).toMatchObject({
        isError: true,
        interrupted: true,
        text: 'Interrupted before it started; nothing was done.',
      });
  });

  test('that had begun are told as unknown', async () => {
    await open({ script: { replies: [CALLING, { text: 'done' }] } });
    await table.call(1);
    await table.store.call('claimEffect', {
      key: `${SESSION}/lead.1.1`,
      sessionId: SESSION,
      tool: 'edit',
      effect: 'opaque',
      claim: { kind: 'process', dir: 'x', bootId: 'b', nonce: 'n' },
      at: '2025-03-09T12:00:00.000Z',
      preImage: null,
      postImage: null,
    });
    await table.call(2);
    const body = (await table.store.call('readResult', { ...REF, turn: 1, call: 1 }))?.body;
    expect(body).toMatchObject({ isError: true });
    expect(body?.kind === 'result' && body.text).toContain('outcome unknown');
  });
});

test('a prompt that the store does not hold ends the turn, and says which', async () => {
  await open();
  const failed = await thrownBy(table.call(1, { messages: ['nowhere' as never] }));
  expect(failed).toMatchObject({ type: 'SessionDamaged', nonRetryable: true });
  expect(failed.message).toContain('message nowhere');
});

test('a warm call is on the wire within 30 ms', async () => {
  await open({ tools: [toolOf('read')] });
  const taken: number[] = [];
  for (let turn = 1; turn <= 12; turn += 1) {
    const request = await table.request(turn, { messages: [await table.prompt(`do ${turn}`)] });
    const startedAt = performance.timeOrigin + performance.now();
    await table.activity()(request, scopeOf());
    taken.push((table.server.records.at(-1)?.receivedAtMs ?? Infinity) - startedAt);
  }
  const sorted = taken.slice(2).sort((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(30);
});
