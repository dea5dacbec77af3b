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

  it('lies below those that connections get, and differs from one to the next', async () => {
    const ports = await Promise.all(Array.from({ length: 10 }, () => freePort(null)));
    expect(new Set(ports).size).toBeGreaterThan(8);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(10_240);
    expect(Math.max(...ports)).toBeLessThan(32_768);
  });
});
