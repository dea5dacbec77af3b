/**
 * Streams as real servers send them: what differs between providers must not differ in the answer.
 */
import { makeOpenaiChat } from '../../activities/models/openai-chat.js';
import type { ModelAnswer } from '../../activities/models/provider.js';
import { startChatServer, type ChatServer } from '../support/chat-server.js';
import { failureOf, requestOf } from './asking.js';
import { call, delta, DONE, OPENAI_USAGE, STREAM_CASES, type StreamCase } from './stream-cases.js';

let server: ChatServer;
beforeAll(async () => {
  server = await startChatServer({ replies: [] });
});
afterAll(() => server.close());

const provider = () =>
  makeOpenaiChat({ name: 'mock', baseUrl: server.baseUrl, headers: {}, key: null, env: {} });

const play = (raw: readonly string[], contentType = 'text/event-stream'): Promise<ModelAnswer> => {
  server.setScript({ replies: [{ raw, contentType }] });
  return provider().answer(requestOf());
};

describe('a stream', () => {
  test.each(STREAM_CASES)(
    '$name',
    async ({ raw, text = '', calls = [], stop, usage, thinking = '' }) => {
      const answer = await play(raw);
      expect(answer.text).toBe(text);
      expect(answer.calls.map(({ name, raw: sent }) => [name, sent])).toEqual(calls);
      expect(answer.thinking).toBe(thinking);
      expect(answer.stopReason).toBe(stop);
      if (usage === null) expect(answer.usage).toBeNull();
      if (usage)
        expect(answer.usage).toMatchObject({
          input_tokens: usage[0],
          cache_read_input_tokens: usage[1],
          output_tokens: usage[2],
        });
    },
  );

  test('gives the same answer however its bytes are split', async () => {
    const { raw } = STREAM_CASES[0] as StreamCase;
    const bytes = raw.join('');
    const parts = bytes.match(/[\s\S]{1,7}/g) ?? [];
    server.setScript({ replies: [{ raw: parts, chunkMs: 1 }] });
    const split = await provider().answer(requestOf());
    expect(split).toEqual(await play(raw));
  });

  test('of one JSON document, from a server that does not stream, is an answer as well', async () => {
    const document = {
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            content: 'I look.',
            tool_calls: [
              { id: 'a', type: 'function', function: { name: 'read', arguments: '{}' } },
            ],
          },
        },
      ],
      usage: OPENAI_USAGE,
    };
    const answer = await play([JSON.stringify(document, null, 2)], 'application/json');
    expect(answer).toMatchObject({
      text: 'I look.',
      calls: [{ name: 'read', raw: '{}' }],
      usage: { input_tokens: 20 },
    });
  });
});

describe('a stream that is no answer', () => {
  test.each([
    ['cut after a word', [delta({ content: 'half' })], 'cut stream'],
    ['cut inside a call', [call({ index: 0, id: 'a' }, 'write', '{"pa')], 'cut stream'],
    ['empty', [''], 'cut stream'],
    ['a web page', ['<html>log in</html>'], 'cut stream'],
    ['broken JSON', ['data: {"choices": [\n\n'], 'provider error'],
    ['broken off by the provider', [delta({ content: 'a' }, 'error'), DONE], 'provider error'],
  ])('is unavailable when it is %s', async (_name, raw, reason) => {
    server.setScript({ replies: [{ raw }] });
    const { error } = await failureOf(provider(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason });
  });

  test('because of a filter is rejected: asking again gives the same', async () => {
    server.setScript({ replies: [{ raw: [delta({}, 'content_filter'), DONE] }] });
    const { error } = await failureOf(provider(), requestOf());
    expect(error).toMatchObject({ kind: 'rejected', reason: 'content filter' });
  });
});
