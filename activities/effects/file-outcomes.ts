/**
 * How a change of a file can end, in words for the model and as the ledger keeps it.
 *
 * What must stay true: "failed" is said only when the file surely is as it was, and what can't be
 * found out contains the words "outcome unknown" and what was seen.
 */
import type { EffectOutcome } from '../stores/effects-store.js';
import type { FileClaim } from './temp-file.js';

export interface OutcomeFacts {
  readonly claim: FileClaim;
  /** The path as the model knows it. */
  readonly shown: string;
  readonly at: string;
  readonly recovered: boolean;
}

const AGAIN = 'Nothing was written. Read it again, then repeat the change on what is there now.';

const REASONS: Readonly<Record<string, string>> = {
  CHANGED: `changed after it was read. ${AGAIN}`,
  EXISTS: `appeared meanwhile, written by something else. ${AGAIN}`,
  MOVED: `is no longer where it was: its folder was moved or replaced. ${AGAIN}`,
  ENOSPC: 'was not written: the disk is full. It is as it was; free some space first.',
  EDQUOT: 'was not written: the disk quota is used up. It is as it was; free some space first.',
  EBUSY:
    'can not be replaced: it is a mount point or busy. It is as it was; to write into it in place, use shell.',
  EPERM: 'can not be replaced: it, or its folder, is immutable or protected. It is as it was.',
  EACCES: 'was not written: no permission to create files in its folder. It is as it was.',
  EROFS: 'was not written: the file system is read-only.',
  ENAMETOOLONG: 'was not written: the name is too long for this file system.',
  ELOOP: `was not written: a symbolic link stands in its path now. ${AGAIN}`,
  ENOTDIR: `was not written: something that is no folder stands in its path now. ${AGAIN}`,
  ENOENT: 'was not written: its folder is gone.',
};

const outcome = (
  { claim, at, recovered }: OutcomeFacts,
  state: EffectOutcome['state'],
  text: string,
): EffectOutcome => {
  const paths = state === 'failed' ? [] : [claim.path];
  return {
    state,
    text,
    isError: state !== 'applied',
    note: { effect: 'reconcilable', outcome: state, recovered, paths, commit: null },
    at,
  };
};

export const appliedOutcome = (facts: OutcomeFacts): EffectOutcome =>
  outcome(facts, 'applied', facts.claim.text);

/** `reason`: the store's word for a refusal, or the system's error code. */
export const failedOutcome = (facts: OutcomeFacts, reason: string): EffectOutcome =>
  outcome(
    facts,
    'failed',
    `${facts.shown} ${REASONS[reason] ?? `was not written (${reason}). It is as it was.`}`,
  );

const short = (hash: string | null): string => (hash ? `sha256 ${hash.slice(0, 16)}…` : 'no file');

/** `found`: what the path holds now. */
export const unknownOutcome = (facts: OutcomeFacts, found: string): EffectOutcome => {
  const { claim, shown } = facts;
  const before = short(claim.preHash);
  const after = short(claim.postHash);
  const text =
    `outcome unknown: the change of ${shown} was cut off, and the file is now neither what it was before ` +
    `(${before}) nor what it was to become (${after}). Found: ${found}. ` +
    'Something else changed it as well; read it before going on.';
  return outcome(facts, 'unknown', text);
};
