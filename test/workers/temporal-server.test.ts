/**
 * The local Temporal server as it really runs: its flags, its doors, its database.
 */
import { openSync, readFileSync, readSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { serverArguments } from '../../workers/temporal-server.js';
import { freePort } from '../../workers/supervision/ports.js';
import { PLAIN_DAEMON, withInstallation } from '../support/installation.js';

const PLACE = { databaseFile: '/home/x/temporal.db', port: 7001, uiPort: 7002 };

const valuesOf = (args: readonly string[], flag: string): string[] =>
  args.filter((_, index) => args[index - 1] === flag);

const statusOf = (options: { port: number; method: string; path: string; host: string }) =>
  new Promise<number | undefined>((resolve, reject) => {
    const headers = { host: options.host, 'content-type': 'application/json' };
    const asked = request({ ...options, host: '127.0.0.1', headers, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode));
    });
    asked.once('error', reject).end('{}');
  });

const isOpen = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

describe('the server', () => {
  it('is asked to be fast, durable and on loopback', () => {
    const args = serverArguments(PLACE, true, undefined);
    expect(args.slice(0, 2)).toEqual(['server', 'start-dev']);
    expect(valuesOf(args, '--ip')).toEqual(['127.0.0.1']);
    expect(valuesOf(args, '--sqlite-pragma')).toEqual(['journal_mode=wal', 'synchronous=full']);
    expect(valuesOf(args, '--dynamic-config-value')).toEqual(
      expect.arrayContaining([
        ...['transfer', 'timer', 'visibility', 'outbound'].map(
          (queue) => `history.${queue}ProcessorMaxPollRPS=2000`,
        ),
        'frontend.httpAllowedHosts=["loomkin.invalid"]',
        'matching.numTaskqueueReadPartitions=1',
        'system.enableActivityEagerExecution=true',
      ]),
    );
    expect(args).toContain('--ui-disable-news-fetch');
    expect(serverArguments(PLACE, false, undefined)).not.toContain('--ui-disable-news-fetch');
  });

  it('gets the words of LOOMKIN_TEMPORAL_ARGS after its own', () => {
    const args = serverArguments(PLACE, true, '  --http-port 9\t--log-level error ');
    expect(args.slice(-4)).toEqual(['--http-port', '9', '--log-level', 'error']);
    expect(serverArguments(PLACE, true, '')).toEqual(serverArguments(PLACE, true, undefined));
  });

  it('refuses every caller of its HTTP door, answers the Web UI, and syncs what it writes', async () => {
    const httpPort = await freePort(null);
    await withInstallation(
      async (i) => {
        const { runtime } = await i.engine();
        const door = { port: httpPort, method: 'GET', path: '/api/v1/namespaces' };
        for (const host of [`127.0.0.1:${httpPort}`, `localhost:${httpPort}`, 'evil.example'])
          expect([host, await statusOf({ ...door, host })]).toEqual([host, 403]);
        const start = {
          port: httpPort,
          method: 'POST',
          path: '/api/v1/namespaces/default/workflows/x',
        };
        expect(await statusOf({ ...start, host: 'localhost' })).toBe(403);
        const ui = runtime.temporal?.ui_port ?? 0;
        expect(
          await statusOf({ port: ui, method: 'GET', path: '/healthz', host: 'localhost' }),
        ).toBe(200);
        expect(await isOpen('127.0.0.2', runtime.temporal?.port ?? 0)).toBe(false);
        expect(statSync(i.paths.temporalDb).mode & 0o777).toBe(0o600);
        expect(isWal(i.paths.temporalDb)).toBe(true);
        expect(readFileSync(`/proc/${runtime.temporal?.pid}/cmdline`, 'utf8')).toContain(
          'synchronous=full',
        );
      },
      { env: { LOOMKIN_TEMPORAL_ARGS: `--http-port ${httpPort}` }, daemon: PLAIN_DAEMON },
    );
  });
});

/** Bytes 18 and 19 of a SQLite file say how it is written: 2 = write-ahead log. */
const isWal = (file: string): boolean => {
  const head = Buffer.alloc(20);
  readSync(openSync(file, 'r'), head, 0, 20, 0);
  return head[18] === 2 && head[19] === 2;
};
