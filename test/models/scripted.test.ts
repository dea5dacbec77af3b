/**
 * The scripted model: which reply, which fault, and what it makes of them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadScript } from '../../config/script-file.js';
import type { ModelMessage, ModelRequest } from '../../activities/models/provider.js';
import { makeScripted, type ScriptPosition } from '../../activities/models/scripted.js';
import { failureOf, requestOf } from './asking.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loomkin-scripted-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const providerOf = async (script: unknown, position: Partial<ScriptPosition> = {}) => {
  writeFileSync(join(folder, 'play.json'), JSON.stringify(script));
  return makeScripted(await loadScript('play', [folder]), {
    ...{ agent: 'lead', answers: 0, failures: 0, project: '/code/tree' },
    ...position,
  });
};

const lead = (...replies: unknown[]) => ({ agents: { lead: replies } });

const withResults = (...texts: string[]): Partial<ModelRequest> => {
  const calls = texts.map((_, index) => ({ id: `lead.1.${index}`, name: 'read', raw: '{}' }));
  const results = texts.map((text, index): ModelMessage => ({
    role: 'tool',
    callId: `lead.1.${index}`,
    text,
    isError: false,
  }));
  const early: ModelMessage = { role: 'tool', callId: 'lead.0.0', text: 'early', isError: false };
  return {
    messages: [early, { role: 'assistant', text: '', calls, native: null }, ...results],
  };
};

test('the n-th stored answer takes reply n, whoever counts', async () => {
  const script = lead({ text: 'first' }, { text: 'second' }, { text: 'third' });
  for (const [answers, text] of ['first', 'second', 'third'].entries()) {
    const provider = await providerOf(script, { answers });
    expect((await provider.answer(requestOf())).text).toBe(text);
    expect((await provider.answer(requestOf())).text).toBe(text);
  }
});

test('an agent without a list of its own plays "*"', async () => {
  const script = { agents: { lead: [{ text: 'lead' }], '*': [{ text: 'anybody' }] } };
  const provider = await providerOf(script, { agent: 'coder' });
  expect((await provider.answer(requestOf())).text).toBe('anybody');
});

test('${cwd} is the project, in texts and in inputs at any depth', async () => {
  const calls = [{ tool: 'shell', input: { command: 'cd ${cwd}', list: [{ path: '${cwd}/a' }] } }];
  const provider = await providerOf(lead({ text: 'in ${cwd}', calls }));
  const answer = await provider.answer(requestOf());
  expect(answer.text).toBe('in /code/tree');
  expect(answer.stopReason).toBe('tool_calls');
  expect(JSON.parse(answer.calls[0]?.raw ?? '')).toEqual({
    command: 'cd /code/tree',
    list: [{ path: '/code/tree/a' }],
  });
});

test('usage is that of the reply, else that of the script, else none', async () => {
  const usage = { input_tokens: 7, output_tokens: 3 };
  const script = { usage, ...lead({ text: 'a' }, { text: 'b', usage: { input_tokens: 1 } }) };
  const first = await (await providerOf(script)).answer(requestOf());
  const second = await (await providerOf(script, { answers: 1 })).answer(requestOf());
  const none = await (await providerOf(lead({ text: 'a' }))).answer(requestOf());
  expect(first.usage).toMatchObject(usage);
  expect(second.usage).toMatchObject({ input_tokens: 1, output_tokens: 0 });
  expect(none.usage).toBeNull();
});

test('text comes in parts, after its delay', async () => {
  const seen: string[] = [];
  const provider = await providerOf(lead({ text: 'one two three', delay_ms: 40, chunk_ms: 2 }));
  const startedAt = performance.now();
  await provider.answer(requestOf({ onText: (text) => seen.push(text) }));
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(39);
  expect(seen.length).toBeGreaterThan(1);
  expect(seen.join('')).toBe('one two three');
});

describe('a script that does not fit', () => {
  test('because it ended says which and where', async () => {
    const provider = await providerOf(lead({ text: 'only' }), { answers: 1 });
    const { error } = await failureOf(provider, requestOf());
    expect(error.kind).toBe('script');
    expect(error.message).toBe(
      'script play ends after 1 replies, and agent lead asked for reply 2',
    );
  });

  test('because it has nothing for the agent says so', async () => {
    const { error } = await failureOf(
      await providerOf(lead({ text: 'a' }), { agent: 'coder' }),
      requestOf(),
    );
    expect(error.message).toContain('no replies for agent coder');
  });

  test('because the last results are not what it expects shows them', async () => {
    const provider = await providerOf(lead({ text: 'a', expect: 'all [0-9]+ passed' }));
    const { error } = await failureOf(provider, requestOf(withResults('2 failed')));
    expect(error.kind).toBe('script');
    expect(error.message).toContain('script play, agent lead, reply 1');
    expect(error.message).toContain('/all [0-9]+ passed/');
    expect(error.message).toContain('2 failed');
  });
});

test('expect looks at the results since the last answer, and only at them', async () => {
  const provider = await providerOf(lead({ text: 'fine', expect: 'one.*two' }));
  expect((await provider.answer(requestOf(withResults('one', 'two')))).text).toBe('fine');
  const early = await providerOf(lead({ text: 'fine', expect: 'early' }));
  expect((await failureOf(early, requestOf(withResults('one')))).error.kind).toBe('script');
});

describe('a fault', () => {
  const faulty = (...faults: unknown[]) =>
    lead({ text: 'one two three', calls: [{ tool: 'read', input: { path: 'a' } }], faults });

  test.each([
    [429, '429'],
    [500, '500'],
    [503, '503'],
    [529, '529'],
    ['reset', 'connection reset'],
    ['cut', 'cut stream'],
  ])('of kind %s is unavailable, told as %s', async (kind, reason) => {
    const provider = await providerOf(faulty({ kind, retry_after_s: 2 }));
    const { error } = await failureOf(provider, requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason });
    expect(error.retryAfterMs).toBe(typeof kind === 'number' ? 2000 : null);
  });

  test('hits the first attempts of its turn, one after the other, and then no more', async () => {
    const script = faulty({ kind: 429, times: 2 }, { kind: 'cut' });
    const reasons: string[] = [];
    for (const failures of [0, 1, 2])
      reasons.push(
        (await failureOf(await providerOf(script, { failures }), requestOf())).error.reason,
      );
    expect(reasons).toEqual(['429', '429', 'cut stream']);
    const answer = await (await providerOf(script, { failures: 3 })).answer(requestOf());
    expect(answer.text).toBe('one two three');
  });

  test('that cuts has shown some text', async () => {
    const seen: string[] = [];
    const provider = await providerOf(faulty({ kind: 'cut' }));
    await failureOf(provider, requestOf({ onText: (text) => seen.push(text) }));
    expect('one two three'.startsWith(seen.join(''))).toBe(true);
    expect(seen.join('')).not.toBe('');
  });

  test('that hangs is a stall', async () => {
    const provider = await providerOf(faulty({ kind: 'hang' }));
    const { error, tookMs } = await failureOf(provider, requestOf({ stallMs: 60 }));
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'stall' });
    expect(tookMs).toBeGreaterThanOrEqual(59);
  });

  test('that overflows is a rejection', async () => {
    const { error } = await failureOf(await providerOf(faulty({ kind: 'overflow' })), requestOf());
    expect(error).toMatchObject({ kind: 'rejected', reason: 'context overflow' });
  });

  test('that is malformed breaks the arguments and nothing else', async () => {
    const answer = await (await providerOf(faulty({ kind: 'malformed' }))).answer(requestOf());
    expect(answer.text).toBe('one two three');
    expect(answer.calls).toEqual([{ name: 'read', raw: '{"path":"a"' }]);
  });

  test('that is empty is an empty answer, one that refuses has words', async () => {
    const empty = await (await providerOf(faulty({ kind: 'empty' }))).answer(requestOf());
    const refusal = await (await providerOf(faulty({ kind: 'refusal' }))).answer(requestOf());
    expect(empty).toMatchObject({ text: '', calls: [] });
    expect(refusal).toMatchObject({ calls: [], stopReason: 'refusal' });
    expect(refusal.text).not.toBe('');
  });
});

test.each([{ delay_ms: 5_000 }, { chunk_ms: 5_000 }, { faults: [{ kind: 'hang' }] }])(
  'an interrupt during %j ends it at once',
  async (change) => {
    const provider = await providerOf(lead({ text: 'one two', ...change }));
    const { error, tookMs } = await failureOf(
      provider,
      requestOf({ signal: AbortSignal.timeout(30) }),
    );
    expect(error.kind).toBe('aborted');
    expect(tookMs).toBeLessThan(230);
  },
);
