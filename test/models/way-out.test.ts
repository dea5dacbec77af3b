/**
 * Models behind a proxy: the caller's variables decide, and nothing of this machine goes that way.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

import { fetchBy, proxiesIn, proxyName } from '../../activities/models/wire/way-out.js';
import { makeOpenaiChat } from '../../activities/models/openai-chat.js';
import { startChatServer, type ChatServer } from '../support/chat-server.js';
import { failureOf, requestOf } from './asking.js';

const HOST = 'models.example';

interface Proxy {
  readonly url: string;
  /** `host:port` of every tunnel asked for. */
  readonly tunnels: string[];
  readonly credentials: (string | undefined)[];
  /** What it says to who asks for a tunnel. */
  status: number;
  close(): Promise<void>;
}

/** Knows one host: whatever name is asked for, the tunnel ends at the chat server. */
const startProxy = async (port: number): Promise<Proxy> => {
  const sockets = new Set<Socket>();
  const server: Server = createServer();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  const self: Proxy = {
    url: '',
    tunnels: [],
    credentials: [],
    status: 200,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  server.on('connect', (request, socket: Socket) => {
    self.tunnels.push(request.url ?? '');
    self.credentials.push(request.headers['proxy-authorization']);
    if (self.status !== 200) {
      socket.end(`HTTP/1.1 ${self.status} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    sockets.add(upstream);
    upstream.on('error', () => socket.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return Object.assign(self, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
};

let chat: ChatServer;
let proxy: Proxy;
beforeEach(async () => {
  chat = await startChatServer({ replies: [{ text: 'hello from afar' }] });
  proxy = await startProxy(chat.port);
});
afterEach(async () => {
  await proxy.close();
  await chat.close();
});

const providerAt = (baseUrl: string, env: Readonly<Record<string, string>>) =>
  makeOpenaiChat({ name: 'mock', baseUrl, headers: {}, key: 'sk-1', env });
const farAway = (): string => `http://${HOST}:${chat.port}/v1`;

describe('a model call', () => {
  test.each(['HTTP_PROXY', 'http_proxy'])('goes by the proxy that %s names', async (name) => {
    const provider = providerAt(farAway(), { [name]: proxy.url });
    const answer = await provider.answer(requestOf());
    expect(answer.text).toBe('hello from afar');
    expect(proxy.tunnels).toEqual([`${HOST}:${chat.port}`]);
    expect(chat.records[0]?.headers['authorization']).toBe('Bearer sk-1');
    expect(proxy.credentials).toEqual([undefined]);
  });

  test('gives the proxy the password in its address, and the server none of it', async () => {
    const url = proxy.url.replace('http://', 'http://me:secret@');
    await providerAt(farAway(), { HTTP_PROXY: url }).answer(requestOf());
    const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    expect(proxy.credentials).toEqual([basic]);
    expect(chat.records[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  test.each<[string, Record<string, string>]>([
    ['that is local', {}],
    ['that is local, whatever NO_PROXY says', { NO_PROXY: 'elsewhere.example' }],
  ])('to a server %s takes no proxy', async (_, more) => {
    const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, ...more };
    const answer = await providerAt(chat.baseUrl, env).answer(requestOf());
    expect(answer.text).toBe('hello from afar');
    expect(proxy.tunnels).toEqual([]);
  });

  test.each(['*', HOST, '.example', `other.example, ${HOST}`])(
    'takes no proxy where NO_PROXY is %s',
    async (no) => {
      const env = { HTTP_PROXY: proxy.url, NO_PROXY: no };
      const { error } = await failureOf(providerAt(farAway(), env), requestOf());
      // Nobody has that name: it was really looked for without the proxy.
      expect(error.message).toMatch(/ENOTFOUND|EAI_AGAIN/);
      expect(proxy.tunnels).toEqual([]);
    },
  );

  test('that no proxy answers says which one was asked, without its password', async () => {
    const { host } = new URL(proxy.url);
    await proxy.close();
    const env = { HTTP_PROXY: `http://me:secret@${host}` };
    const { error } = await failureOf(providerAt(farAway(), env), requestOf());
    expect(error).toMatchObject({ kind: 'unavailable', reason: 'no connection' });
    expect(error.message).toContain(`through the proxy ${host}`);
    expect(error.message).not.toContain('secret');
    proxy = await startProxy(chat.port);
  });

  test('that the proxy refuses is told with the proxy and its status', async () => {
    proxy.status = 407;
    const { error } = await failureOf(
      providerAt(farAway(), { HTTP_PROXY: proxy.url }),
      requestOf(),
    );
    expect(error.message).toContain('through the proxy');
    expect(error.message).toContain('407');
    expect(chat.records).toEqual([]);
  });

  test('ends within its stall limit by way of a proxy, too', async () => {
    chat.setScript({ replies: [{ faults: [{ kind: 'hang' }] }] });
    const provider = providerAt(farAway(), { HTTP_PROXY: proxy.url });
    const { error, tookMs } = await failureOf(provider, requestOf({ stallMs: 300 }));
    expect(error.reason).toBe('stall');
    expect(tookMs).toBeLessThan(2_000);
  });

  test('that may be silent for longer than five minutes goes another way than the usual fetch', async () => {
    expect(fetchBy({ env: {}, stallMs: 120_000 })).toBe(fetch);
    expect(fetchBy({ env: {}, stallMs: 600_000 })).not.toBe(fetch);
    const answer = await providerAt(chat.baseUrl, {}).answer(requestOf({ stallMs: 600_000 }));
    expect(answer.text).toBe('hello from afar');
  });
});

describe('the variables', () => {
  test('that are empty, blank or missing mean no proxy', () => {
    expect(proxiesIn({})).toBeNull();
    expect(proxiesIn({ HTTPS_PROXY: '', https_proxy: '  ', NO_PROXY: '*' })).toBeNull();
  });

  test('in small letters count more, and an empty one lets the other count', () => {
    const both = { https_proxy: 'http://small', HTTPS_PROXY: 'http://big' };
    expect(proxiesIn(both)?.https).toBe('http://small');
    expect(proxiesIn({ ...both, https_proxy: '' })?.https).toBe('http://big');
  });

  test('name one proxy for each scheme', () => {
    const env = { HTTPS_PROXY: 'http://me:pw@secure.example:8080' };
    expect(proxyName(env, 'https://api.example/v1')).toBe('secure.example:8080');
    expect(proxyName(env, 'http://api.example/v1')).toBeNull();
    expect(proxyName({ HTTP_PROXY: 'not a url' }, 'http://x')).toBe('a proxy that is no URL');
  });
});
