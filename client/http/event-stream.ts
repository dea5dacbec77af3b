/**
 * One client's stream of a session: stored events from an offset on, then live, text in between.
 *
 * Nothing is queued for a reader. News of a stored event only says "read on from where you are", and
 * streaming text is taken from the feed at the length the reader has; so a slow reader costs one page.
 * What must stay true: every stored event once and in order, and an answer's text always before the
 * answer and always a beginning of it.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

import type { Store } from '../../activities/stores/store.js';
import type { DeltaEvent, StoredEvent } from '../../workflows/protocol/events.js';
import type { DeltaFeed, OpenAnswer } from './delta-feed.js';

export interface StreamSources {
  readonly store: Store;
  readonly deltas: Pick<DeltaFeed, 'subscribe' | 'current'>;
  readonly keepAliveMs: number;
}

const PAGE = 50;

/** Where the reader is. */
interface Position {
  cursor: number;
  /** Last turn of each agent whose answer the reader has, or had before it came. */
  readonly answered: Map<string, number>;
  /** How much of each agent's streaming answer it has. */
  readonly sent: Map<string, OpenAnswer>;
}

/** The reader's end of the connection: waits while it is full. */
const makeOutlet = (response: ServerResponse) => {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.on('error', () => gone.abort());
  // It may have gone before anybody listened.
  if (response.destroyed) gone.abort();
  return {
    signal: gone.signal,
    get isFull(): boolean {
      return response.writableNeedDrain;
    },
    write: async (frame: string): Promise<void> => {
      if (gone.signal.aborted || response.writableEnded || response.write(frame)) return;
      await once(response, 'drain', { signal: gone.signal }).catch(() => undefined);
    },
  };
};
type Outlet = ReturnType<typeof makeOutlet>;

const eventFrame = (stored: StoredEvent): string =>
  `id: ${stored.offset}\nevent: ${stored.event.kind}\ndata: ${JSON.stringify(stored)}\n\n`;

const deltaFrame = (delta: DeltaEvent): string =>
  `event: delta\ndata: ${JSON.stringify(delta)}\n\n`;

/** Sends one page of stored events; true when there may be more. */
const sendStored = async (
  outlet: Outlet,
  position: Position,
  store: Store,
  sessionId: string,
): Promise<boolean> => {
  const page = await store.call('readEvents', { sessionId, after: position.cursor, limit: PAGE });
  for (const stored of page) {
    if (outlet.signal.aborted) return false;
    await outlet.write(eventFrame(stored));
    position.cursor = stored.offset;
    const { event } = stored;
    if (event.kind === 'answer') position.answered.set(event.agent, event.turn);
  }
  return page.length === PAGE;
};

/** Sends what has come of each open answer beyond what the reader has. */
const sendText = async (
  outlet: Outlet,
  position: Position,
  answers: readonly OpenAnswer[],
): Promise<void> => {
  for (const answer of answers) {
    const { agent, turn, attempt, text } = answer;
    if (turn <= (position.answered.get(agent) ?? 0)) continue;
    const had = position.sent.get(agent);
    const isSame = had?.turn === turn && had.attempt === attempt;
    const fresh = isSame ? text.slice(had.text.length) : text;
    position.sent.set(agent, answer);
    if (fresh !== '')
      await outlet.write(deltaFrame({ kind: 'delta', agent, turn, attempt, text: fresh }));
  }
};

/** The feed does not hear when an answer is stored; a reader that came later must not get its text. */
const skipAnswered = async (
  position: Position,
  { store, deltas }: StreamSources,
  sessionId: string,
): Promise<void> => {
  for (const { agent, turn } of deltas.current(sessionId)) {
    const answer = await store.call('readAnswer', { sessionId, agent, turn });
    if (answer) position.answered.set(agent, turn);
  }
};

/** What there may be to send since the reader last looked, and a way to wait for more. */
const makeNews = () => {
  const news = { stored: true, text: true };
  let wake = (): void => undefined;
  return {
    tell: (kind: keyof typeof news): void => {
      news[kind] = true;
      wake();
    },
    /** Takes what is there, stored events first; null = nothing. */
    take: (): keyof typeof news | null => {
      const kind = news.stored ? 'stored' : 'text';
      if (!news[kind]) return null;
      news[kind] = false;
      return kind;
    },
    wake: (): void => wake(),
    wait: (): Promise<void> => new Promise((resolve) => (wake = resolve)),
  };
};
type News = ReturnType<typeof makeNews>;

const sendNews = async (
  outlet: Outlet,
  { store, deltas }: StreamSources,
  reader: { readonly sessionId: string; readonly position: Position },
  news: News,
): Promise<void> => {
  const { sessionId, position } = reader;
  const kind = news.take();
  if (kind === 'text') await sendText(outlet, position, deltas.current(sessionId));
  else if (kind === null) await news.wait();
  else if (await sendStored(outlet, position, store, sessionId)) news.tell('stored');
};

/** Streams until the client goes or `response` is ended. Rejects when the store fails. */
export const streamEvents = async (
  response: ServerResponse,
  sources: StreamSources,
  sessionId: string,
  from: number | 'now',
): Promise<void> => {
  const { store, deltas, keepAliveMs } = sources;
  const outlet = makeOutlet(response);
  const news = makeNews();
  const stopStored = store.onEvents((id) => {
    if (id === sessionId) news.tell('stored');
  });
  const stopText = deltas.subscribe(sessionId, () => news.tell('text'));
  outlet.signal.addEventListener('abort', news.wake);
  const keepAlive = setInterval(() => {
    if (!outlet.isFull) void outlet.write(': keep-alive\n\n');
  }, keepAliveMs);
  try {
    const cursor = from === 'now' ? await store.call('lastOffset', { sessionId }) : from;
    const position: Position = { cursor, answered: new Map(), sent: new Map() };
    await skipAnswered(position, sources, sessionId);
    while (!outlet.signal.aborted) await sendNews(outlet, sources, { sessionId, position }, news);
  } finally {
    clearInterval(keepAlive);
    stopStored();
    stopText();
  }
};
