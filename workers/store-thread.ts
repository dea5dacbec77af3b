/**
 * Entry of the store thread: opens the database, then answers calls until it is told to close.
 *
 * The one writer of the installation, apart from the main thread so that no disk holds the event loop
 * up. What must stay true: an I/O error or damage ends this thread at once, with its calls unanswered;
 * nothing is tried again on that connection.
 */
import {
  parentPort,
  receiveMessageOnPort,
  workerData,
  type MessagePort,
} from 'node:worker_threads';

import { openFaults } from '../activities/effects/fault-points.js';
import { makeCallQueue, type CallQueue } from '../activities/stores/call-queue.js';
import { failureOf, type Database } from '../activities/stores/database.js';
import { noteSuspicion, openChecked } from '../activities/stores/open-checked.js';
import { makeOperations } from '../activities/stores/operations.js';
import {
  packBytes,
  type FromThread,
  type StoreReply,
  type ThreadOptions,
  type ToThread,
} from '../activities/stores/requests.js';
import {
  emptyNotes,
  type NewEvent,
  type StoreContext,
} from '../activities/stores/store-context.js';

/** Pause before a locked database is tried again. */
const LOCKED_MS = 20;

const options = workerData as ThreadOptions;
if (!parentPort) throw new Error('store-thread.js is a worker thread, not a program');
const port: MessagePort = parentPort;

const packReply = (reply: StoreReply, transfers: ArrayBuffer[]): StoreReply =>
  'value' in reply ? { id: reply.id, value: packBytes(reply.value, transfers) } : reply;

const sendReplies = (replies: readonly StoreReply[], events: readonly NewEvent[]): void => {
  if (replies.length === 0) return;
  const transfers: ArrayBuffer[] = [];
  const packed = replies.map((reply) => packReply(reply, transfers));
  port.postMessage({ kind: 'replies', replies: packed, events } satisfies FromThread, transfers);
};

const openQueue = (db: Database): CallQueue => {
  const context: StoreContext = { db, blobsDir: options.blobsDir, notes: emptyNotes() };
  const reachFault = openFaults({
    spec: options.faultSpec ?? undefined,
    logFile: options.faultsLog ?? '',
  });
  const deps = { context, operations: makeOperations(context), reachFault };
  return makeCallQueue(deps, sendReplies);
};

const serve = (db: Database): void => {
  const queue = openQueue(db);
  let isArmed = false;
  let isClosing = false;

  const receive = (message: ToThread): void => {
    if (message.kind === 'calls') queue.take(message.calls);
    else isClosing = true;
  };
  const arm = (pauseMs: number): void => {
    if (isArmed) return;
    isArmed = true;
    if (pauseMs > 0) setTimeout(() => guarded(pump), pauseMs);
    else setImmediate(() => guarded(pump));
  };
  const receiveAll = (): void => {
    // What came in during the last commit makes the next group.
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port))
      receive(next.message as ToThread);
  };
  const pump = (): void => {
    isArmed = false;
    receiveAll();
    const state = queue.pump();
    if (state !== 'idle') arm(state === 'locked' ? LOCKED_MS : 0);
    else if (isClosing) finish();
  };
  const finish = (): void => {
    db.close();
    port.close();
  };
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (failureOf(error) === 'damaged') noteSuspicion(options.file);
      throw error;
    }
  };
  port.on('message', (message: ToThread) => {
    guarded(() => receive(message));
    arm(0);
  });
};

try {
  serve(openChecked(options));
  // Last: whoever is told that it is open may call.
  port.postMessage({ kind: 'open' } satisfies FromThread);
} catch (error) {
  const { kind, message } = error as { kind?: string; message: string };
  if (kind === undefined) throw error;
  port.postMessage({ kind: 'unopened', failure: kind, message } satisfies FromThread);
}
