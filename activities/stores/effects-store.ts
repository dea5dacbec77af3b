/**
 * The effect ledger's rows: claimed → applied | failed | unknown.
 *
 * What must stay true: at most one open claim per path; a settled effect never changes again; a file
 * is renamed into place inside the write transaction that checks claim and fence and records the
 * outcome, so that a writer that lost its claim can't write.
 */
import type { Selectable } from 'kysely';

import { putBlob, takeBlob } from './blobs-store.js';
import { renameIntoPlace } from './publish-file.js';
import type { StoreContext } from './store-context.js';
import { StoreError } from './store.js';
import type { Tables } from './tables.js';
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
  /** Counts one daemon death for each claimed effect in flight, once for each activity that carried it. */
  countDeaths(args: Record<never, never>): void;
}

type ClaimArgs = Parameters<EffectOperations['claimEffect']>[0];

const fromRow = (row: Selectable<Tables['effects']>): EffectRow => ({
  key: row.key,
  sessionId: row.session_id,
  tool: row.tool,
  effect: row.effect as EffectRow['effect'],
  state: row.state as EffectState,
  claim: JSON.parse(row.claim) as EffectClaim,
  claimedAt: row.claimed_at,
  settledAt: row.settled_at,
  deaths: row.deaths,
  text: row.text,
  isError: row.is_error === 1,
  note: row.note === null ? null : (JSON.parse(row.note) as EffectNote),
});

const findEffect = ({ db }: StoreContext, key: string): EffectRow | null => {
  const row = db.first(db.query.selectFrom('effects').selectAll().where('key', '=', key));
  return row ? fromRow(row) : null;
};

const refusal = (reason: string, message: string): StoreError =>
  new StoreError('REFUSED', message, reason);

/** Two open claims on one path would make the probe of either ambiguous. */
const refuseClaimedPath = ({ db }: StoreContext, path: string): void => {
  const holder = db.first(
    db.query
      .selectFrom('effects')
      .select('key')
      .where('path', '=', path)
      .where('state', '=', 'claimed'),
  );
  if (holder)
    throw refusal('PATH_CLAIMED', `${path} is being written by ${holder.key}; try again after it`);
};

/** Idempotent by key, whatever became of the earlier claim. */
const claimEffect = (
  context: StoreContext,
  args: ClaimArgs,
): ReturnType<EffectOperations['claimEffect']> => {
  const { db } = context;
  const { key, claim } = args;
  const earlier = findEffect(context, key);
  if (earlier) return { row: earlier, fresh: false };
  const path = claim.kind === 'file' ? claim.path : null;
  if (path !== null) refuseClaimedPath(context, path);
  const row = db.first(
    db.query
      .insertInto('effects')
      .values({
        key,
        session_id: args.sessionId,
        tool: args.tool,
        effect: args.effect,
        state: 'claimed',
        claim: JSON.stringify(claim),
        path,
        claimed_at: args.at,
        deaths: 0,
        is_error: 0,
        pre_image: args.preImage === null ? null : putBlob(context, args.preImage),
        post_image: args.postImage === null ? null : putBlob(context, args.postImage),
      })
      .returningAll(),
  );
  if (!row) throw new Error(`effect ${key}: the claim was not written`);
  return { row: fromRow(row), fresh: true };
};

/** Undefined when it is not claimed (any more). */
const settle = ({ db }: StoreContext, key: string, outcome: EffectOutcome) =>
  db.first(
    db.query
      .updateTable('effects')
      .set({
        state: outcome.state,
        settled_at: outcome.at,
        text: outcome.text,
        is_error: outcome.isError ? 1 : 0,
        note: JSON.stringify(outcome.note),
      })
      .where('key', '=', key)
      .where('state', '=', 'claimed')
      .returningAll(),
  );

const settleEffect = (
  context: StoreContext,
  { key, outcome }: Parameters<EffectOperations['settleEffect']>[0],
): EffectRow => {
  const settled = settle(context, key, outcome);
  const row = settled ? fromRow(settled) : findEffect(context, key);
  if (!row) throw refusal('NOT_CLAIMED', `effect ${key} was never claimed; claim it first`);
  return row;
};

/** The rename comes last, so that whatever else goes wrong leaves the file as it was. */
const publishFile = (context: StoreContext, args: PublishFileArgs): void => {
  const row = settle(context, args.key, args.outcome);
  if (!row)
    throw refusal('NOT_CLAIMED', `effect ${args.key} holds no open claim; look it up again`);
  context.notes.folders.push(renameIntoPlace(args));
  context.notes.published.push(row.tool);
};

const readPostImage = (context: StoreContext, key: string): Uint8Array | null => {
  const { db } = context;
  const row = db.first(db.query.selectFrom('effects').select('post_image').where('key', '=', key));
  return row?.post_image ? takeBlob(context, row.post_image) : null;
};

const openEffects = ({ db }: StoreContext): readonly EffectRow[] =>
  db
    .rows(
      db.query
        .selectFrom('effects')
        .selectAll()
        .where('state', '=', 'claimed')
        .orderBy('claimed_at'),
    )
    .map(fromRow);

/** A daemon that dies while it starts leaves the same rows: what was counted is taken out of them. */
const countDeaths = ({ db }: StoreContext): void => {
  const rows = db.rows(db.query.selectFrom('in_flight').select('effect_key'));
  const keys = rows.flatMap(({ effect_key: key }) => (key === null ? [] : [key]));
  for (const key of new Set(keys))
    db.change(
      db.query
        .updateTable('effects')
        .set((eb) => ({ deaths: eb('deaths', '+', 1) }))
        .where('key', '=', key)
        .where('state', '=', 'claimed'),
    );
  db.change(db.query.updateTable('in_flight').set({ effect_key: null }));
};

export const effectOperations = (context: StoreContext): EffectOperations => ({
  claimEffect: (args) => claimEffect(context, args),
  getEffect: ({ key }) => findEffect(context, key),
  readPostImage: ({ key }) => readPostImage(context, key),
  publishFile: (args) => publishFile(context, args),
  settleEffect: (args) => settleEffect(context, args),
  openEffects: () => openEffects(context),
  countDeaths: () => countDeaths(context),
});
