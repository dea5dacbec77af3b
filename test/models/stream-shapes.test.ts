/**
 * Streams that no document describes: calls, choices, bills and frames in shapes that servers send all
 * the same.
 */
import { gzipSync } from 'node:zlib';

import { warmUp } from '../../activities/models/openai-client.js';
import type { ModelAnswer } from '../../activities/models/provider.js';
import { failureOf, requestOf } from './asking.js';
import { sending, startByteServer, type ByteServer } from './byte-server.js';
import { call, delta, DONE, event } from './stream-cases.js';
import { processorMs } from '../support/processor-time.js';

let server: ByteServer;
beforeAll(async () => {
  await warmUp();
  server = await startByteServer();
});
afterAll(() => server.close());

const play = (body: string | Buffer, contentType?: string): Promise<ModelAnswer> => {
  server.answering = sending(body, contentType);
  return server.provider().answer(requestOf());
};
const failed = async (body: string | Buffer, contentType?: string) => {
  server.answering = sending(body, contentType);
  return (await failureOf(server.provider(), requestOf())).error;
};
const calls = (tool_calls: unknown, finish: string | null = null): string =>
  delta({ tool_calls }, finish);
const stop = delta({}, 'stop') + DONE;

describe('calls', () => {
  const CASES: readonly (readonly [string, string, readonly (readonly [string, string])[]])[] = [
    [
      'with arguments of null',
      calls([{ index: 0, id: 'a', function: { name: 'f', arguments: null } }]),
      [['f', '']],
    ],
    ['without any arguments', calls([{ index: 0, id: 'a', function: { name: 'f' } }]), [['f', '']]],
    [
      'with arguments that are encoded twice are kept word for word',
      call({ index: 0, id: 'a' }, 'f', '"{\\"path\\":\\"a\\"}"'),
      [['f', '"{\\"path\\":\\"a\\"}"']],
    ],
    [
      'with a list as arguments',
      calls([{ id: 'a', function: { name: 'f', arguments: [1] } }]),
      [['f', '[1]']],
    ],
    ['without a function', calls([{ index: 0, id: 'a', type: 'function' }]), [['', '']]],
    ['with a function of null', calls([{ index: 0, id: 'a', function: null }]), [['', '']]],
    [
      'with a name that is a number',
      calls([{ index: 0, id: 'a', function: { name: 7, arguments: '{}' } }]),
      [['', '{}']],
    ],
    ['of null, empty ones and a text are none', calls([null, {}, { index: 3 }, 'f']), []],
    ['that are no list are none', calls({ name: 'f' }), []],
    [
      'whose name comes after their arguments',
      call({ index: 0, id: 'a' }, undefined, '{}') + call({ index: 0 }, 'f', ''),
      [['f', '{}']],
    ],
    [
      'whose indexes have gaps and come backwards keep the order in which they began',
      call({ index: 7, id: 'a' }, 'f', '{}') + call({ index: 2, id: 'b' }, 'g', '{}'),
      [
        ['f', '{}'],
        ['g', '{}'],
      ],
    ],
    [
      'whose ids come late, each with its index',
      call({ index: 0 }, 'f', '{"a":') +
        call({ index: 1 }, 'g', '{"b":') +
        call({ index: 0, id: 'x' }, undefined, '1}') +
        call({ index: 1, id: 'y' }, undefined, '2}'),
      [
        ['f', '{"a":1}'],
        ['g', '{"b":2}'],
      ],
    ],
    [
      'of which one fragment holds pieces of both',
      call({ index: 0, id: 'x' }, 'f', '') +
        call({ index: 1, id: 'y' }, 'g', '') +
        calls([
          { index: 1, function: { arguments: '{"b":2}' } },
          { index: 0, function: { arguments: '{"a":1}' } },
        ]),
      [
        ['f', '{"a":1}'],
        ['g', '{"b":2}'],
      ],
    ],
    [
      'split in the middle of an escape',
      call({ index: 0, id: 'x' }, 'f', '{"a":"\\') + call({ index: 0 }, undefined, 'u00fc"}'),
      [['f', '{"a":"\\u00fc"}']],
    ],
    [
      'split in the middle of a pair of surrogates',
      call({ index: 0, id: 'x' }, 'f', '{"a":"\ud83d') + call({ index: 0 }, undefined, '\ude00"}'),
      [['f', '{"a":"😀"}']],
    ],
  ];
  test.each(CASES)('%s', async (_name, frames, expected) => {
    const answer = await play(delta({ content: 'I look.' }) + frames + stop);
    expect(answer.calls.map(({ name, raw }) => [name, raw])).toEqual(expected);
    expect(answer.text).toBe('I look.');
    const native = answer.native as {
      tool_calls?: { id: string; function: { arguments: string } }[];
    };
    // What is sent back is what a strict server takes: an id each, and an object for arguments.
    const sent = native.tool_calls ?? [];
    expect(new Set(sent.map(({ id }) => id)).size).toBe(expected.length);
    for (const { function: made } of sent) expect(typeof JSON.parse(made.arguments)).toBe('object');
  });
});

describe('text', () => {
  const CASES: readonly (readonly [string, string, string])[] = [
    [
      'of a second choice is another answer',
      event({
        choices: [
          { index: 1, delta: { content: 'B' } },
          { index: 0, delta: { content: 'A' } },
        ],
      }) +
        event({ choices: [{ index: 0, delta: { content: 'a' } }] }) +
        event({ choices: [{ index: 1, delta: { content: 'b' }, finish_reason: 'stop' }] }),
      'Bb',
    ],
    [
      'of choices that each have a chunk of their own is that of the first',
      event({ choices: [{ index: 0, delta: { content: 'A' } }] }) +
        event({ choices: [{ index: 1, delta: { content: 'B' } }] }) +
        event({ choices: [{ delta: { content: 'a' }, finish_reason: 'stop' }] }),
      'Aa',
    ],
    [
      'in parts without a type we know is left out',
      delta({ content: [{ type: 'image' }, 'x', null] }) + delta({ content: 'a' }),
      'a',
    ],
    [
      'of null, numbers and objects is none',
      delta({ content: 5 }) + delta({ content: {} }) + delta({ content: 'a' }),
      'a',
    ],
    ['beside a refusal wins over it', delta({ content: 'a', refusal: 'no' }), 'a'],
    [
      'split in the middle of a pair of surrogates',
      delta({ content: '\ud83d' }) + delta({ content: '\ude00' }),
      '😀',
    ],
    ['with NUL, separators and quotes', delta({ content: '\u0000\u2028"\\' }), '\u0000\u2028"\\'],
    [
      'after a chunk of null and one of a number',
      'data: null\n\ndata: 7\n\ndata: []\n\n' + delta({ content: 'a' }),
      'a',
    ],
  ];
  test.each(CASES)('%s', async (_name, frames, text) => {
    expect((await play(frames + stop)).text).toBe(text);
  });

  test('with half a character goes back whole, since a server would refuse it for ever', async () => {
    const { native } = await play(delta({ content: 'a\ud83d' }) + stop);
    expect((native as { content: string }).content).toBe('a\ufffd');
  });

  test.each([[5], [true], [''], [{}]])('finish reason %j is none', async (reason) => {
    const frames = event({ choices: [{ delta: { content: 'a' }, finish_reason: reason }] });
    expect((await play(frames + DONE)).stopReason).toBeNull();
    expect(await failed(frames)).toMatchObject({ reason: 'cut stream' });
  });
});

describe('a bill', () => {
  const billed = (usage: unknown): string =>
    delta({ content: 'a' }, 'stop') + event({ choices: [], usage }) + DONE;
  test.each([
    ['below zero', { prompt_tokens: -5, completion_tokens: 10 }],
    ['beyond any request', { prompt_tokens: 10, completion_tokens: 1e300 }],
    ['of texts', { prompt_tokens: '10', completion_tokens: '5' }],
    ['of nulls', { prompt_tokens: null, completion_tokens: null }],
    ['that is a text', 'ten'],
    ['that is a list', [10, 5]],
    ['that is empty', {}],
  ])('%s is none: it is estimated by us', async (_name, usage) => {
    expect((await play(billed(usage))).usage).toBeNull();
  });

  test('with more from the cache than was asked has no input below zero', async () => {
    const details = { cached_tokens: 50, cache_write_tokens: 3 };
    const { usage } = await play(
      billed({ prompt_tokens: 10, completion_tokens: 2, prompt_tokens_details: details }),
    );
    expect(usage).toEqual({
      input_tokens: 0,
      output_tokens: 2,
      cache_creation_input_tokens: 3,
      cache_read_input_tokens: 50,
    });
  });

  test('that came first stays when later ones are empty', async () => {
    const usage = { prompt_tokens: 10, completion_tokens: 2 };
    const first = event({ choices: [{ delta: { content: 'a' } }], usage });
    const { usage: told } = await play(first + event({ choices: [], usage: null }) + stop);
    expect(told).toMatchObject({ input_tokens: 10, output_tokens: 2 });
  });
});

describe('frames', () => {
  const chunk = '{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}';
  const twoLines = '{"choices":[{"delta":\ndata: {"content":"a"},"finish_reason":"stop"}]}';
  test.each([
    ['after a byte order mark', `\ufeffdata: ${chunk}\n\n${DONE}`],
    ['after comments and empty lines', `\n\n: hi\n\n:\n\ndata: ${chunk}\n\n: bye\n\n${DONE}`],
    ['with ids and retries', `id: 1\nretry: 10\ndata: ${chunk}\n\n${DONE}`],
    ['of two data lines', `data: ${twoLines}\n\n${DONE}`],
    ['of CR alone', `data: ${chunk}\r\rdata: [DONE]\r\r`],
    ['of CRLF and LF mixed', `data: ${chunk}\r\n\ndata: [DONE]\n\r\n`],
    ['with an end mark and no line end', `data: ${chunk}\n\ndata: [DONE]`],
    ['with a comment behind the end mark', `data: ${chunk}\n\n${DONE}: bye\n\n`],
    ['of another type', `data: ${chunk}\n\n${DONE}`, 'application/octet-stream'],
    ['that are one document with a loud type', chunk, 'Application/JSON; charset=utf-8'],
  ] as [string, string, string?][])('%s are an answer', async (...[, body, contentType]) => {
    expect(await play(body, contentType)).toMatchObject({ text: 'a', stopReason: 'stop' });
  });

  test('packed by gzip are an answer', async () => {
    const body = gzipSync(`data: ${chunk}\n\n${DONE}`);
    server.answering = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      response.end(body);
    };
    expect((await server.provider().answer(requestOf())).text).toBe('a');
  });

  test('of 5 MB are an answer, at once', async () => {
    const text = 'x€'.repeat(1_250_000);
    const spentMs = await processorMs(async () =>
      expect((await play(delta({ content: text }, 'stop') + DONE)).text === text).toBe(true),
    );
    expect(spentMs).toBeLessThan(4_000);
  });

  test('a document of blanks without end holds nothing up', async () => {
    const document = `{"choices":[${' '.repeat(300_000)}${chunk.slice(12)}`;
    const spentMs = await processorMs(async () =>
      expect((await play(document, 'application/json')).text).toBe('a'),
    );
    expect(spentMs).toBeLessThan(2_000);
  });

  test('without end are given up, even when every one of them says that it was the last', async () => {
    const parts = delta({ content: 'x'.repeat(1_000_000) }, 'stop');
    server.answering = async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const more = (): void => {
        while (!response.destroyed && response.write(parts));
      };
      response.on('drain', more);
      more();
      await Promise.resolve();
    };
    const { error } = await failureOf(server.provider(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'endless answer' });
  });
});

describe('what is no answer, with status 200', () => {
  test.each([
    [
      'an error as a document',
      '{"error":{"message":"overloaded","code":529}}',
      'application/json',
      '529',
    ],
    ['an error as a text', '{"error":"overloaded"}', 'application/json', 'provider error'],
    ['a web page', '<html>log in</html>', 'text/html; charset=utf-8', 'no answer'],
    ['nothing', '', 'text/event-stream', 'cut stream'],
    ['half a document', '{"choices":[{"mess', 'application/json', 'provider error'],
    [
      'an error in the stream, in the old shape, and an end mark',
      `${delta({ content: 'half' })}data: {"object":"error","message":"out of memory","code":500}\n\n${DONE}`,
      'text/event-stream',
      '500',
    ],
  ])('%s is unavailable', async (_name, body, contentType, reason) => {
    expect(await failed(body, contentType)).toMatchObject({ kind: 'unavailable', reason });
  });

  test('a window that is too small, told in the stream in the old shape, is a rejection', async () => {
    const words = "This model's maximum context length is 4096 tokens";
    const told = { object: 'error', message: words, type: 'BadRequestError', code: 400 };
    expect(await failed(event(told) + DONE)).toMatchObject({
      kind: 'rejected',
      reason: 'context overflow',
    });
  });
});
