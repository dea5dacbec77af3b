/**
 * The store thread's queue: reads are answered at once, writes wait for the next group.
 *
 * Waiting for a locked database is done here and not inside SQLite, so that reads go on meanwhile.
 * What must stay true: calls run in the order they came; one whose deadline passed before it ran is
 * answered BUSY and never runs.
 */
import {
  commitGroup,
  isFatal,
  refusalOf,
  type GroupDeps,
  type GroupResult,
  type HeldFence,
} from './commit-group.js';
import { failureOf } from './database.js';
import { OPERATION_KINDS } from './operations.js';
import { monotonicMs, refuse, type StoreCall, type StoreReply } from './requests.js';
import type { NewEvent } from './store-context.js';

const GROUP_CALLS_MAX = 200;

export type SendReplies = (replies: readonly StoreReply[], events: readonly NewEvent[]) => void;

export interface CallQueue {
  take(calls: readonly StoreCall[]): void;
  /** Runs one group at most; says whether to come again at once, after a pause, or when calls come. */
  pump(): 'more' | 'locked' | 'idle';
}

interface Waiting {
  readonly call: StoreCall;
  /** Its group broke: it runs again in a group of its own. */
  readonly isAlone: boolean;
}

/** Null when the database is locked, which only happens around another connection's recovery. */
const answerRead = ({ operations }: GroupDeps, call: StoreCall): StoreReply | null => {
  try {
    const value = (operations[call.name] as (args: unknown) => unknown)(call.args);
    return { id: call.id, value };
  } catch (error) {
    if (isFatal(error)) throw error;
    return failureOf(error) === 'busy' ? null : refusalOf(call, error);
  }
};

/** As many as fit in one group, in order; one that runs alone ends the group before it. */
const nextGroup = (queue: readonly Waiting[]): number => {
  const standsAlone = ({ call, isAlone }: Waiting): boolean =>
    isAlone || OPERATION_KINDS[call.name] === 'fence';
  const first = queue.findIndex(standsAlone);
  if (first === 0) return 1;
  return Math.min(first === -1 ? queue.length : first, GROUP_CALLS_MAX);
};

export const makeCallQueue = (deps: GroupDeps, send: SendReplies): CallQueue => {
  const fence: HeldFence = { held: null };
  const writes: Waiting[] = [];
  const reads: StoreCall[] = [];

  // Before a group is made, so that what was answered BUSY is surely not in it.
  const expire = (): void => {
    const now = monotonicMs();
    const isLate = (call: StoreCall): boolean => call.deadlineMs <= now;
    const late = [...writes.map(({ call }) => call), ...reads].filter(isLate);
    if (late.length === 0) return;
    const kept = writes.filter(({ call }) => !isLate(call));
    writes.splice(0, writes.length, ...kept);
    reads.splice(0, reads.length, ...reads.filter((call) => !isLate(call)));
    const why = 'the database was locked by another process until the deadline; not applied';
    send(
      late.map((call) => refuse(call, 'BUSY', why)),
      [],
    );
  };

  const answerReads = (): void => {
    const replies = reads.splice(0).flatMap((call) => {
      const reply = answerRead(deps, call);
      if (reply === null) reads.push(call);
      return reply ?? [];
    });
    if (replies.length > 0) send(replies, []);
  };

  /** Null when the database is locked: the calls stay where they are. */
  const runGroup = (): GroupResult | null => {
    const group = writes.slice(0, nextGroup(writes)).map(({ call }) => call);
    try {
      const result = commitGroup(deps, fence, group);
      const again = result.again.map((call) => ({ call, isAlone: true }));
      writes.splice(0, group.length, ...again);
      return result;
    } catch (error) {
      if (failureOf(error) === 'busy') return null;
      throw error;
    }
  };

  return {
    take(calls) {
      for (const call of calls) {
        const kind = OPERATION_KINDS[call.name];
        if (kind === 'read') reads.push(call);
        else writes.push({ call, isAlone: false });
      }
      answerReads();
    },
    pump() {
      expire();
      answerReads();
      if (writes.length === 0) return reads.length > 0 ? 'locked' : 'idle';
      const result = runGroup();
      if (result === null) return 'locked';
      send(result.replies, result.events);
      return writes.length > 0 ? 'more' : 'idle';
    },
  };
};
