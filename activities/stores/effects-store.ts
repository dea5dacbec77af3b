/**
 * The effect ledger's rows: claimed → applied | failed | unknown.
 *
 * What must stay true: at most one open claim per path; a settled effect never changes again; a file
 * is renamed into place inside the write transaction that checks claim and fence and records the
 * outcome, so that a writer that lost its claim can't write.
 */
import type { EffectNote } from './transcript-store.js';

export type EffectState = 'claimed' | 'applied' | 'failed' | 'unknown';

/** What a retry needs to find out, from the world, whether the effect happened; and to finish it. */
export type EffectClaim =
  | {
      readonly kind: 'file';
      /** Absolute real path. */
      readonly path: string;
      /** Base name of the temporary file beside the target. */
      readonly temp: string;
      /** SHA-256 of the content before; null = there was no file. */
      readonly preHash: string | null;
      readonly postHash: string;
      /** Permission bits the file gets. */
      readonly mode: number;
      /** What the model is told when it is applied. */
      readonly text: string;
    }
  | {
      readonly kind: 'process';
      /** Folder below `shells/` that holds started, state, out.*, exit. */
      readonly dir: string;
      readonly bootId: string;
      readonly nonce: string;
    };

export interface EffectRow {
  readonly key: string;
  readonly sessionId: string;
  readonly tool: string;
  readonly effect: 'reconcilable' | 'opaque';
  readonly state: EffectState;
  readonly claim: EffectClaim;
  readonly claimedAt: string;
  readonly settledAt: string | null;
  /** Daemon deaths while this effect was in flight. */
  readonly deaths: number;
  /** What the model is told; null while claimed. */
  readonly text: string | null;
  readonly isError: boolean;
  readonly note: EffectNote | null;
}

export interface EffectOutcome {
  readonly state: 'applied' | 'failed' | 'unknown';
  readonly text: string;
  readonly isError: boolean;
  readonly note: EffectNote;
  readonly at: string;
}

/** Facts of a file by which "nobody touched it since" is judged; bigints as decimal strings. */
export interface FileSignature {
  readonly dev: string;
  readonly ino: string;
  readonly size: string;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
}

export interface PublishFileArgs {
  readonly key: string;
  /** Open handle of the target's folder; the caller closes it after the answer. */
  readonly dirFd: number;
  /** Real path the folder must still have. */
  readonly dir: string;
  readonly temp: string;
  readonly name: string;
  /** Signature of the target when it was read; null = it must not exist. */
  readonly expected: FileSignature | null;
  readonly outcome: EffectOutcome;
}

export interface EffectOperations {
  /** Returns the row as it is now: the new claim, or what an earlier attempt left. REFUSED/`PATH_CLAIMED` when another effect has the path. */
  claimEffect(args: {
    readonly key: string;
    readonly sessionId: string;
    readonly tool: string;
    readonly effect: 'reconcilable' | 'opaque';
    readonly claim: EffectClaim;
    readonly at: string;
    /** Content before and after, for undo and roll-forward; null when there is none. */
    readonly preImage: Uint8Array | null;
    readonly postImage: Uint8Array | null;
  }): { readonly row: EffectRow; readonly fresh: boolean };
  getEffect(args: { readonly key: string }): EffectRow | null;
  /** Post-image of a file claim, or null. */
  readPostImage(args: { readonly key: string }): Uint8Array | null;
  /** Renames the prepared temp into place and records the outcome, in one transaction. REFUSED with reason CHANGED, MOVED or EXISTS. */
  publishFile(args: PublishFileArgs): void;
  /** Records the outcome of a claimed effect; a settled one keeps its first outcome. Returns the row. */
  settleEffect(args: { readonly key: string; readonly outcome: EffectOutcome }): EffectRow;
  /** Open claims, oldest first. */
  openEffects(args: Record<never, never>): readonly EffectRow[];
  /** Counts one daemon death for the claimed effects among these keys. */
  countDeaths(args: { readonly keys: readonly string[] }): void;
}
