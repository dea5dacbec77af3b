/**
 * A server that says no: in the words and shapes of every family, with every kind of wait, from another
 * place, or not at all. The key stays with the server that it is for.
 */
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';

import { makeOpenaiChat } from '../../activities/models/openai-chat.js';
import { warmUp } from '../../activities/models/openai-client.js';
import { failureOf, requestOf } from './asking.js';
import { KEY, sending, startByteServer, type ByteServer } from './byte-server.js';
import { delta, DONE } from './stream-cases.js';

let server: ByteServer;
let other: ByteServer;
beforeAll(warmUp);
beforeEach(async () => {
  server = await startByteServer();
  other = await startByteServer(sending(delta({ content: 'elsewhere' }, 'stop') + DONE));
});
afterEach(() => Promise.all([server.close(), other.close()]));

const refused = async (body: unknown, status: number, headers: Record<string, string> = {}) => {
  server.answering = (response) => {
    response.writeHead(status, headers);
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  return (await failureOf(server.provider(), requestOf())).error;
};

describe('the reason of a refusal', () => {
  const WORDS = 'tools is not allowed here';
  const SHAPES: readonly (readonly [string, unknown])[] = [
    [
      'OpenAI',
      { error: { message: WORDS, type: 'invalid_request_error', param: null, code: null } },
    ],
    ['Gemini, a list', [{ error: { code: 400, message: WORDS, status: 'INVALID_ARGUMENT' } }]],
    ['vLLM, bare', { object: 'error', message: WORDS, type: 'BadRequestError', code: 400 }],
    ['FastAPI', { detail: WORDS }],
    ['FastAPI, a list', { detail: [{ loc: ['body', 'tools'], msg: WORDS }] }],
    ['Anthropic', { type: 'error', error: { type: 'invalid_request_error', message: WORDS } }],
    ['text generation inference', { error: WORDS, error_type: 'validation' }],
    ['a gateway', { message: WORDS, request_id: 'x' }],
    ['JSON:API', { errors: [{ title: WORDS }] }],
    ['a message that is an object', { error: { message: { text: WORDS } } }],
    ['a JSON text', JSON.stringify(WORDS)],
    ['plain text', WORDS],
    ['a web page', `<html><body><h1>400</h1>${WORDS}</body></html>`],
  ];
  test.each(SHAPES)('is told as %s sends it', async (_family, body) => {
    const error = await refused(body, 400);
    expect(error).toMatchObject({ kind: 'rejected', reason: '400' });
    expect(error.message).toContain(WORDS);
    expect(error.message).toContain(server.baseUrl);
  });

  test.each([[''], ['null'], ['[]'], ['{}'], ['{"error":null}']])(
    'is its status when the body is %j',
    async (body) => {
      const error = await refused(body, 422);
      expect(error).toMatchObject({ kind: 'rejected', reason: '422' });
      expect(error.message).toContain('422');
    },
  );

  test.each([
    [
      'vLLM',
      {
        object: 'error',
        message: "This model's maximum context length is 8192 tokens.",
        code: 400,
      },
    ],
    ['Gemini', [{ error: { code: 400, message: 'input has too many tokens (9 > 8)' } }]],
    [
      'Anthropic',
      { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long' } },
    ],
  ])('is an overflow also in the words of %s', async (_family, body) => {
    expect(await refused(body, 400)).toMatchObject({
      kind: 'rejected',
      reason: 'context overflow',
    });
  });

  test('of a megabyte is cut, and of one without end given up', async () => {
    expect((await refused('x'.repeat(1_000_000), 500)).message.length).toBeLessThan(800);
    server.answering = (response) => {
      response.writeHead(500);
      const more = (): void => {
        while (!response.destroyed && response.write('y'.repeat(1_000_000)));
      };
      response.on('drain', more);
      more();
    };
    const { error } = await failureOf(server.provider(), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'endless answer' });
  });

  test('that never comes to its end is a stall', async () => {
    server.answering = (response) => {
      response.writeHead(400);
      response.write('{"error":');
    };
    const { error } = await failureOf(server.provider(), requestOf({ stallMs: 100 }));
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'stall' });
  });

  test('of a proxy that wants to know who asks is unavailable, since a proxy may come back', async () => {
    const error = await refused('Proxy Authentication Required', 407, {
      'proxy-authenticate': 'Basic',
    });
    expect(error.kind).toBe('unavailable');
    expect(error.message).toContain(server.baseUrl);
  });
});

describe('a wait that is asked for', () => {
  const WAITS: readonly (readonly [string, Record<string, string>, number | null])[] = [
    [
      'in ms and in s, of which ms is exact',
      { 'retry-after-ms': '1500', 'retry-after': '2' },
      1_500,
    ],
    ['in ms that are nonsense, and in s', { 'retry-after-ms': 'soon', 'retry-after': '2' }, 2_000],
    ['in ms below zero, and in s', { 'retry-after-ms': '-5', 'retry-after': '2' }, 2_000],
    ['below zero', { 'retry-after': '-5' }, null],
    ['of nothing', { 'retry-after': '' }, null],
    ['in words with a number', { 'retry-after': 'in 3000 years' }, null],
    ['that is two', { 'retry-after': '5, 10' }, null],
    ['in hex', { 'retry-after': '0x10' }, null],
    ['of infinity', { 'retry-after': 'Infinity' }, null],
    ['beyond all patience', { 'retry-after': '99999999999' }, 99_999_999_999_000],
    ['with blanks around it', { 'retry-after': '  3  ' }, 3_000],
  ];
  test.each(WAITS)('%s', async (_name, headers, expected) => {
    expect((await refused('busy', 429, headers)).retryAfterMs).toBe(expected);
  });

  test('is heard in a refusal of every shape', async () => {
    const error = await refused([{ error: { message: 'busy' } }], 503, { 'retry-after': '4' });
    expect(error).toMatchObject({ kind: 'unavailable', retryAfterMs: 4_000 });
  });
});

describe('a redirect', () => {
  const redirecting = (status: number, location: string): void => {
    server.answering = (response, { url }) => {
      if (url === '/v2/chat/completions')
        return sending(delta({ content: 'here' }, 'stop') + DONE)(response, server.asked.at(-1)!);
      response.writeHead(status, { location });
      response.end('moved');
    };
  };

  test.each([301, 302, 303, 307, 308])(
    'of %i to another host takes nothing there',
    async (status) => {
      redirecting(status, `${other.origin}/v1/chat/completions?secret=1`);
      const provider = server.provider({ 'api-key': 'another-secret' });
      const { error } = await failureOf(provider, requestOf());
      expect(other.asked).toEqual([]);
      expect(error).toMatchObject({ kind: 'rejected', reason: String(status) });
      expect(error.message).toContain(`redirects to ${other.origin}/v1/chat/completions`);
      expect(error.message).not.toContain('secret=1');
      expect(server.asked).toHaveLength(1);
    },
  );

  test.each([307, 308])(
    'of %i on the same host is followed with all that was asked',
    async (status) => {
      redirecting(status, '/v2/chat/completions');
      expect((await server.provider().answer(requestOf())).text).toBe('here');
      const [first, second] = server.asked;
      expect([second?.method, second?.body]).toEqual(['POST', first?.body]);
      expect(second?.headers['authorization']).toBe(`Bearer ${KEY}`);
    },
  );

  test('in a circle ends', async () => {
    redirecting(307, '/v1/chat/completions');
    expect((await failureOf(server.provider(), requestOf())).error.reason).toBe('307');
    expect(server.asked.length).toBeLessThan(10);
  });

  test.each([
    ['to nowhere', ''],
    ['to what is no address', 'http://['],
    ['to a file', 'file:///etc/passwd'],
  ])('%s is a refusal', async (_where, location) => {
    redirecting(307, location);
    const { error } = await failureOf(server.provider(), requestOf());
    expect(error.message).not.toContain('root:');
    expect(server.asked.length).toBeLessThan(10);
  });

  test('of the list of models takes no key to another host', async () => {
    redirecting(307, `${other.origin}/v1/models`);
    const provider = server.provider({ 'api-key': 'another-secret' });
    expect(await provider.listModels(AbortSignal.timeout(2_000))).toEqual([]);
    expect(other.asked).toEqual([]);
  });
});

describe('a server that is not there', () => {
  const ask = async (baseUrl: string) => {
    const provider = makeOpenaiChat({ name: 'mock', baseUrl, headers: {}, key: KEY, env: {} });
    return failureOf(provider, requestOf());
  };

  test('by its name is told with the name', async () => {
    const { error } = await ask('http://no-such-host.invalid/v1');
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'no connection' });
    expect(error.message).toContain('no-such-host.invalid');
  });

  test('behind TLS that it does not speak is unavailable, and says so', async () => {
    const { error } = await ask(server.baseUrl.replace('http:', 'https:'));
    expect(error.kind).toBe('unavailable');
    expect(error.message).toMatch(/SSL|TLS|EPROTO/i);
  });

  test.each([
    ['hangs up', ''],
    ['speaks another tongue', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['breaks off in its headers', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ])('but something else that %s is unavailable', async (_what, words) => {
    const tcp = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(words, () => socket.destroySoon());
    });
    await once(tcp.listen(0, '127.0.0.1'), 'listening');
    const { error, tookMs } = await ask(
      `http://127.0.0.1:${(tcp.address() as AddressInfo).port}/v1`,
    );
    expect(error.kind).toBe('unavailable');
    expect(error.message).not.toContain(KEY);
    expect(tookMs).toBeLessThan(2_000);
    tcp.close();
    await once(tcp, 'close');
  });
});

describe('keys', () => {
  test('echoed in headers, bodies and pages stay out of every message', async () => {
    const provider = server.provider({ 'x-key': 'hidden-header-value' });
    for (const status of [400, 401, 404, 429, 500]) {
      server.answering = sending(
        `<p>${KEY} hidden-header-value ${KEY}${KEY}</p>`,
        'text/html',
        status,
      );
      const { error } = await failureOf(provider, requestOf());
      expect(error.message).toContain('***');
      for (const secret of [KEY, 'hidden-header-value', KEY.slice(-12)])
        expect(`${error.message} ${error.stack ?? ''}`).not.toContain(secret);
    }
  });

  test('told in the stream stay out of it too', async () => {
    server.answering = sending(`data: {"error":{"message":"bad key ${KEY}"}}\n\n`);
    const { error } = await failureOf(server.provider(), requestOf());
    expect(error.message).toContain('bad key ***');
  });
});

describe('the list of models', () => {
  test.each([
    ['some have no id', { data: [{ name: 'a' }, null, { id: 7 }, { id: 'good' }] }, ['good']],
    ['data is no list', { data: { id: 'a' } }, []],
    ['there is none', {}, []],
    ['it is no JSON', 'hello', []],
  ])('is what can be read of it when %s', async (_what, body, names) => {
    server.answering = sending(
      typeof body === 'string' ? body : JSON.stringify(body),
      'application/json',
    );
    expect(await server.provider().listModels(AbortSignal.timeout(2_000))).toEqual(names);
  });
});
