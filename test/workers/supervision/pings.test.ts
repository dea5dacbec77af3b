/**
 * Telling a child that is stuck from one that is only starting, by what its port says.
 */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
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

/** Answers each connection as the function says, and closes what is left at the end. */
const speaking = (speak: (socket: Socket) => void): Server =>
  createServer((socket) => {
    socket.on('error', () => undefined);
    speak(socket);
  });

describe('a ping of something else', () => {
  const ODD: readonly (readonly [string, (socket: Socket) => void])[] = [
    ['closes at once', (socket) => socket.destroy()],
    ['ends without a word', (socket) => socket.end()],
    ['resets the connection', (socket) => socket.resetAndDestroy()],
    ['speaks another language', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['says 200 in another protocol', (socket) => socket.end('HTTP/0.9 200 OK\r\n')],
    ['sends bytes', (socket) => socket.end(Buffer.alloc(100_000, 0xff))],
    ['redirects', (socket) => socket.end('HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n')],
  ];

  it.each(ODD)('is refused by one that %s', (_how, speak) =>
    withServer(speaking(speak), async (port) => {
      expect(await ping({ port, path: '/' })).toBe('refused');
    }),
  );

  it('is over with the first words of one that never stops talking', () => {
    let isClosed = false;
    const babble = (socket: Socket): void => {
      const more = (): void => void socket.write(Buffer.alloc(65_536, 'x'));
      socket
        .on('drain', more)
        .once('close', () => (isClosed = true))
        .resume();
      more();
    };
    return withServer(speaking(babble), async (port) => {
      expect(await ping({ port, path: '/' })).toBe('refused');
      while (!isClosed) await new Promise(setImmediate);
    });
  });
});

describe('a watch', () => {
  it('bears a child that now and then does not answer, as long as it never fails five times in a row', () => {
    let asked = 0;
    const moody = createHttpServer((_request, response) => {
      asked += 1;
      response.statusCode = asked % 5 === 0 || asked === 1 ? 200 : 503;
      response.end();
    });
    return withServer(moody, async (port) => {
      const reports: string[] = [];
      const stop = watchPings(
        { port, path: '/' },
        { onAnswer: () => reports.push('answer'), onSilence: () => reports.push('silence') },
        1,
      );
      while (asked < 40) await new Promise((resolve) => moody.once('request', resolve));
      stop();
      expect(reports).toEqual(['answer']);
    });
  });

  it('gives one that has not answered yet far more than five attempts', () => {
    let asked = 0;
    const starting = createHttpServer((_request, response) => {
      asked += 1;
      response.statusCode = asked > 5 ? 200 : 503;
      response.end();
    });
    return withServer(starting, async (port) => {
      const report = await new Promise((resolve) => {
        const stop = watchPings(
          { port, path: '/' },
          {
            onAnswer: () => {
              stop();
              resolve('answer');
            },
            onSilence: () => resolve('silence'),
          },
          1,
        );
      });
      expect([report, asked]).toEqual(['answer', 6]);
    });
  });

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
