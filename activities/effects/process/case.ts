/**
 * One attempt at one claimed process effect: launch it, stay with it, settle what came of it.
 *
 * What must stay true: a case is settled once, with the words of its tool, and what a retry would
 * need stays in its folder until the outcome is committed.
 */
import type { EffectOutcome, EffectRow } from '../../stores/effects-store.js';
import type { ProcessConclusion, ProcessEnd } from '../../tools/tool.js';
import type { CarriedOut, EffectEnvironment } from '../effect.js';
import { keepAgentState, stateFileOf } from './agent-environment.js';
import { attend, type AttendEnd, type Attempt } from './attend.js';
import { readExit, takeStart, tidyFolder, type EffectFolder, type RunRecord } from './folder.js';
import { launchWrapper } from './launch.js';
import type { Boots } from './probe.js';

export interface Case {
  readonly folder: EffectFolder;
  readonly boots: Boots;
  readonly row: EffectRow;
  readonly env: EffectEnvironment;
  /** An earlier attempt had begun it. */
  readonly recovered: boolean;
  readonly shellsDir: string;
  readonly scriptsDir: string;
}

export const failed = (text: string): ProcessConclusion => ({
  text,
  isError: true,
  state: 'failed',
  commit: null,
  paths: [],
});

export const NEVER_BEGAN = failed('[interrupted] It did not begin; nothing was changed.');

/** The ledger's word for the tool's kind. */
export const effectOf = (env: EffectEnvironment): 'reconcilable' | 'opaque' =>
  env.tool.effect(env.input) === 'reconcilable' ? 'reconcilable' : 'opaque';

export const agentStateFile = (shellsDir: string, env: EffectEnvironment): string =>
  stateFileOf(shellsDir, env.context.sessionId, env.context.agent);

export const outcomeOf = (
  env: EffectEnvironment,
  conclusion: ProcessConclusion,
  recovered: boolean,
): EffectOutcome => {
  const { state, text, isError, commit, paths } = conclusion;
  const note = { effect: effectOf(env), outcome: state, recovered, paths, commit };
  return { state, text, isError, note, at: env.now() };
};

/** The outcome that is in the ledger already; null while the effect is claimed. */
export const settledOutcome = (row: EffectRow): EffectOutcome | null => {
  const { state, text, isError, note, settledAt } = row;
  if (state === 'claimed' || note === null) return null;
  return { state, text: text ?? '', isError, note, at: settledAt ?? row.claimedAt };
};

export const settle = async (one: Case, conclusion: ProcessConclusion): Promise<CarriedOut> => {
  const { env, folder, recovered } = one;
  env.reachFault('effect.after-act', env.tool.name);
  const outcome = outcomeOf(env, conclusion, recovered);
  const row = await env.store.call('settleEffect', { key: one.row.key, outcome });
  env.reachFault('effect.after-outcome', env.tool.name);
  // A background command may not have read its own text yet.
  if ((await readExit(folder)) !== null) await tidyFolder(folder);
  return { outcome: settledOutcome(row) ?? outcome, recovered };
};

const conclude = async (one: Case, record: RunRecord, end: ProcessEnd): Promise<CarriedOut> => {
  const { tool, input, context } = one.env;
  if (record.keepsEnvironment && end.kind === 'exited')
    await keepAgentState({
      file: agentStateFile(one.shellsDir, one.env),
      folder: one.folder,
      env: context.env,
      callId: context.callId,
    });
  if (!tool.conclude) throw new Error(`${tool.name} runs a process but has no conclude()`);
  return settle(one, await tool.conclude(input, end, context));
};

export const attemptAt = (one: Case, record: RunRecord): Attempt => {
  const { env } = one;
  let running = false;
  return {
    folder: one.folder,
    boots: one.boots,
    record,
    claimedAt: one.row.claimedAt,
    child: null,
    signal: env.context.signal,
    outputBytesMax: env.context.limits.outputBytesMax,
    onRunning: () => {
      if (running) return;
      running = true;
      env.reachFault('shell.running', env.tool.name);
    },
  };
};

export const finish = (one: Case, record: RunRecord, end: AttendEnd): Promise<CarriedOut> =>
  end.kind === 'never' ? settle(one, NEVER_BEGAN) : conclude(one, record, end);

/** Launches the process. Only for a fresh claim, or after it was found that nothing ran. */
export const begin = async (found: Case, record: RunRecord): Promise<CarriedOut> => {
  // Launched in this boot, whenever it was claimed.
  const one = { ...found, boots: { claimed: found.boots.now, now: found.boots.now } };
  const attempt = attemptAt(one, record);
  let child;
  try {
    child = await launchWrapper(one.folder, record, one.scriptsDir);
  } catch (error) {
    // Nothing ran and nothing will, unless the wrapper of another attempt was quicker.
    if (!(await takeStart(one.folder))) return finish(one, record, await attend(attempt));
    const reason = (error as Error).message;
    return settle(one, failed(`It could not be started in ${record.cwd}: ${reason}`));
  }
  return finish(one, record, await attend({ ...attempt, child }));
};
