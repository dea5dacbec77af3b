/**
 * The connection by itself: events out of arbitrary chunks, text over reconnects, and giving up.
 */
import { createConnection } from '../../../../client/cli/daemon/lasting-connection.js';
import type { StreamItem } from '../../../../client/cli/daemon/lasting-connection.js';
import { EventReader } from '../../../../client/cli/daemon/server-sent-events.js';
import { readRuntimeFile } from '../../../../config/runtime-file.js';
import { join } from 'node:path';
import { StandInDaemon } from '../../../support/cli.js';
import { answer, prompt } from '../../../support/session-events.js';

describe('server-sent events', () => {
  const TEXT =
    ': hello\n\nid: 7\nevent: prompt\ndata: {"a":\ndata: 1}\n\r\nretry: 5\n' +
    'event: delta\r\ndata:x\r\n\r\nevent: empty\n\ndata: cut';
  const EVENTS = [
    { name: 'prompt', id: '7', data: '{"a":\n1}' },
    { name: 'delta', id: null, data: 'x' },
  ];

  test('are the same however the chunks fall', () => {
    for (let size = 1; size <= TEXT.length; size += 1) {
      const reader = new EventReader();
      const events = [];
      for (let at = 0; at < TEXT.length; at += size)
        events.push(...reader.push(TEXT.slice(at, at + size)));
      expect(events).toEqual(EVENTS);
    }
  });

  test('of many megabytes take no time that grows with the square', () => {
    const reader = new EventReader();
    const chunk = 'x'.repeat(16_384);
    const before = performance.now();
    expect([...reader.push('data: ')]).toEqual([]);
    for (let sent = 0; sent < 1024; sent += 1) expect([...reader.push(chunk)]).toEqual([]);
    const [event] = [...reader.push('\n\n')];
    expect(event?.data).toHaveLength(16_384 * 1024);
    expect(performance.now() - before).toBeLessThan(3000);
  });
});

describe('a connection', () => {
  let daemon: StandInDaemon;
  beforeEach(async () => {
    daemon = await new StandInDaemon().start();
  });
  afterEach(() => daemon.remove());

  const locate = () => {
    const runtime = readRuntimeFile(join(daemon.home, 'runtime.json'));
    return Promise.resolve({ port: runtime!.daemon!.port, token: runtime!.token });
  };

  test('gives up with a clear word when nothing answers for too long', async () => {
    const connection = createConnection({ locate, outageMsMax: 200 });
    await daemon.die();
    await expect(connection.call({ method: 'GET', path: '/v1/sessions' })).rejects.toMatchObject({
      kind: 'unreachable',
      exitCode: 1,
      message: expect.stringMatching(/^the engine has not answered for 0 s \(.*ECONNREFUSED/),
    });
    connection.close();
  });

  test('gives up on streams that open and end at once', async () => {
    daemon.intercept = ({ path }) => (path.includes('events') ? { status: 200, body: {} } : null);
    const connection = createConnection({ locate, outageMsMax: 200 });
    const next = connection.events('session', 0).next();
    await expect(next).rejects.toMatchObject({ kind: 'unreachable' });
    connection.close();
  });

  test('passes on at once what the way to the daemon can not mend', async () => {
    const damage = { kind: 'store_damaged', message: 'damaged', cure: '', exitCode: 1 };
    const connection = createConnection({ locate: () => Promise.reject(damage) });
    await expect(connection.call({ method: 'GET', path: '/' })).rejects.toBe(damage);
    connection.close();
  });

  test('says after the first answer that it looks for the daemon again', async () => {
    const asked: boolean[] = [];
    const connection = createConnection({
      locate: (again) => {
        asked.push(again);
        return locate();
      },
    });
    await connection.call({ method: 'GET', path: '/v1/sessions' });
    await daemon.die();
    await daemon.start();
    await connection.call({ method: 'GET', path: '/v1/sessions' });
    expect(asked).toEqual([false, true]);
    connection.close();
  });

  test('hands out every event once and text once, over streams that break anywhere', async () => {
    const connection = createConnection({ locate });
    const events = connection.events('session', 0);
    const seen: string[] = [];
    const take = async (): Promise<void> => {
      const { value } = (await events.next()) as { value: StreamItem };
      if (value.kind === 'delta') seen.push(`${value.delta.attempt}:${value.delta.text}`);
      else seen.push(value.stored.event.kind);
    };
    daemon.emit(prompt('m'));
    await take();
    daemon.delta(1, 1, 'abc');
    await take();
    daemon.breakStreams();
    const rest = take();
    await daemon.seen('GET', /from=100$/, 1);
    daemon.delta(1, 1, 'ab');
    daemon.delta(1, 1, 'cde');
    await rest;
    daemon.delta(1, 2, 'xy');
    await take();
    daemon.emit(answer(1, 'xyz'));
    await take();
    expect(seen).toEqual(['prompt', '1:abc', '1:de', '2:xy', 'answer']);
    await events.return(undefined);
    connection.close();
  });
});
