/**
 * Carries out a change of one file exactly once: claim, act, outcome; and finds out after a crash.
 *
 * A claim that is open on the same path, left by a call that died, is finished first, whoever's it is:
 * a path has at most one. What must stay true: nothing is written without a committed claim that holds
 * the content before and after, and an attempt that finds a claim probes before it acts.
 */
import { basename, dirname } from 'node:path';

import type { EffectRow } from '../stores/effects-store.js';
import { isSameFile, signatureOf } from '../stores/publish-file.js';
import { isStoreError } from '../stores/store.js';
import type { FileChange, ToolResult } from '../tools/tool.js';
import type { CarriedOut, EffectEnvironment } from './effect.js';
import { place, type ClaimedChange } from './file-placing.js';
import { finishFileChange } from './file-recovery.js';
import { codeOf, withFolder } from '../open-folder.js';
import { inPathTurn } from './path-turns.js';
import { hashContent, openRegularFile } from '../regular-file.js';
import { newTempName, type FileClaim } from './temp-file.js';

/** Claims that may stand in the way one after another before the attempt is given up. */
const TRIES = 5;

const claimOf = async (change: FileChange, umask: number): Promise<FileClaim> => ({
  kind: 'file',
  path: change.path,
  temp: newTempName(),
  preHash: change.before ? await hashContent(change.before.content) : null,
  postHash: await hashContent(change.content),
  mode: change.before ? change.before.mode & 0o777 : 0o666 & ~umask,
  text: change.text,
});

const claimedChange = async (
  row: EffectRow,
  env: EffectEnvironment,
  recovered: boolean,
): Promise<ClaimedChange> => {
  if (row.claim.kind !== 'file') throw new Error(`effect ${row.key} is not a change of a file`);
  const { store, context } = env;
  const isOurs = row.sessionId === context.sessionId;
  const session = isOurs ? null : await store.call('getSession', { id: row.sessionId });
  return {
    store,
    key: row.key,
    claim: row.claim,
    root: session?.project ?? context.project,
    umask: context.umask,
    recovered,
    now: () => env.now(),
  };
};

const fromSettled = (row: EffectRow): CarriedOut | null => {
  const { state, text, isError, note, settledAt } = row;
  if (state === 'claimed' || text === null || !note) return null;
  return {
    outcome: { state, text, isError, note, at: settledAt ?? row.claimedAt },
    recovered: true,
  };
};

const finishRow = async (row: EffectRow, env: EffectEnvironment): Promise<CarriedOut> => {
  const now = (await env.store.call('getEffect', { key: row.key })) ?? row;
  const settled = fromSettled(now);
  if (settled) return settled;
  const carried = await finishFileChange(await claimedChange(now, env, true));
  env.reachFault('effect.after-outcome', row.tool);
  return carried;
};

/** True when the target still is what the tool read. A failure to look is left to the act itself. */
const isAsRead = async (change: FileChange, env: EffectEnvironment): Promise<boolean> => {
  const where = { root: env.context.project, dir: dirname(change.path) };
  try {
    return await withFolder(where, async (folder) => {
      const opened = await openRegularFile(folder, basename(change.path));
      if (opened.kind !== 'file') return (opened.kind === 'missing') === (change.before === null);
      await opened.handle.close();
      return (
        change.before !== null && isSameFile(signatureOf(opened.stats), change.before.signature)
      );
    });
  } catch (error) {
    return codeOf(error) !== '';
  }
};

const finishHolder = async (path: string, env: EffectEnvironment): Promise<void> => {
  const open = await env.store.call('openEffects', {});
  const holder = open.find(({ claim }) => claim.kind === 'file' && claim.path === path);
  if (holder) await finishRow(holder, env);
};

type Claimed = { readonly row: EffectRow; readonly fresh: boolean };

/** Null when another effect has the path. */
const claim = async (change: FileChange, env: EffectEnvironment): Promise<Claimed | null> => {
  const { store, context, tool } = env;
  try {
    return await store.call('claimEffect', {
      key: context.effectKey,
      sessionId: context.sessionId,
      tool: tool.name,
      effect: 'reconcilable',
      claim: await claimOf(change, context.umask),
      at: env.now(),
      preImage: change.before?.content ?? null,
      postImage: change.content,
    });
  } catch (error) {
    if (isStoreError(error) && error.reason === 'PATH_CLAIMED') return null;
    throw error;
  }
};

const LED_ELSEWHERE: ToolResult = {
  text: 'The path leads to another file than a moment ago. Nothing was written; look at it again.',
  isError: true,
};

const INTERRUPTED: ToolResult = {
  text: 'Interrupted while it waited for its turn at the file. Nothing was written.',
  isError: true,
};

/** The end of a call that, planned again, has nothing to claim. */
const planned = ({ text, isError }: ToolResult, at: string): CarriedOut => {
  const state = isError ? 'failed' : 'applied';
  const note = { effect: 'reconcilable', outcome: state, recovered: false } as const;
  return {
    outcome: { state, text, isError, note: { ...note, paths: [], commit: null }, at },
    recovered: false,
  };
};

const act = async (
  change: FileChange,
  claimed: Claimed,
  env: EffectEnvironment,
): Promise<CarriedOut> => {
  const { row, fresh } = claimed;
  env.reachFault('effect.after-claim', env.tool.name);
  if (!fresh) return finishRow(row, env);
  const carried = await place(
    await claimedChange(row, env, false),
    change.content,
    change.before?.signature ?? null,
  );
  env.reachFault('effect.after-outcome', env.tool.name);
  return carried;
};

type Renewed =
  | { readonly kind: 'change'; readonly change: FileChange }
  | { readonly kind: 'ended'; readonly carried: CarriedOut };

/** The change as it must be now: another call of the same turn may have been at the file first. */
const renew = async (change: FileChange, env: EffectEnvironment): Promise<Renewed> => {
  if (await isAsRead(change, env)) return { kind: 'change', change };
  // An earlier attempt of this very call may be what changed the file.
  const row = await env.store.call('getEffect', { key: env.context.effectKey });
  if (row) return { kind: 'ended', carried: await finishRow(row, env) };
  const plan = await env.tool.plan(env.input, env.context);
  if (plan.kind === 'process') throw new Error(`${env.tool.name} changed its kind of effect`);
  if (plan.kind === 'answer') return { kind: 'ended', carried: planned(plan, env.now()) };
  return plan.path === change.path
    ? { kind: 'change', change: plan }
    : { kind: 'ended', carried: planned(LED_ELSEWHERE, env.now()) };
};

const carryOutInTurn = async (first: FileChange, env: EffectEnvironment): Promise<CarriedOut> => {
  let change = first;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const renewed = await renew(change, env);
    if (renewed.kind === 'ended') return renewed.carried;
    if (env.context.signal.aborted) return planned(INTERRUPTED, env.now());
    change = renewed.change;
    env.reachFault('effect.before-claim', env.tool.name);
    const claimed = await claim(change, env);
    if (claimed) return act(change, claimed, env);
    await finishHolder(change.path, env);
  }
  throw new Error(`${first.path} stays claimed by other effects; ${env.context.effectKey} waits`);
};

export const carryOutFileChange = (
  change: FileChange,
  env: EffectEnvironment,
): Promise<CarriedOut> => inPathTurn(change.path, () => carryOutInTurn(change, env));

export const recoverFileChange = (row: EffectRow, env: EffectEnvironment): Promise<CarriedOut> =>
  row.claim.kind === 'file'
    ? inPathTurn(row.claim.path, () => finishRow(row, env))
    : Promise.reject(new Error(`effect ${row.key} is not a change of a file`));
