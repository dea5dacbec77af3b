/**
 * Free loopback ports: the one of last time where nobody took it, so that open pages keep working.
 *
 * New ones lie below those that systems hand out to connections, since a server that takes half a
 * second to listen would lose such a one now and then. What must stay true: only 127.0.0.1 is ever
 * asked or used.
 */
import { randomInt } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';

const LOWEST = 10_240;
const BELOW = 32_768;
const TRIES = 50;

/** Listens for a moment; null when the port is taken. */
const tryPort = (port: number): Promise<number | null> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const { port: found } = server.address() as AddressInfo;
      server.close(() => resolve(found));
    });
  });

export const freePort = async (wanted: number | null): Promise<number> => {
  const last = wanted === null ? null : await tryPort(wanted);
  if (last !== null) return last;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = await tryPort(randomInt(LOWEST, BELOW));
    if (port !== null) return port;
  }
  const any = await tryPort(0);
  if (any === null) throw new Error('no free port on 127.0.0.1');
  return any;
};
