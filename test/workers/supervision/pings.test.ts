/**
 * Telling a child that is stuck from one that is only starting, by what its port says.
 */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { ping, watchPings } from '../../../workers/supervision/pings.js';

const listening = async <S extends Server>(server: S): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

const withServer = async <S extends Server>(
  server: S,
  use: (port: number, server: S) => Promise<void>,
): Promise<void> => {
  const port = await listening(server);
  try {
    await use(port, server);
  } finally {
    server.close();
  }
};

const answering = (status: number) =>
  createHttpServer((request, response) => {
    response.statusCode = request.url === '/v1/health' ? status : 404;
    response.end('{}');
  });

describe('a ping', () => {
  it('is answered by a server that says 200', () =>
    withServer(answering(200), async (port) => {
      expect(await ping({ port, path: '/v1/health' })).toBe('ok');
      expect(await ping({ port, path: '/other' })).toBe('refused');
    }));

  it('is refused by one that says it is not ready, and where nobody listens', async () => {
    await withServer(answering(503), async (port) => {
      expect(await ping({ port, path: '/v1/health' })).toBe('refused');
    });
    const gone = createServer();
    const port = await listening(gone);
    gone.close();
    expect(await ping({ port, path: '/' })).toBe('refused');
  });

  it('meets silence after a second where somebody listens and says nothing', () =>
    withServer(
      createServer((socket) => socket.on('error', () => undefined)),
      async (port) => {
        const startedMs = performance.now();
        expect(await ping({ port, path: '/' })).toBe('silent');
        expect(performance.now() - startedMs).toBeGreaterThan(950);
      },
    ));
});

describe('a watch', () => {
  it('reports the first answer once, and silence after five misses in a row', () =>
    withServer(answering(200), async (port, server) => {
      const reports: string[] = [];
      await new Promise<void>((resolve) => {
        watchPings(
          { port, path: '/v1/health' },
          {
            onAnswer: () => {
              reports.push('answer');
              server.close();
            },
            onSilence: () => {
              reports.push('silence');
              resolve();
            },
          },
          20,
        );
      });
      expect(reports).toEqual(['answer', 'silence']);
    }));

  it('says nothing any more once it is stopped', () =>
    withServer(answering(200), async (port) => {
      const reports: string[] = [];
      const stop = watchPings(
        { port, path: '/v1/health' },
        { onAnswer: () => reports.push('answer'), onSilence: () => reports.push('silence') },
      );
      stop();
      expect(await ping({ port, path: '/v1/health' })).toBe('ok');
      expect(reports).toEqual([]);
    }));
});
