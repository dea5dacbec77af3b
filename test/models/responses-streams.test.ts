/**
 * Streams as real Responses servers send them: what differs between servers must not differ in the answer.
 */
import { warmUp } from '../../activities/models/openai-client.js';
import { makeOpenaiResponses } from '../../activities/models/openai-responses.js';
import { AnswerBuilder } from '../../activities/models/responses/answer.js';
import type { ModelAnswer } from '../../activities/models/provider.js';
import {
  call,
  created,
  ended,
  eventsOf,
  finalOf,
  frame,
  framesOf,
  itemEvents,
  message,
  reasoning,
  type ResponsesReply,
} from '../support/responses-events.js';
import { processorMs } from '../support/processor-time.js';
import { startResponsesServer, type ResponsesServer } from '../support/responses-server.js';
import { failureOf, requestOf } from './asking.js';
import { RESPONSES_CASES } from './responses-cases.js';

let server: ResponsesServer;
beforeAll(async () => {
  server = await startResponsesServer();
  await warmUp();
});
afterAll(() => server.close());

const provider = () =>
  makeOpenaiResponses({ name: 'mock', baseUrl: server.baseUrl, headers: {}, key: null, env: {} });

const play = async (reply: ResponsesReply) => {
  server.setScript({ replies: [reply] });
  let told = '';
  const answer = await provider().answer(requestOf({ onText: (text) => void (told += text) }));
  return { ...answer, told };
};

const unplayable = async (reply: ResponsesReply) => {
  server.setScript({ replies: [reply] });
  return (await failureOf(provider(), requestOf())).error;
};

const countsOf = ({ usage }: ModelAnswer): readonly number[] | null =>
  usage && [usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens];

const HELLO = message('m', 'Hello there.');

describe('a stream', () => {
  test.each(RESPONSES_CASES)('$name', async (expected) => {
    const { raw, text = '', calls = [], thinking = '', stop, usage = [400, 600, 50] } = expected;
    const answer = await play({ raw });
    expect(answer).toMatchObject({ text, thinking, stopReason: stop, told: expected.told ?? text });
    expect(answer.calls.map(({ name, raw: sent }) => [name, sent])).toEqual(calls);
    expect(countsOf(answer)).toEqual(usage);
  });

  const tooMuch = { cached_tokens: 9 };
  test.each<[string, unknown, readonly number[] | null]>([
    ['missing', null, null],
    ['without details', { input_tokens: 5, output_tokens: 6 }, [5, 0, 6]],
    ['of nothing', { input_tokens: 0, output_tokens: 0 }, null],
    ['below zero', { input_tokens: -5, output_tokens: 6 }, null],
    ['beyond any number', { input_tokens: 5, output_tokens: 1e300 }, null],
    ['in words', { input_tokens: '5', output_tokens: 6 }, null],
    [
      'with more from the cache than there was',
      { input_tokens: 5, output_tokens: 6, input_tokens_details: tooMuch },
      [0, 9, 6],
    ],
  ])('is an answer whose bill is %s', async (_what, usage, counted) => {
    const answer = await play({ output: [HELLO], usage });
    expect(answer.text).toBe('Hello there.');
    expect(countsOf(answer)).toEqual(counted);
  });

  test('gives the same answer however its bytes are split', async () => {
    const output = [
      reasoning('rs', 'grün 😀'),
      message('m', 'grün 😀'),
      call('c', 'read', '{"p":"ü"}'),
    ];
    const whole = await play({ output });
    const bytes = eventsOf({ output }).join('');
    const parts = bytes.match(/[\s\S]{1,97}/g) ?? [];
    expect(await play({ raw: parts, chunkMs: 1 })).toEqual(whole);
    expect(whole).toMatchObject({ text: 'grün 😀', calls: [{ raw: '{"p":"ü"}' }] });
  });

  test('is put together in time however many items a server begins', async () => {
    const builder = new AnswerBuilder();
    const begin = (n: number) =>
      builder.add({ ...itemEvents(message(`m${n}`, 'x'), n % 2 === 0 ? 0 : n)[0] });
    const numbers = Array.from({ length: 40_000 }, (_, n) => n);
    expect(await processorMs(() => numbers.forEach(begin))).toBeLessThan(2_000);
  });
});

describe('a document from a server that does not stream', () => {
  const documentOf = (reply: ResponsesReply): ResponsesReply => ({
    raw: [JSON.stringify(finalOf(reply), null, 2)],
    contentType: 'application/json; charset=utf-8',
  });

  test.each<[string, ResponsesReply, Partial<ModelAnswer>]>([
    [
      'is an answer as well',
      { output: [reasoning('rs', 'hm'), message('m', 'two\nlines'), call('c', 'read', '{}')] },
      { text: 'two\nlines', thinking: 'hm', calls: [{ name: 'read', raw: '{}' }] },
    ],
    [
      'says when it is incomplete',
      { output: [message('m', 'half')], incomplete: 'max_output_tokens' },
      { text: 'half', stopReason: 'length' },
    ],
  ])('%s', async (_name, reply, expected) => {
    const answer = await play(documentOf(reply));
    expect(answer).toMatchObject({
      ...expected,
      told: expected.text,
      usage: { output_tokens: 50 },
    });
  });

  test.each<[string, string, string, string]>([
    [
      'that failed',
      JSON.stringify(finalOf({ error: { code: 'server_error', message: 'x' } })),
      'unavailable',
      '500',
    ],
    ['of an error', '{"error":{"code":"rate_limit_exceeded","message":"x"}}', 'unavailable', '429'],
    ['of an error in one word', '{"error":"overheated"}', 'unavailable', 'provider error'],
    [
      'of another API',
      '{"object":"chat.completion","choices":[]}',
      'unavailable',
      'provider error',
    ],
    ['that is no JSON', 'oops', 'unavailable', 'provider error'],
    ['of nothing', 'null', 'unavailable', 'provider error'],
  ])('%s is no answer', async (_name, body, kind, reason) => {
    const error = await unplayable({ raw: [body], contentType: 'application/json' });
    expect(error).toMatchObject({ kind, reason });
  });
});

describe('a stream that is no answer', () => {
  const half = framesOf([created(), ...itemEvents(HELLO, 0)]);
  test.each<[string, readonly string[], string]>([
    ['cut behind a whole item', half, 'cut stream'],
    [
      'cut behind a whole item, with the end mark of another API',
      [...half, 'data: [DONE]\n\n'],
      'cut stream',
    ],
    [
      'cut inside its last event',
      [...half, frame(ended({ output: [HELLO] })).slice(0, -40)],
      'cut stream',
    ],
    ['empty', [''], 'cut stream'],
    ['a web page by its bytes', ['<html>log in</html>'], 'cut stream'],
    ['broken JSON', [...half, 'data: {"type": \n\n'], 'provider error'],
    [
      'of another API',
      ['data: {"choices":[{"delta":{"content":"x"}}]}\n\ndata: [DONE]\n\n'],
      'cut stream',
    ],
  ])('is unavailable when it is %s', async (_name, raw, reason) => {
    expect(await unplayable({ raw })).toMatchObject({ kind: 'unavailable', reason });
  });

  test('is told as a page when it says that it is one', async () => {
    const error = await unplayable({ raw: ['<html>log in</html>'], contentType: 'text/html' });
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'no answer' });
    expect(error.message).toContain('base_url');
  });

  test.each<[string, ResponsesReply]>([
    ['a filter stopped it before its first word', { output: [], incomplete: 'content_filter' }],
    [
      'the model refused without a word',
      { output: [message('m', '', { content: [{ type: 'refusal', refusal: '' }] })] },
    ],
  ])('is rejected when %s: asking again gives the same', async (_name, reply) => {
    expect(await unplayable(reply)).toMatchObject({ kind: 'rejected', reason: 'content filter' });
  });
});
