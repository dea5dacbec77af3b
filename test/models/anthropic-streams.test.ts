/**
 * Messages streams as real servers send them: what differs between servers must not differ in the answer.
 */
import { gzipSync } from 'node:zlib';

import { makeAnthropicMessages } from '../../activities/models/anthropic-messages.js';
import type { ModelAnswer } from '../../activities/models/provider.js';
import { processorMs } from '../support/processor-time.js';
import { sse } from '../support/anthropic-server.js';
import {
  begin,
  called,
  END,
  json,
  DOCUMENTED_CASES,
  open,
  opened,
  piece,
  said,
  stop,
  thought,
} from './anthropic-cases.js';
import { IMITATED_CASES } from './anthropic-imitations.js';
import { failureOf, requestOf } from './asking.js';
import { sending, startByteServer, type ByteServer } from './byte-server.js';

let server: ByteServer;
beforeAll(async () => {
  server = await startByteServer();
});
afterAll(() => server.close());

const provider = () =>
  makeAnthropicMessages({ name: 'mock', baseUrl: server.origin, headers: {}, key: 'k', env: {} });
const play = (body: string | Buffer, contentType?: string): Promise<ModelAnswer> => {
  server.answering = sending(body, contentType);
  return provider().answer(requestOf());
};
const failed = async (body: string | Buffer, contentType?: string) => {
  server.answering = sending(body, contentType);
  return (await failureOf(provider(), requestOf())).error;
};
const contentOf = ({ native }: ModelAnswer) =>
  (native as { content: Record<string, unknown>[] }).content;

describe('a stream', () => {
  test.each([...DOCUMENTED_CASES, ...IMITATED_CASES])('$name', async (expected) => {
    const { raw, text = '', thinking = '', calls = [], usage, content } = expected;
    const seen: string[] = [];
    server.answering = sending(raw);
    const answer = await provider().answer(requestOf({ onText: (delta) => seen.push(delta) }));
    expect(answer.text).toBe(text);
    expect(seen.join('')).toBe(text);
    expect(answer.thinking).toBe(thinking);
    expect(answer.calls.map(({ name, raw: sent }) => [name, sent])).toEqual(calls);
    expect(answer.stopReason).toBe(expected.stop);
    if (content) expect(contentOf(answer)).toEqual(content);
    if (usage === null) expect(answer.usage).toBeNull();
    if (!usage) return;
    const [input_tokens, cache_creation_input_tokens, cache_read_input_tokens, output_tokens] =
      usage;
    const cached = { cache_creation_input_tokens, cache_read_input_tokens };
    expect(answer.usage).toEqual({ input_tokens, output_tokens, ...cached });
  });

  test('gives the same answer however its bytes are split', async () => {
    const raw = DOCUMENTED_CASES.find(({ name }) => name.startsWith('parallel'))!.raw;
    const bytes = Buffer.from(raw.replaceAll('and b', 'ünd 😀'));
    const whole = await play(bytes);
    for (const size of [1, 3, 11]) {
      server.answering = async (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (let from = 0; from < bytes.length; from += size) {
          response.write(bytes.subarray(from, from + size));
          if (from % 500 === 0) await new Promise(setImmediate);
        }
        response.end();
      };
      expect(await provider().answer(requestOf())).toEqual(whole);
    }
    expect(whole.thinking).toBe('ünd 😀');
  });

  test('packed by gzip is an answer', async () => {
    server.answering = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      response.end(gzipSync(begin() + said(0, 'a') + stop('end_turn') + END));
    };
    expect((await provider().answer(requestOf())).text).toBe('a');
  });

  test('of 5 MB in 50,000 pieces is an answer, at once', async () => {
    const part = piece(0, { type: 'text_delta', text: 'x€'.repeat(50) });
    const raw = `${begin()}${open(0, { type: 'text', text: '' })}${part.repeat(50_000)}${stop('end_turn')}${END}`;
    const spentMs = await processorMs(async () =>
      expect((await play(raw)).text).toHaveLength(5_000_000),
    );
    expect(spentMs).toBeLessThan(6_000);
  });

  test('keeps events that it does not know, but not a flood of them', async () => {
    const mood = { mood: 'good' };
    const raw = begin() + sse('mood', mood).repeat(1_000) + said(0, 'a') + stop('end_turn') + END;
    const { unknown } = (await play(raw)).native as { unknown: unknown[] };
    expect(unknown).toHaveLength(20);
    expect(unknown[0]).toEqual({ type: 'mood', ...mood });
  });
});

describe('arguments', () => {
  test.each([
    ['that are no JSON', ['{path: ', "'a'}"], "{path: 'a'}", {}],
    ['that are a list', ['["a"', ']'], '["a"]', {}],
    ['that are a text', ['"a"'], '"a"', {}],
    [
      'with blanks and a number that JSON would round',
      ['{ "n" : 12345678901234567890 }'],
      '{ "n" : 12345678901234567890 }',
      { n: 12345678901234567000 },
    ],
    ['split inside an escape', ['{"a":"\\', 'u00fc"}'], '{"a":"\\u00fc"}', { a: 'ü' }],
    ['split inside a pair of surrogates', ['{"a":"\ud83d', '\ude00"}'], '{"a":"😀"}', { a: '😀' }],
    [
      'deeper than any tool asks for',
      ['{"a":'.repeat(200), '1', '}'.repeat(200)],
      `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`,
      {},
    ],
  ] as [string, readonly string[], string, unknown][])(
    '%s stay word for word, and go back as an object',
    async (_name, pieces, raw, input) => {
      const answer = await play(
        begin() + called(0, 'toolu_a', 'read', ...pieces) + stop('tool_use') + END,
      );
      expect(answer.calls).toEqual([{ name: 'read', raw }]);
      expect(contentOf(answer)[0]?.['input']).toEqual(input);
    },
  );

  test.each([
    ['missing', ['', '']],
    ['used twice', ['x', 'x']],
  ])('have ids of ours when those of the server are %s', async (_name, [first, second]) => {
    const raw = called(0, first!, 'a') + called(1, second!, 'b');
    const answer = await play(begin() + said(9, 'a') + raw + stop('tool_use') + END);
    const ids = contentOf(answer).flatMap(({ id }) => (id === undefined ? [] : [String(id)]));
    expect(ids).toEqual(
      [0, 1].map((n) => expect.stringMatching(`^call_[0-9a-f]{12}_${n}$`) as string),
    );
  });
});

describe('a bill', () => {
  test.each([
    ['below zero', { input_tokens: -5, output_tokens: 1 }, { output_tokens: 9 }],
    ['beyond any request', { input_tokens: 5, output_tokens: 1 }, { output_tokens: 1e300 }],
    ['of texts', { input_tokens: '5', output_tokens: '1' }, { output_tokens: 9 }],
    ['without the input', { output_tokens: 1 }, { output_tokens: 9 }],
    ['without the output at the end', { input_tokens: 5, output_tokens: 1 }, undefined],
    ['of null at the end', { input_tokens: 5, output_tokens: 1 }, null],
    ['of zeroes', { input_tokens: 0, output_tokens: 0 }, { output_tokens: 0 }],
    ['of nothing', undefined, {}],
  ])('%s is none: it is estimated by us', async (_name, first, last) => {
    const answer = await play(
      begin(first ?? null) + said(0, 'a') + stop('end_turn', last ?? null) + END,
    );
    expect(answer.usage).toBeNull();
  });
});

describe('a message as one document, from a server that does not stream', () => {
  const content = [
    { type: 'thinking', thinking: 'hm', signature: 's' },
    { type: 'text', text: 'I look.' },
    { type: 'tool_use', id: 'toolu_a', name: 'read', input: { path: 'a' } },
  ];
  const document = {
    ...{ id: 'msg_1', type: 'message', role: 'assistant', content },
    ...{ stop_reason: 'tool_use', usage: { input_tokens: 5, output_tokens: 7 } },
  };

  test('is an answer as well', async () => {
    const answer = await play(JSON.stringify(document, null, 2), 'application/json');
    expect(answer).toMatchObject({
      ...{ text: 'I look.', thinking: 'hm', stopReason: 'tool_use' },
      calls: [{ name: 'read', raw: '{"path":"a"}' }],
      usage: { input_tokens: 5, output_tokens: 7 },
    });
    expect(contentOf(answer)).toEqual(content);
  });

  test.each([
    ['an error', { type: 'error', error: { type: 'overloaded_error', message: 'busy' } }, '529'],
    ['an error of another family', { error: { message: 'busy', code: 503 } }, '503'],
    ['an error as a text', { error: 'busy' }, 'provider error'],
    ['something else', { choices: [] }, 'cut stream'],
  ])('is none when it is %s', async (_name, sent, reason) => {
    const error = await failed(JSON.stringify(sent), 'application/json');
    expect(error).toMatchObject({ kind: 'unavailable', reason });
  });
});

describe('what is no answer', () => {
  test.each([
    ['cut after a word', begin() + said(0, 'half'), 'cut stream'],
    ['cut inside a call', begin() + opened(0, 'a', 'write') + json(0, '{"pa'), 'cut stream'],
    ['empty', '', 'cut stream'],
    ['a page without a type', '<html>log in</html>', 'cut stream'],
    ['broken JSON', `${begin()}event: content_block_start\ndata: {"type": [\n\n`, 'provider error'],
    [
      'an error that is no JSON',
      `${begin()}event: error\ndata: upstream died\n\n`,
      'provider error',
    ],
    [
      'nested so deeply that it could not be stored',
      `${begin()}data: {"type":"content_block_start","content_block":${'['.repeat(1e5)}${']'.repeat(1e5)}}\n\n`,
      'provider error',
    ],
    [
      'an error behind half an answer, and an end mark',
      begin() +
        said(0, 'half') +
        sse('error', { error: { type: 'api_error', message: 'x' } }) +
        END,
      '500',
    ],
  ])('is unavailable when it is %s', async (_name, raw, reason) => {
    expect(await failed(raw)).toMatchObject({ kind: 'unavailable', reason });
  });

  test('is unavailable when it is a web page, and the address may be wrong', async () => {
    const error = await failed('<html>log in</html>', 'text/html; charset=utf-8');
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'no answer' });
    expect(error.message).toContain('base_url');
  });

  const refusal = { type: 'refusal', category: 'cyber', explanation: 'This could do harm.' };
  test.each([
    ['a filter', { stop_reason: 'refusal', stop_details: refusal }, 'content filter', 'do harm'],
    ['a filter without a word', { stop_reason: 'refusal' }, 'content filter', 'stopped the answer'],
    ['a full window', { stop_reason: 'model_context_window_exceeded' }, 'context overflow', 'room'],
    [
      'thinking up to the limit',
      { stop_reason: 'max_tokens' },
      'output limit',
      'output_tokens_max',
    ],
  ])(
    'because of %s is rejected: asking again gives the same',
    async (_name, delta, reason, words) => {
      const usage = { output_tokens: 9 };
      const thinking = thought(0, 'sig', 'hm');
      const error = await failed(begin() + thinking + sse('message_delta', { delta, usage }) + END);
      expect(error).toMatchObject({ kind: 'rejected', reason });
      expect(error.message).toContain(words);
    },
  );

  test('without end is given up, even when every part of it says that it was the last', async () => {
    const parts = said(0, 'x'.repeat(1_000_000)) + stop('end_turn') + END;
    server.answering = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const more = (): void => {
        while (!response.destroyed && response.write(parts));
      };
      response.on('drain', more);
      more();
    };
    const { error } = await failureOf(provider(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'endless answer' });
  });
});
