/**
 * Free ports: the wanted one while it is free, another one when it is not.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { freePort } from '../../../workers/supervision/ports.js';

describe('a free port', () => {
  it('is the one of last time while nobody took it', async () => {
    const port = await freePort(null);
    expect(await freePort(port)).toBe(port);
  });

  it('is another one once somebody listens there', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const other = await freePort(port);
    server.close();
    expect(other).not.toBe(port);
  });

  it.each([-1, 0, 65_536, 70_000, 1.5, NaN, '8080', 'http', {}, [], true])(
    'is any other where the file of last time says %p',
    async (nonsense) => {
      const port = await freePort(nonsense as number);
      expect(port).toBeGreaterThanOrEqual(10_240);
      expect(port).toBeLessThan(32_768);
    },
  );

  it('is never one that is meant for somebody who does not listen yet', async () => {
    const port = await freePort(null);
    expect(await freePort(port, [null, port])).not.toBe(port);
  });

  it('is another one while a listener of all addresses has it', async () => {
    const server = createServer().listen(0);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await freePort(port)).not.toBe(port);
    server.close();
  });

  it('lies below those that connections get, and differs from one to the next', async () => {
    const ports = await Promise.all(Array.from({ length: 10 }, () => freePort(null)));
    expect(new Set(ports).size).toBeGreaterThan(8);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(10_240);
    expect(Math.max(...ports)).toBeLessThan(32_768);
  });
});
