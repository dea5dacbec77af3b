/**
 * What all model servers that play a script share: records, faults by attempt, frames on a wire, a port.
 *
 * Each API has a server of its own on top of this one. What must stay true: this file imports nothing of
 * ours, and a server that is closed leaves no socket behind.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface StatusFault {
  readonly kind: 'status';
  readonly status: number;
  readonly retryAfter?: string | number;
  readonly retryAfterMs?: number;
  readonly body?: unknown;
  readonly times?: number;
}

export interface BrokenOff {
  /** Any other kind: half of the frames, then last words. */
  readonly kind: string;
  readonly times?: number;
}

interface PlayedRecord {
  readonly idempotencyKey: string;
  outcome: string | null;
}

interface PlayedReply<Fault> {
  readonly faults?: readonly Fault[];
  readonly contentType?: string;
  /** Between two frames. */
  readonly chunkMs?: number;
  /** The connection stays open behind the last frame. */
  readonly staysOpen?: boolean;
}

export const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

export const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

const sendText = (
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>>,
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(text);
};

export const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  sendText(response, status, JSON.stringify(body), {});

/** A text in so many parts; none of an empty one. */
export const pieces = (text: string, count: number): readonly string[] => {
  const length = Math.max(1, Math.ceil(text.length / count));
  return Array.from({ length: Math.ceil(text.length / length) }, (_, n) =>
    text.slice(n * length, (n + 1) * length),
  );
};

/** A refusal by status, with the body as it goes on the wire. */
export const failByStatus = (fault: StatusFault, body: string, response: ServerResponse): void => {
  const { status, retryAfter, retryAfterMs } = fault;
  sendText(response, status, body, {
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    ...(retryAfterMs === undefined ? {} : { 'retry-after-ms': String(retryAfterMs) }),
  });
};

/**
 * cut: the connection breaks after half of the frames · close: the response ends cleanly after half ·
 * reset: the connection breaks before any byte · hang: no byte ever · hang_midway: half, then none ·
 * any other: half, then `lastWords`.
 */
export const breakOff = (
  { kind }: BrokenOff,
  frames: readonly string[],
  response: ServerResponse,
  lastWords: string,
): void => {
  if (kind === 'hang') return;
  if (kind === 'reset') return void response.socket?.resetAndDestroy();
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const half = frames.slice(0, Math.max(2, Math.floor(frames.length / 2))).join('');
  response.write(half, () => {
    if (kind === 'cut') setTimeout(() => response.socket?.resetAndDestroy(), 20);
    else if (kind === 'close') response.end();
    else if (kind !== 'hang_midway') response.end(lastWords);
  });
};

/** Counts what comes in, and which attempt of its turn it is. */
export class Playing<Script, Record extends PlayedRecord> {
  script: Script;
  readonly records: Record[] = [];
  private readonly attempts = new Map<string, number>();
  private waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(script: Script) {
    this.script = script;
  }

  requested(count: number): Promise<void> {
    if (this.records.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ count, resolve }));
  }

  protected note(record: Record): void {
    this.records.push(record);
    const isDue = ({ count }: { readonly count: number }): boolean => this.records.length >= count;
    for (const { resolve } of this.waiting.filter(isDue)) resolve();
    this.waiting = this.waiting.filter((one) => !isDue(one));
  }

  /** The fault of this attempt, noted as its outcome; null for an attempt that is answered. */
  protected faultFor<Fault extends StatusFault | BrokenOff>(
    { faults = [] }: PlayedReply<Fault>,
    record: Record,
  ): Fault | null {
    const attempt = this.attempts.get(record.idempotencyKey) ?? 0;
    this.attempts.set(record.idempotencyKey, attempt + 1);
    const fault = faults.flatMap((one) => Array<Fault>(one.times ?? 1).fill(one))[attempt];
    if (fault) record.outcome = 'status' in fault ? String(fault.status) : fault.kind;
    return fault ?? null;
  }

  /** Sends a whole answer. `onLast` is called just before its last byte leaves. */
  protected async stream(
    reply: PlayedReply<unknown>,
    frames: readonly string[],
    response: ServerResponse,
    onLast: () => void,
  ): Promise<void> {
    const { chunkMs = 0, contentType = 'text/event-stream', staysOpen = false } = reply;
    response.writeHead(200, { 'content-type': contentType });
    for (const part of chunkMs > 0 ? frames.slice(0, -1) : []) {
      response.write(part);
      await wait(chunkMs);
      if (response.destroyed) return;
    }
    // Recorded before the last byte leaves, so that whoever has the answer finds the record of it.
    onLast();
    const rest = chunkMs > 0 ? (frames.at(-1) ?? '') : frames.join('');
    if (staysOpen) response.write(rest);
    else response.end(rest);
  }
}

export type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Starts on a free loopback port; a request whose handling throws is dropped. */
export const listen = async (
  handle: Handle,
): Promise<{ readonly port: number; close(): Promise<void> }> => {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
};
