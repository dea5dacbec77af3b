/**
 * The act of a claimed file change: the temporary file, then its publication with the outcome.
 *
 * Used by the first attempt and by whoever recovers it. What must stay true: every way out either has
 * an outcome in the ledger or throws with the claim open, so that the next attempt probes.
 */
import { basename, dirname, relative, sep } from 'node:path';

import type { EffectOutcome, FileSignature } from '../stores/effects-store.js';
import { isStoreError, type Store, type StoreErrorCode } from '../stores/store.js';
import type { CarriedOut } from './effect.js';
import { appliedOutcome, failedOutcome, type OutcomeFacts } from './file-outcomes.js';
import { codeOf, withFolder } from '../open-folder.js';
import { writeTemp, type FileClaim } from './temp-file.js';

/** A claimed change and what is needed to finish it, whoever does. */
export interface ClaimedChange {
  readonly store: Store;
  readonly key: string;
  readonly claim: FileClaim;
  /** Real path of the project. */
  readonly root: string;
  readonly umask: number;
  /** True when an earlier attempt made the claim. */
  readonly recovered: boolean;
  now(): string;
}

const PASSING = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'EINTR', 'ENOMEM']);

/** The machine is short of something for the moment, or it is our own mistake: another attempt tells. */
export const isPassing = (error: unknown): boolean =>
  codeOf(error) === '' || PASSING.has(codeOf(error));

/** What the store says when the temporary file may still be renamed, or was. */
const UNSURE: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>(['UNCLEAR', 'GONE']);

const shownPath = (root: string, path: string): string => {
  const inside = relative(root, path);
  return inside.startsWith(`..${sep}`) ? path : inside;
};

export const factsOf = (change: ClaimedChange): OutcomeFacts => ({
  claim: change.claim,
  shown: shownPath(change.root, change.claim.path),
  at: change.now(),
  recovered: change.recovered,
});

/** Records how it ended; an outcome that another attempt recorded first stands. */
export const settle = async (
  change: ClaimedChange,
  outcome: EffectOutcome,
): Promise<CarriedOut> => {
  const row = await change.store.call('settleEffect', { key: change.key, outcome });
  if (row.state === 'claimed' || row.text === null || !row.note)
    throw new Error(`effect ${change.key} has no outcome after it was settled`);
  const { state, text, isError, note } = row;
  return {
    outcome: { state, text, isError, note, at: row.settledAt ?? outcome.at },
    recovered: change.recovered,
  };
};

const publish = async (
  change: ClaimedChange,
  content: Uint8Array,
  expected: FileSignature | null,
): Promise<void> => {
  const { claim, root, umask, key, store } = change;
  const dir = dirname(claim.path);
  const name = basename(claim.path);
  const make = expected ? null : { umask };
  await withFolder({ root, dir, make }, async (folder) => {
    const removeOwnTemp = await writeTemp(folder, claim, content, name);
    try {
      const dirFd = folder.handle.fd;
      const outcome = appliedOutcome(factsOf(change));
      await store.call('publishFile', {
        key,
        dirFd,
        dir,
        temp: claim.temp,
        name,
        expected,
        outcome,
      });
    } catch (error) {
      if (isStoreError(error) && !UNSURE.has(error.code)) await removeOwnTemp();
      throw error;
    }
  });
};

/** The word for a failure that surely left the target as it was; null when that is not sure. */
const refusalOf = (error: unknown): string | null => {
  if (isStoreError(error)) return error.code === 'REFUSED' ? error.reason : null;
  return isPassing(error) ? null : codeOf(error);
};

/** Throws when only another attempt, which probes first, can tell. */
export const place = async (
  change: ClaimedChange,
  content: Uint8Array,
  expected: FileSignature | null,
): Promise<CarriedOut> => {
  try {
    await publish(change, content, expected);
  } catch (error) {
    const reason = refusalOf(error);
    const isTempGone = isStoreError(error) && reason === 'ENOENT';
    if (reason === null || isTempGone) throw error;
    return settle(change, failedOutcome(factsOf(change), reason));
  }
  return { outcome: appliedOutcome(factsOf(change)), recovered: change.recovered };
};
