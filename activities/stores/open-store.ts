/**
 * The client's side of the store: a thread is started, calls go to it and come back.
 *
 * Calls of one tick travel in one message. What must stay true: every call settles, either by the
 * thread's reply or because the thread is gone; the caller's byte arrays stay the caller's.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { StoreOpenError, type OpenErrorKind } from './open-error.js';
import {
  errorOf,
  monotonicMs,
  packBytes,
  refuse,
  type FromThread,
  type StoreCall,
  type StoreReply,
  type ThreadOptions,
  type ToThread,
} from './requests.js';
import { StoreError, type Store, type StoreOperationName } from './store.js';

export interface OpenStoreOptions {
  readonly file: string;
  readonly blobsDir: string;
  readonly backupsDir: string;
  /** The built `store-thread.js`. */
  readonly threadFile: string;
  readonly now?: () => Date;
  /** Value of LOOMKIN_FAULT, and where fired faults are noted. */
  readonly faultSpec?: string | undefined;
  readonly faultsLog?: string | undefined;
  /** Called once when the thread dies by itself: nothing can be stored any more. */
  readonly onGone?: (error: StoreError) => void;
}

const OPEN_CALLS_MAX = 10_000;
/** Deadline of a call that names none. */
const WAIT_MS = 60_000;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type EventsListener = Parameters<Store['onEvents']>[0];

const startThread = (options: OpenStoreOptions): Worker => {
  const workerData: ThreadOptions = {
    file: options.file,
    blobsDir: options.blobsDir,
    backupsDir: options.backupsDir,
    openedAt: (options.now?.() ?? new Date()).toISOString(),
    faultSpec: options.faultSpec ?? null,
    faultsLog: options.faultsLog ?? null,
  };
  return new Worker(options.threadFile, { workerData, env: {}, execArgv: [] });
};

/** Resolves once the database is open; rejects with StoreOpenError. */
const untilOpen = async (thread: Worker): Promise<void> => {
  const [first] = (await once(thread, 'message')) as [FromThread];
  if (first.kind !== 'unopened') return;
  await thread.terminate();
  throw new StoreOpenError(first.failure as OpenErrorKind, first.message);
};

/** The calls that wait for their reply, by id. */
const makePendingCalls = () => {
  const pending = new Map<number, Pending>();
  const settle = (reply: StoreReply): void => {
    const call = pending.get(reply.id);
    pending.delete(reply.id);
    if ('refusal' in reply) call?.reject(errorOf(reply.refusal));
    else call?.resolve(reply.value);
  };
  return {
    add: (id: number, call: Pending) => void pending.set(id, call),
    count: () => pending.size,
    settle,
    rejectAll: (error: StoreError) => {
      for (const call of pending.values()) call.reject(error);
      pending.clear();
    },
  };
};

/** Collects the calls of one tick and sends them in one message. */
const makeOutbox = (thread: Worker, settle: (reply: StoreReply) => void) => {
  let calls: StoreCall[] = [];
  let transfers: ArrayBuffer[] = [];
  const flush = (): void => {
    const [sent, handed] = [calls, transfers];
    [calls, transfers] = [[], []];
    try {
      thread.postMessage({ kind: 'calls', calls: sent } satisfies ToThread, handed);
    } catch (error) {
      // One of them holds what can't be copied, such as a function; none of them went.
      const { message } = error as Error;
      for (const call of sent) settle(refuse(call, 'REFUSED', message, 'FAILED'));
    }
  };
  return (call: StoreCall): void => {
    if (calls.length === 0) queueMicrotask(flush);
    calls.push({ ...call, args: packBytes(call.args, transfers) });
  };
};

type ThreadEvents = Extract<FromThread, { kind: 'replies' }>['events'];

/** Sessions in the order of their first event. */
const offsetsBySession = (events: ThreadEvents): Map<string, number[]> => {
  const sessions = new Map<string, number[]>();
  for (const { sessionId, offset } of events) {
    const offsets = sessions.get(sessionId) ?? [];
    sessions.set(sessionId, offsets);
    offsets.push(offset);
  }
  return sessions;
};

const gone = (why: string): StoreError =>
  new StoreError('GONE', `the store is closed (${why}); what was open is unclear: look it up`);

/** Plain functions in a plain object, so that a caller may wrap one of them. */
const connect = (thread: Worker, onGone: (error: StoreError) => void): Store => {
  const pending = makePendingCalls();
  const send = makeOutbox(thread, pending.settle);
  const listeners = new Set<EventsListener>();
  let lastId = 0;
  let ended: StoreError | null = null;
  let closing: Promise<void> | null = null;

  const end = (error: StoreError): void => {
    if (ended) return;
    ended = error;
    pending.rejectAll(error);
    if (!closing) onGone(error);
  };
  thread.on('error', (error) => end(gone(error instanceof Error ? error.message : String(error))));
  thread.on('exit', () => end(gone(closing ? 'by its owner' : 'its thread ended')));
  thread.on('message', (message: FromThread) => {
    if (message.kind !== 'replies') return;
    message.replies.forEach(pending.settle);
    for (const [sessionId, offsets] of offsetsBySession(message.events))
      for (const listener of listeners) listener(sessionId, offsets);
  });

  const call = (name: StoreOperationName, args: unknown, waitMs = WAIT_MS): Promise<unknown> => {
    if (ended || closing) return Promise.reject(ended ?? gone('by its owner'));
    if (pending.count() >= OPEN_CALLS_MAX)
      return Promise.reject(
        new StoreError('OVERLOADED', `${name}: ${OPEN_CALLS_MAX} calls are open; try again later`),
      );
    const id = (lastId += 1);
    return new Promise((resolve, reject) => {
      pending.add(id, { resolve, reject });
      send({ id, name, args, deadlineMs: monotonicMs() + waitMs });
    });
  };
  const close = async (): Promise<void> => {
    if (ended) return;
    const exited = once(thread, 'exit');
    // Behind the calls of this tick, so that they are still answered.
    queueMicrotask(() => thread.postMessage({ kind: 'close' } satisfies ToThread));
    await exited;
  };
  return {
    call: ((name: StoreOperationName, args: unknown, options?: { waitMs?: number }) =>
      call(name, args, options?.waitMs)) as Store['call'],
    onEvents(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => (closing ??= close()),
  };
};

export const openStore = async (options: OpenStoreOptions): Promise<Store> => {
  const thread = startThread(options);
  await untilOpen(thread);
  return connect(thread, options.onGone ?? (() => undefined));
};

/**
 * For screens while no daemon runs: reads in this process, refuses writes. SQLite is loaded by the
 * first call, which is also the one that fails when the file can't be read.
 */
export const openReadOnly = (file: string): Store => {
  const opened = import('./read-only.js').then(({ openReader }) => openReader(file));
  opened.catch(() => undefined);
  return {
    call: (async (name: StoreOperationName, args: unknown) =>
      (await opened).run(name, args)) as Store['call'],
    onEvents: () => () => undefined,
    close: async () => (await opened).close(),
  };
};
