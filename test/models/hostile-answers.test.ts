/**
 * Answers and refusals of a hostile server through the real activity and store: nothing is bought twice,
 * no session dies of one answer, no key is written down.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { warmUp } from '../../activities/models/openai-client.js';
import { retryDelayMs } from '../../activities/models/model-failures.js';
import type { ChatReply } from '../support/chat-server.js';
import { delta, DONE, event } from './stream-cases.js';
import { PRICE, REF, scopeOf, SESSION, Table, thrownBy } from './table.js';
import { processorMs } from '../support/processor-time.js';

let table: Table;
const open = async (...replies: ChatReply[]): Promise<Table> =>
  (table = await Table.open({ script: { replies } }));

beforeAll(warmUp);
afterEach(() => table.close());

const sums = () => table.store.call('sumUsage', { ...REF, fromTurn: 1 });
const bodies = () =>
  table.server.records.map(({ body }) => JSON.parse(body) as { messages: { content: unknown }[] });

describe('an answer that was paid for', () => {
  test.each([
    ['is beyond any number', 1e300],
    ['is below zero', -1e6],
    ['has a fraction', 10.5],
  ])('is stored although its bill %s', async (_what, prompt_tokens) => {
    const usage = { prompt_tokens, completion_tokens: 4 };
    await open({ raw: [delta({ content: 'hello' }, 'stop'), event({ choices: [], usage }), DONE] });
    const request = await table.request(1);
    const first = await table.activity()(request, scopeOf());
    expect(await table.activity()(request, scopeOf({ attempt: 2 }))).toEqual(first);
    expect(table.server.records).toHaveLength(1);
    const { costUsd, usage: counted } = await sums();
    expect(first.costUsd).toBe(costUsd);
    expect(costUsd).toBeGreaterThan(0);
    expect(Number.isSafeInteger(counted.input_tokens)).toBe(true);
  });

  test('is stored although it holds NUL, half characters and a megabyte', async () => {
    const text = `\u0000\ud83d${'x'.repeat(1_000_000)}\udc00`;
    const call = { name: 're\u0000ad', arguments: `{"path":"\ud83d"}` };
    await open({ text, calls: [call], chunks: 3 }, { text: 'done' });
    await table.call(1);
    const row = await table.store.call('readAnswer', { ...REF, turn: 1 });
    expect(row?.body).toMatchObject({ blocks: [{ kind: 'text', text }, { name: 're\u0000ad' }] });
    await table.answerCalls(1, 'half \ud83d of it');
    await table.call(2);
    // A strict server refuses a request with half a character in it, and every later one.
    expect(table.server.records[1]?.body).not.toMatch(/\\ud[89a-f][0-9a-f]{2}/i);
    expect(JSON.stringify(bodies()[1])).toContain('half \ufffd of it');
  });

  test('is whole or not there, when it comes from a server that breaks down in mid-answer', async () => {
    const failure = event({ object: 'error', message: 'CUDA out of memory', code: 500 });
    await open({ raw: [delta({ content: 'Half an ans' }), failure, DONE] });
    const failed = await thrownBy(table.call(1));
    expect(failed).toMatchObject({ type: 'ModelUnavailable', nonRetryable: false });
    expect(failed.message).toContain('CUDA out of memory');
    expect(await table.kinds()).toEqual(['1 context', '1 prompt']);
    expect((await sums()).calls).toBe(0);
  });

  test('with calls of nothing is text, and its turn ends', async () => {
    const calls = delta({ tool_calls: [null, {}, { index: 0, function: { arguments: '' } }] });
    await open({ raw: [delta({ content: 'done' }), calls, delta({}, 'stop'), DONE] });
    expect((await table.call(1)).calls).toEqual([]);
  });

  test('without a name to call is answered, so that the model learns of it', async () => {
    await open({ calls: [{ name: '', arguments: { path: 'a' } }] }, { text: 'done' });
    const { calls } = await table.call(1);
    expect(calls).toMatchObject([{ name: '', permission: 'read', isQuick: true }]);
    await table.answerCalls(1, 'there is no tool ""');
    await table.call(2);
    expect(table.server.records[1]?.body).toContain('"name":"unnamed"');
  });
});

describe('the key of idempotency', () => {
  test('is the same for every attempt of a turn, and another for every turn and session', async () => {
    await open(
      { text: 'one', faults: [{ kind: 'status', status: 500, times: 2 }] },
      { text: 'two' },
    );
    const request = await table.request(1);
    for (const attempt of [1, 2]) await thrownBy(table.activity()(request, scopeOf({ attempt })));
    await table.restart();
    await table.activity()(request, scopeOf({ attempt: 3 }));
    await table.call(2, { messages: [await table.prompt('go on')] });
    const keys = table.server.records.map(({ idempotencyKey }) => idempotencyKey);
    expect(keys).toEqual([1, 1, 1, 2].map((turn) => `${SESSION}/lead.${turn}`));
  });

  test('goes with the same bytes: an attempt asks for what the one before it asked', async () => {
    await open({ text: 'one', faults: [{ kind: 'cut', times: 2 }] });
    const request = await table.request(1, { notices: ['careful'] });
    for (const attempt of [1, 2]) {
      await thrownBy(table.activity()(request, scopeOf({ attempt })));
      await table.restart();
    }
    await table.activity()(request, scopeOf({ attempt: 3 }));
    expect(new Set(table.server.records.map(({ body }) => body)).size).toBe(1);
  });
});

describe('waits', () => {
  test('of nothing that a server asks for again and again grow all the same', async () => {
    const fault = { kind: 'status', status: 429, retryAfter: 0, times: 99 } as const;
    await open({ faults: [fault] });
    const request = await table.request(1);
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt += 1) {
      const failed = await thrownBy(table.activity()(request, scopeOf({ attempt })));
      waits.push(failed.nextRetryDelay ?? NaN);
    }
    expect(waits[0]).toBe(100);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(waits.reduce((sum, wait) => sum + wait)).toBeGreaterThan(30_000);
  });

  test.each([
    ['a day at most', 99_999_999_999_000, 24 * 3600 * 1000],
    ['a day at most, for ever', Infinity, 24 * 3600 * 1000],
    ['what was asked for, in whole ms', 1234.2, 1_235],
  ])('are %s', async (_what, asked, expected) => {
    await open();
    for (const failures of [1, 3]) expect(retryDelayMs(failures, asked, 's')).toBe(expected);
  });
});

describe('a list of models', () => {
  test('with models that have no name does not keep a refused session for ever', async () => {
    await open();
    table.server.setScript({ replies: [], models: [undefined, 'onex'] as string[] });
    const failed = await thrownBy(table.call(1));
    expect(failed).toMatchObject({ type: 'ModelUnknown', nonRetryable: true });
    expect(failed.message).toContain('mock/onex');
  });

  test('with names of a megabyte holds nothing up', async () => {
    await open();
    const models = [...Array.from({ length: 20 }, (_, n) => `${n}`.repeat(100_000)), 'onex'];
    table.server.setScript({ replies: [], models });
    const spentMs = await processorMs(async () =>
      expect((await thrownBy(table.call(1))).message).toContain('mock/onex'),
    );
    expect(spentMs).toBeLessThan(2_000);
  });
});

test('no key is in the store, whatever a server does with it', async () => {
  const echo = 'your key is sk-mock-key';
  const faults = [
    { kind: 'status', status: 500, body: { detail: echo } },
    { kind: 'error_event', body: { error: { message: echo } } },
    { kind: 'error_event', body: { object: 'error', message: echo } },
  ] as const;
  await open({ text: 'fine', faults });
  const request = await table.request(1);
  for (const attempt of [1, 2, 3]) {
    const failed = await thrownBy(table.activity()(request, scopeOf({ attempt })));
    expect(failed.message).toContain('your key is ***');
  }
  await table.activity()(request, scopeOf({ attempt: 4 }));
  await table.restart();
  const files = readdirSync(table.folder, { recursive: true, encoding: 'utf8' });
  const holding = files.filter((name) => {
    const file = join(table.folder, name);
    return /loomkin\.db/.test(name) && readFileSync(file).includes('sk-mock-key');
  });
  expect(holding).toEqual([]);
  expect((await sums()).costUsd).toBeCloseTo((1000 * PRICE.inputUsd + 50 * PRICE.outputUsd) / 1e6);
});
