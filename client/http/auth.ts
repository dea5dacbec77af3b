/**
 * Who may speak to the daemon: a caller with the token, from this machine, that is no web page.
 *
 * A page in a browser reaches loopback too, by its own origin or by a name that resolves here, so Host
 * and Origin are judged before the token. What must stay true: only health is answered without one.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import { Refusal } from '../refusal.js';

export interface Door {
  readonly token: string;
  readonly port: number;
}

const refuse = (status: 401 | 403, kind: string, message: string, cure: string): Refusal =>
  new Refusal(kind, message, cure, { status, exitCode: 1 });

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const hasToken = (header: string | undefined, token: string): boolean => {
  const given = /^Bearer (.+)$/i.exec(header ?? '')?.[1] ?? '';
  // Digests have one length, so the comparison tells nothing about how much of it was right.
  return token !== '' && timingSafeEqual(digest(given), digest(token));
};

/** Throws a `Refusal` with 403 or 401; `isOpen` routes need no token. */
export const checkCaller = (headers: IncomingHttpHeaders, door: Door, isOpen: boolean): void => {
  const hosts = [`127.0.0.1:${door.port}`, `localhost:${door.port}`];
  const { host, origin, authorization } = headers;
  if (!hosts.includes((host ?? '').toLowerCase()))
    throw refuse(403, 'forbidden_host', 'unknown Host header', `Call ${hosts[0]}`);
  if (origin !== undefined && !hosts.some((own) => origin.toLowerCase() === `http://${own}`))
    throw refuse(
      403,
      'forbidden_origin',
      'requests from web pages are refused',
      'Use the command line',
    );
  if (!isOpen && !hasToken(authorization, door.token))
    throw refuse(
      401,
      'unauthorized',
      'the token is missing or wrong',
      'Send "Authorization: Bearer TOKEN" with the token of runtime.json',
    );
};
