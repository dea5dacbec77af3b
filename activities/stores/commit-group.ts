/**
 * One write transaction for many calls: begin, fence, each call in a savepoint, sync, commit.
 *
 * One failing call fails alone; a broken group fails together. What must stay true: files were renamed
 * and their folders synced before the commit of the outcomes that claim them; nothing is answered as
 * done before the commit; what changed the world in a broken group is answered UNCLEAR and never run
 * again.
 */
import type { ReachFault } from '../effects/faults.js';
import { failureOf } from './database.js';
import { readFence } from './installation-store.js';
import { OPERATION_KINDS } from './operations.js';
import { fsyncFolder } from './publish-file.js';
import { refuse, type StoreCall, type StoreReply } from './requests.js';
import { emptyNotes, type NewEvent, type StoreContext } from './store-context.js';
import { isStoreError, type StoreOperations } from './store.js';

export interface GroupDeps {
  readonly context: StoreContext;
  readonly operations: StoreOperations;
  readonly reachFault: ReachFault;
}

export interface GroupResult {
  readonly replies: readonly StoreReply[];
  /** Calls of a broken group that changed nothing: to be run again, each alone. */
  readonly again: readonly StoreCall[];
  readonly events: readonly NewEvent[];
}

/** The connection's claim on the installation; null = it never took one and may only read. */
export interface HeldFence {
  held: number | null;
}

/** Thrown on, through everything: this connection must not be used again. */
export const isFatal = (error: unknown): boolean =>
  ['broken', 'damaged'].includes(failureOf(error));

const runOperation = ({ operations }: GroupDeps, { name, args }: StoreCall): unknown =>
  (operations[name] as (args: unknown) => unknown)(args);

export const refusalOf = (call: StoreCall, error: unknown): StoreReply => {
  const { message } = error as Error;
  if (isStoreError(error)) return refuse(call, error.code, message, error.reason);
  switch (failureOf(error)) {
    case 'full':
      return refuse(call, 'FULL', `the disk is full (${message}); free some space`);
    case 'busy':
      return refuse(call, 'BUSY', `the database is locked by another process`);
    case 'constraint':
      return refuse(call, 'REFUSED', message, 'CONSTRAINT');
    default:
      return refuse(call, 'REFUSED', message, 'FAILED');
  }
};

/** Runs one call in its savepoint. Throws when the whole transaction is gone with it. */
const runInSavepoint = (deps: GroupDeps, call: StoreCall): StoreReply => {
  const { db, notes } = deps.context;
  const [events, folders] = [notes.events.length, notes.folders.length];
  db.mark();
  try {
    const value = runOperation(deps, call);
    db.keep();
    return { id: call.id, value };
  } catch (error) {
    if (isFatal(error) || !db.inTransaction()) throw error;
    db.undo();
    notes.events.length = events;
    const isUnsure = notes.folders.length > folders || failureOf(error) === 'other';
    if (OPERATION_KINDS[call.name] === 'effect' && isUnsure && !isStoreError(error))
      return refuse(call, 'UNCLEAR', `${(error as Error).message}; look before doing it again`);
    return refusalOf(call, error);
  }
};

/** Null when this connection holds the installation; else how to refuse each call. */
const fenceRefusal = (
  { context }: GroupDeps,
  { held }: HeldFence,
): ((call: StoreCall) => StoreReply) | null => {
  if (held === null)
    return (call) => refuse(call, 'REFUSED', 'this connection only reads; takeFence', 'NO_FENCE');
  const fence = readFence(context.db);
  if (fence === held) return null;
  return (call) =>
    refuse(call, 'FENCED', `another daemon holds the installation (fence ${fence} over ${held})`);
};

/** Up to the commit; the order of these lines is what the promises rest on. */
const runGroup = (deps: GroupDeps, group: readonly StoreCall[]): StoreReply[] => {
  const { db, notes } = deps.context;
  const replies = group.map((call) => runInSavepoint(deps, call));
  for (const folder of notes.folders) fsyncFolder(folder);
  for (const tool of notes.published) deps.reachFault('effect.after-act', tool);
  db.commit();
  return replies;
};

/** Nothing of the group was applied, except what its effects may have done to the world. */
const breakGroup = (group: readonly StoreCall[], error: unknown): GroupResult => {
  const isEffect = (call: StoreCall): boolean => OPERATION_KINDS[call.name] === 'effect';
  const { message } = error as Error;
  const unclear = group
    .filter(isEffect)
    .map((call) => refuse(call, 'UNCLEAR', `its group broke (${message}); look before doing it`));
  const others = group.filter((call) => !isEffect(call));
  const isAlone = group.length === 1;
  return {
    replies: [...unclear, ...(isAlone ? others.map((call) => refusalOf(call, error)) : [])],
    again: isAlone ? [] : others,
    events: [],
  };
};

/** The number this connection was given, not a later look: another may have taken it since. */
const takenFence = ([reply]: readonly StoreReply[]): number | null =>
  reply && 'value' in reply ? (reply.value as { fence: number }).fence : null;

/** Throws what `failureOf` calls busy before anything happened, or an error that ends the thread. */
export const commitGroup = (
  deps: GroupDeps,
  fence: HeldFence,
  group: readonly StoreCall[],
): GroupResult => {
  const { context } = deps;
  const { db } = context;
  db.begin();
  context.notes = emptyNotes();
  try {
    const isTaking = group[0]?.name === 'takeFence';
    const fenced = isTaking ? null : fenceRefusal(deps, fence);
    if (fenced) {
      db.rollback();
      return { replies: group.map(fenced), again: [], events: [] };
    }
    const replies = runGroup(deps, group);
    if (isTaking) fence.held = takenFence(replies) ?? fence.held;
    return { replies, again: [], events: context.notes.events };
  } catch (error) {
    if (db.inTransaction()) db.rollback();
    if (isFatal(error)) throw error;
    return breakGroup(group, error);
  }
};
