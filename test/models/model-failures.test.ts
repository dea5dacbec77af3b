/**
 * A provider that fails: what is waited for, what ends the turn, and what people are told.
 */
import { warmUp } from '../../activities/models/openai-client.js';
import type { ChatFault, ChatReply } from '../support/chat-server.js';
import { PRICE, REF, scopeOf, SESSION, Table, thrownBy } from './table.js';

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

describe('a provider that fails and comes back', () => {
  const faults: [string, ChatFault, string][] = [
    ['429', { kind: 'status', status: 429 }, '429'],
    ['429 with retry-after', { kind: 'status', status: 429, retryAfter: 3 }, '429'],
    ['500', { kind: 'status', status: 500 }, '500'],
    ['503', { kind: 'status', status: 503 }, '503'],
    ['529', { kind: 'status', status: 529 }, '529'],
    ['a cut stream', { kind: 'cut' }, 'cut stream'],
    ['a stream that ends early', { kind: 'close' }, 'cut stream'],
    ['a reset', { kind: 'reset' }, 'connection reset'],
    ['silence', { kind: 'hang' }, 'stall'],
    ['silence in mid-stream', { kind: 'hang_midway' }, 'stall'],
    ['an error in the stream', { kind: 'error_event' }, '529'],
  ];
  test.each(faults)('by %s costs one wait and no answer', async (_name, fault, reason) => {
    await open({
      script: { replies: [{ ...CALLING, faults: [fault] }] },
      limits: { modelStallMs: 150 },
    });
    const request = await table.request(1);
    const failed = await thrownBy(table.activity()(request, scopeOf()));
    expect(failed).toMatchObject({ type: 'ModelUnavailable', nonRetryable: false });
    const asked = fault.kind === 'status' && fault.retryAfter ? 3_000 : null;
    if (asked) expect(failed.nextRetryDelay).toBe(asked);
    else expect(failed.nextRetryDelay).toBeGreaterThanOrEqual(750);
    expect(failed.nextRetryDelay).toBeLessThanOrEqual(asked ?? 1_000);
    const agent = await table.store.call('getAgent', { sessionId: SESSION, name: REF.agent });
    expect(agent).toMatchObject({ state: 'waiting', waitingFor: { kind: 'retry', id: 'lead.1' } });
    expect(await table.kinds()).toEqual(['1 context', '1 prompt']);

    const result = await table.activity()(request, scopeOf({ attempt: 2 }));
    expect(result).toMatchObject({ kind: 'answered', costUsd: COST });
    expect(table.server.records).toHaveLength(2);
    expect(table.server.records.filter(({ outcome }) => outcome === 'answered')).toHaveLength(1);
    expect((await table.store.call('sumUsage', { ...REF, fromTurn: 1 })).calls).toBe(1);
    const events = await table.store.call('readEvents', {
      sessionId: SESSION,
      after: 0,
      limit: 50,
    });
    const retries = events.filter(({ event }) => event.kind === 'retry');
    expect(retries.map(({ event }) => event)).toMatchObject([{ reason, attempt: 1 }]);
  });

  test('by an empty reply is asked again, and the emptiness is not stored', async () => {
    await open({ script: { replies: [{ text: ' \n', finish: 'stop' }] } });
    const failed = await thrownBy(table.call(1));
    expect(failed).toMatchObject({ type: 'ModelUnavailable' });
    expect(failed.message).toContain('empty reply');
    expect(await table.kinds()).toEqual(['1 context', '1 prompt']);
  });

  test('waits longer each time, never longer than a minute, the same everywhere', async () => {
    await open({ script: { replies: [{ faults: [{ kind: 'status', status: 500, times: 99 }] }] } });
    const request = await table.request(1);
    const waits: number[] = [];
    for (let attempt = 1; attempt < 10; attempt += 1) {
      const failed = await thrownBy(table.activity()(request, scopeOf({ attempt })));
      waits.push(failed.nextRetryDelay ?? NaN);
    }
    const longest = [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000);
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeLessThanOrEqual(longest[index] ?? 0);
      expect(wait).toBeGreaterThanOrEqual((longest[index] ?? 0) * 0.75);
    }
    const last = await thrownBy(table.activity()(request, scopeOf({ attempt: 10 })));
    expect(last).toMatchObject({ type: 'ModelExhausted', nonRetryable: true });
    expect(last.message).toContain('10 attempts');
    expect(last.message).toContain('mock error 500');
    expect(last.message).toContain('model mock/one, turn lead.1');
    expect(last.message).toContain('loomkin -c');
  });

  test('is given up for good: an attempt after the last one asks nothing', async () => {
    await open({
      script: { replies: [{ faults: [{ kind: 'status', status: 500, times: 9 }] }] },
      limits: { modelAttempts: 1 },
    });
    const request = await table.request(1);
    await thrownBy(table.activity()(request, scopeOf()));
    const again = await thrownBy(table.activity()(request, scopeOf({ attempt: 2 })));
    expect(again.type).toBe('ModelExhausted');
    expect(table.server.records).toHaveLength(1);
  });

  test('may ask for hours of patience', async () => {
    const fault: ChatFault = { kind: 'status', status: 429, retryAfter: 18_000 };
    await open({ script: { replies: [{ faults: [fault] }] } });
    expect((await thrownBy(table.call(1))).nextRetryDelay).toBe(18_000_000);
  });
});

describe('a provider that will not', () => {
  const overlong = { message: 'x', code: 'context_length_exceeded' };
  const refusals: [string, { status: number; body: unknown }, string, string][] = [
    [
      'the key',
      { status: 401, body: { error: { message: 'bad key sk-mock-key' } } },
      'ModelUnauthorized',
      'MOCK_KEY',
    ],
    [
      'the request',
      { status: 400, body: { error: { message: 'no such field' } } },
      'ModelRejected',
      'no such field',
    ],
    [
      'so long a request',
      { status: 400, body: { error: overlong } },
      'ModelRejected',
      'start a new session',
    ],
  ];
  test.each(refusals)('have %s is not asked again', async (_name, sent, type, words) => {
    await open({ script: { replies: [{ faults: [{ kind: 'status', ...sent }] }] } });
    const failed = await thrownBy(table.call(1));
    expect(failed).toMatchObject({ type, nonRetryable: true });
    expect(failed.message).toContain(words);
    expect(failed.message).toContain('turn lead.1');
    expect(failed.message).not.toContain('sk-mock-key');
    expect(await table.store.call('modelFailures', { ...REF, turn: 1 })).toBe(0);
  });

  test('know the model is told with the nearest that it has', async () => {
    await open({ script: { replies: [], models: ['gpt-5.1', 'gpt-5.1-mini', 'embed-3'] } });
    const failed = await thrownBy(table.call(1, { model: 'mock/gpt-51' }));
    expect(failed).toMatchObject({ type: 'ModelUnknown', nonRetryable: true });
    expect(failed.message).toContain('Did you mean mock/gpt-5.1');
    expect(failed.message).not.toContain('embed-3');
  });

  test('exist is told with the nearest that does', async () => {
    await open();
    const failed = await thrownBy(table.call(1, { model: 'mok/one' }));
    expect(failed.type).toBe('ModelUnknown');
    expect(failed.message).toContain('no provider "mok"');
    expect(failed.message).toContain('Did you mean mock?');
  });

  test('work without a key is not asked at all', async () => {
    await open();
    const failed = await thrownBy(table.call(1, { model: 'keyless/one' }));
    expect(failed.type).toBe('ModelUnauthorized');
    expect(failed.message).toContain('MOCK_KEY is not set');
    expect(table.server.records).toHaveLength(0);
  });
});
