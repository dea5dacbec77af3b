/**
 * A connection to the daemon that outlives the daemon: calls and events go on over its restarts.
 *
 * Every call carries ids chosen here, so sending it again is safe; events are asked for from the last
 * offset seen. What must stay true: a stored event is handed out once and in order, and after 60 s
 * without an answer the caller is told instead of left waiting.
 */
import { setTimeout as delay } from 'node:timers/promises';

import type { DeltaEvent, StoredEvent } from '../../../workflows/protocol/events.js';
import { CommandFailure } from '../io.js';
import { createHttpClient, isUnreachable, Unreachable } from './http-client.js';
import type { Call, Endpoint, HttpClient } from './http-client.js';
import type { ServerSentEvent } from './server-sent-events.js';

export type StreamItem =
  | { readonly kind: 'stored'; readonly stored: StoredEvent }
  | { readonly kind: 'delta'; readonly delta: DeltaEvent };

export interface Connection {
  call<Body>(call: Call): Promise<Body>;
  /** Never ends by itself; leave it with `break`. */
  events(sessionId: string, from: number): AsyncGenerator<StreamItem>;
  close(): void;
}

export interface ConnectionOptions {
  /** Finds the daemon, the first time and after each outage; its errors end the connection. */
  readonly locate: (again: boolean) => Promise<Endpoint>;
  readonly outageMsMax?: number;
}

const PAUSE_MS = [20, 50, 100, 200, 400];
/** A stream that held for this long was no failed attempt, even if nothing was said on it. */
const HELD_MS = 1000;

export const createConnection = (options: ConnectionOptions): Connection => {
  const line = new Line(options.locate, options.outageMsMax ?? 60_000);
  return {
    call: <Body>(call: Call) => line.try((http, endpoint) => http.call<Body>(endpoint, call)),
    events: (sessionId, from) => readEvents(line, sessionId, from),
    close: () => line.http.close(),
  };
};

/** Where the daemon answers, as far as is known, and for how long it has not. */
class Line {
  readonly http: HttpClient = createHttpClient();
  private endpoint: Endpoint | null = null;
  private known = false;
  private readonly locate: (again: boolean) => Promise<Endpoint>;
  private readonly outageMsMax: number;

  constructor(locate: (again: boolean) => Promise<Endpoint>, outageMsMax: number) {
    this.locate = locate;
    this.outageMsMax = outageMsMax;
  }

  async try<Result>(
    act: (http: HttpClient, endpoint: Endpoint) => Promise<Result>,
    outage: Outage = new Outage(this.outageMsMax),
  ): Promise<Result> {
    for (;;)
      try {
        this.endpoint ??= await this.locate(this.known);
        this.known = true;
        return await act(this.http, this.endpoint);
      } catch (error) {
        await this.broken(error, outage);
      }
  }

  newOutage(): Outage {
    return new Outage(this.outageMsMax);
  }

  /** Waits a moment before the next attempt, or throws when there should be none. */
  async broken(error: unknown, outage: Outage): Promise<void> {
    if (!isUnreachable(error)) throw error;
    this.endpoint = null;
    await outage.pause((error as Error).message);
  }
}

class Outage {
  private since: number | null = null;
  private attempts = 0;
  private readonly msMax: number;

  constructor(msMax: number) {
    this.msMax = msMax;
  }

  over(): void {
    this.since = null;
    this.attempts = 0;
  }

  async pause(why: string): Promise<void> {
    this.since ??= performance.now();
    if (performance.now() - this.since >= this.msMax) throw unanswered(this.msMax, why);
    await delay(PAUSE_MS[Math.min(this.attempts, PAUSE_MS.length - 1)]);
    this.attempts += 1;
  }
}

const unanswered = (msMax: number, why: string): CommandFailure =>
  new CommandFailure(
    'unreachable',
    `the engine has not answered for ${Math.round(msMax / 1000)} s (${why})`,
    'See loomkin status, then go on with loomkin -c.',
  );

async function* readEvents(
  line: Line,
  sessionId: string,
  from: number,
): AsyncGenerator<StreamItem> {
  const outage = line.newOutage();
  const reader = new ItemReader(from);
  for (;;) {
    const path = `/v1/sessions/${sessionId}/events?from=${reader.after}`;
    const stream = await line.try((http, endpoint) => http.stream(endpoint, path), outage);
    reader.newStream();
    const openedAt = performance.now();
    let broken: unknown = new Unreachable('the stream ended');
    try {
      for await (const event of stream) yield* endOutage(outage, reader.fresh(event));
    } catch (error) {
      broken = error;
    }
    if (performance.now() - openedAt >= HELD_MS) outage.over();
    await line.broken(broken, outage);
  }
}

/** News is what ends an outage: a stream that opens and holds only damage is none. */
function* endOutage<Item>(outage: Outage, news: Iterable<Item>): Generator<Item> {
  for (const item of news) {
    outage.over();
    yield item;
  }
}

/** What an event brings that was not handed out before. */
class ItemReader {
  /** Offset of the last stored event handed out. */
  after: number;
  private readonly texts = new StreamedTexts();

  constructor(from: number) {
    this.after = from;
  }

  newStream(): void {
    this.texts.newStream();
  }

  *fresh(event: ServerSentEvent): Generator<StreamItem> {
    const item = itemOf(event);
    if (item?.kind === 'delta') yield* this.texts.fresh(item.delta);
    if (item?.kind !== 'stored' || item.stored.offset <= this.after) return;
    this.after = item.stored.offset;
    yield item;
  }
}

/** Null for what this version does not know. What is damaged is asked for again. */
const itemOf = ({ name, id, data }: ServerSentEvent): StreamItem | null => {
  if (name !== 'delta' && id === null) return null;
  const value = parsed(data);
  if (name === 'delta' && typeof value?.text === 'string')
    return { kind: 'delta', delta: value as DeltaEvent };
  if (id !== null && Number.isSafeInteger(value?.offset) && typeof value?.event?.kind === 'string')
    return { kind: 'stored', stored: value as StoredEvent };
  throw new Unreachable('the stream held something that is no event');
};

const parsed = (data: string): Partial<DeltaEvent & StoredEvent> | null => {
  try {
    return JSON.parse(data) as Partial<DeltaEvent & StoredEvent> | null;
  } catch {
    return null;
  }
};

/**
 * A new stream tells the answer in hand from its beginning; only what was not handed out yet passes.
 */
class StreamedTexts {
  /** Per agent: its answer in hand, and how much of it was handed out and told. */
  private readonly handedOut = new Map<string, Told>();
  private told = new Map<string, Told>();

  newStream(): void {
    this.told = new Map();
  }

  *fresh(delta: DeltaEvent): Generator<StreamItem> {
    const answer = `${delta.turn}/${delta.attempt}`;
    const told = lengthOf(this.told.get(delta.agent), answer);
    const handedOut = lengthOf(this.handedOut.get(delta.agent), answer);
    const length = told + delta.text.length;
    this.told.set(delta.agent, { answer, length });
    this.handedOut.set(delta.agent, { answer, length: Math.max(handedOut, length) });
    const text = delta.text.slice(Math.max(0, handedOut - told));
    if (text !== '') yield { kind: 'delta', delta: { ...delta, text } };
  }
}

interface Told {
  readonly answer: string;
  readonly length: number;
}

const lengthOf = (told: Told | undefined, answer: string): number =>
  told?.answer === answer ? told.length : 0;
