/**
 * Carries out a `ProcessRun` exactly once, as far as a machine can: claim, launch, wait, settle.
 *
 * A retry comes in through `recover`, asks the world what became of the process, and goes on from
 * there. What must stay true: nothing is launched before its claim is committed, nor again unless it
 * surely never began (or the tool's own probe says that it did not happen).
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { isShutdown } from '../activity-scope.js';
import type { EffectRow } from '../stores/effects-store.js';
import type { ProcessRun } from '../tools/tool.js';
import type { CarriedOut, EffectEnvironment } from './effect.js';
import { readAgentState, startingPoint } from './process/agent-environment.js';
import { attend, attendUnknown } from './process/attend.js';
import {
  agentStateFile,
  attemptAt,
  begin,
  effectOf,
  failed,
  finish,
  NEVER_BEGAN,
  outcomeOf,
  settle,
  settledOutcome,
  type Case,
} from './process/case.js';
import {
  folderNameOf,
  prepareFolder,
  readEnding,
  readRecord,
  resetFolder,
  takeStart,
  type EffectFolder,
  type RunRecord,
} from './process/folder.js';
import { endTree, killMembers } from './process/members.js';
import { probe } from './process/probe.js';
import { readBootId } from './process/proc.js';
import { makeSlots, type Slots } from './process/slots.js';

export interface ProcessEffectOptions {
  /** `$LOOMKIN_HOME/shells`. */
  readonly shellsDir: string;
  /** Where `wrap.sh` and `inner.sh` lie. */
  readonly scriptsDir: string;
  /** Commands at once where the session does not say; the others wait. */
  readonly concurrency: number;
  /** Overrides the machine's: another boot, for tests. */
  readonly bootId?: string;
}

export interface ProcessEffects {
  carryOut(run: ProcessRun, env: EffectEnvironment): Promise<CarriedOut>;
  /** For a row that an earlier attempt left claimed. */
  recover(row: EffectRow, env: EffectEnvironment): Promise<CarriedOut>;
  /** Ends what runs of a claimed effect, and keeps it from beginning; settles nothing. */
  endProcess(row: EffectRow): Promise<void>;
}

interface Machine extends ProcessEffectOptions {
  readonly slots: Slots;
  readonly bootId: string;
}

/** The slot's release; null when the turn was interrupted while it waited. */
const takeSlot = async (machine: Machine, env: EffectEnvironment): Promise<(() => void) | null> => {
  try {
    const countMax = env.context.limits.shellConcurrency ?? machine.concurrency;
    return await machine.slots.take(env.context.signal, countMax);
  } catch (error) {
    if (isShutdown(env.context.signal.reason)) throw error;
    return null;
  }
};

const folderOf = (row: EffectRow): EffectFolder => {
  const { claim } = row;
  if (claim.kind !== 'process')
    throw new Error(`effect ${row.key} is not a process but ${claim.kind}`);
  return { path: claim.dir, nonce: claim.nonce, key: row.key };
};

const caseOf = (machine: Machine, row: EffectRow, env: EffectEnvironment): Case => {
  const claimed = row.claim.kind === 'process' ? row.claim.bootId : '';
  const { shellsDir, scriptsDir, bootId } = machine;
  const boots = { claimed, now: bootId };
  return { folder: folderOf(row), boots, row, env, recovered: true, shellsDir, scriptsDir };
};

const beginLater = async (machine: Machine, one: Case, record: RunRecord): Promise<CarriedOut> => {
  const release = await takeSlot(machine, one.env);
  if (!release) {
    await takeStart(one.folder);
    return settle(one, NEVER_BEGAN);
  }
  return begin(one, record).finally(release);
};

/** The process can't tell. Perhaps the tool can, by what the process was to change. */
const recoverUnknown = async (
  machine: Machine,
  one: Case,
  record: RunRecord | null,
): Promise<CarriedOut> => {
  const { tool, input, context } = one.env;
  const known = record ?? recordWithout(context);
  if (await readEnding(one.folder)) return finish(one, known, await attend(attemptAt(one, known)));
  await killMembers(one.folder);
  const found = (await tool.probe?.(input, context)) ?? null;
  if (found) return settle(one, found);
  if (!tool.probe || !record) return finish(one, known, await attendUnknown(attemptAt(one, known)));
  await resetFolder(one.folder);
  return beginLater(machine, one, record);
};

/** Stands in for a record that is lost: enough to attend, never used to begin. */
const recordWithout = (context: EffectEnvironment['context']): RunRecord => ({
  kind: 'process',
  script: '',
  cwd: context.project,
  env: {},
  timeoutMs: context.limits.shellTimeoutMs,
  background: false,
  umask: context.umask,
});

const recover = async (
  machine: Machine,
  row: EffectRow,
  env: EffectEnvironment,
): Promise<CarriedOut> => {
  const settled = settledOutcome(row);
  if (settled) return { outcome: settled, recovered: true };
  const one = caseOf(machine, row, env);
  const record = await readRecord(one.folder);
  const state = await probe(one.folder, one.boots);
  if (state.kind === 'unknown') return recoverUnknown(machine, one, record);
  if (state.kind !== 'never') {
    const known = record ?? recordWithout(env.context);
    return finish(one, known, await attend(attemptAt(one, known)));
  }
  if (record) return beginLater(machine, one, record);
  await takeStart(one.folder);
  return settle(one, failed('It did not begin, and what it was to run is lost. Call it again.'));
};

const prepare = async (
  machine: Machine,
  run: ProcessRun,
  env: EffectEnvironment,
): Promise<{ readonly folder: EffectFolder; readonly record: RunRecord }> => {
  const { effectKey: key, umask } = env.context;
  const nonce = randomBytes(16).toString('hex');
  const folder = { path: join(machine.shellsDir, folderNameOf(key)), nonce, key };
  const state = run.keepsEnvironment
    ? await readAgentState(agentStateFile(machine.shellsDir, env))
    : null;
  const record = { ...run, ...(await startingPoint(state, run.cwd, run.env)), umask };
  await prepareFolder(folder, record);
  return { folder, record };
};

/** Claims and begins; hands back the row when another attempt had claimed it. */
const claimAndBegin = async (
  machine: Machine,
  run: ProcessRun,
  env: EffectEnvironment,
): Promise<CarriedOut | EffectRow> => {
  const { folder, record } = await prepare(machine, run, env);
  const { path: dir, nonce, key } = folder;
  const tool = env.tool.name;
  env.reachFault('effect.before-claim', tool);
  const { row, fresh } = await env.store.call('claimEffect', {
    key,
    sessionId: env.context.sessionId,
    tool,
    effect: effectOf(env),
    claim: { kind: 'process', dir, bootId: machine.bootId, nonce },
    at: env.now(),
    preImage: null,
    postImage: null,
  });
  env.reachFault('effect.after-claim', tool);
  if (!fresh) return row;
  return begin({ ...caseOf(machine, row, env), recovered: false }, record);
};

const carryOut = async (
  machine: Machine,
  run: ProcessRun,
  env: EffectEnvironment,
): Promise<CarriedOut> => {
  const release = await takeSlot(machine, env);
  if (!release) return { outcome: outcomeOf(env, NEVER_BEGAN, false), recovered: false };
  const done = await claimAndBegin(machine, run, env).finally(release);
  return 'outcome' in done ? done : recover(machine, done, env);
};

export const makeProcessEffects = (options: ProcessEffectOptions): ProcessEffects => {
  const slots = makeSlots();
  const machine = async (): Promise<Machine> => ({
    ...options,
    slots,
    bootId: options.bootId ?? (await readBootId()),
  });
  return {
    carryOut: async (run, env) => carryOut(await machine(), run, env),
    recover: async (row, env) => recover(await machine(), row, env),
    endProcess: async (row) => {
      if (row.claim.kind !== 'process') return;
      const boots = { claimed: row.claim.bootId, now: (await machine()).bootId };
      await endTree(folderOf(row), boots, 'cancelled');
      await killMembers(folderOf(row));
    },
  };
};
