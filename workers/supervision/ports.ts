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

/** The one of last time comes from a file. */
const isPort = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;

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

/** `others` are meant for somebody who may not listen on them yet. */
export const freePort = async (
  wanted: number | null,
  others: readonly (number | null)[] = [],
): Promise<number> => {
  const tryIfFree = (port: number): Promise<number | null> | null =>
    others.includes(port) ? null : tryPort(port);
  const last = isPort(wanted) ? await tryIfFree(wanted) : null;
  if (last !== null) return last;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = await tryIfFree(randomInt(LOWEST, BELOW));
    if (port !== null) return port;
  }
  const any = await tryPort(0);
  if (any === null) throw new Error('no free port on 127.0.0.1');
  return any;
};
