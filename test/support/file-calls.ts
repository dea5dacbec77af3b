/**
 * File calls on a real store: the part of `run-tool.ts` that a file effect sees, and nothing else.
 *
 * Imported by tests and, bundled, by the process that tests kill (`change-file.ts`).
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { CarriedOut, EffectEnvironment } from '../../activities/effects/effect.js';
import { openFaults } from '../../activities/effects/fault-points.js';
import type { ReachFault } from '../../activities/effects/faults.js';
import { carryOutFileChange, recoverFileChange } from '../../activities/effects/file-effect.js';
import { openStore } from '../../activities/stores/open-store.js';
import type { Store } from '../../activities/stores/store.js';
import { editTool } from '../../activities/tools/files/edit.js';
import { writeTool } from '../../activities/tools/files/write.js';
import type { Tool, ToolContext } from '../../activities/tools/tool.js';

export interface FileCalls {
  readonly store: Store;
  readonly reachFault: ReachFault;
}

export const openFileCalls = async (
  home: string,
  threadFile: string,
  faultSpec?: string,
): Promise<FileCalls> => {
  mkdirSync(home, { recursive: true });
  const faultsLog = join(home, 'faults.log');
  const store = await openStore({
    file: join(home, 'loomkin.db'),
    blobsDir: join(home, 'blobs'),
    backupsDir: join(home, 'backups'),
    threadFile,
    faultSpec,
    faultsLog,
  });
  await store.call('takeFence', { pid: process.pid, at: new Date().toISOString() });
  return { store, reachFault: openFaults({ spec: faultSpec, logFile: faultsLog }) };
};

export const toolOf = (input: object): Tool => ('content' in input ? writeTool : editTool) as Tool;

export interface CallEnd {
  readonly kind: 'answer' | 'applied' | 'failed' | 'unknown';
  readonly text: string;
  readonly isError: boolean;
  readonly recovered: boolean;
}

const endOf = ({ outcome, recovered }: CarriedOut): CallEnd => {
  const { state, text, isError } = outcome;
  return { kind: state, text, isError, recovered };
};

/** Runs a call (`write` when it has content, else `edit`) to its end; again with the same context = a retry. */
export const runFileCall = async (
  { store, reachFault }: FileCalls,
  input: object,
  context: ToolContext,
): Promise<CallEnd> => {
  const tool = toolOf(input);
  const now = (): string => new Date().toISOString();
  const env: EffectEnvironment = { store, reachFault, tool, input, context, now };
  const row = await store.call('getEffect', { key: context.effectKey });
  if (row && row.state !== 'claimed')
    return { kind: row.state, text: row.text ?? '', isError: row.isError, recovered: true };
  if (row) return endOf(await recoverFileChange(row, env));
  const plan = await tool.plan(input, context);
  if (plan.kind === 'file') return endOf(await carryOutFileChange(plan, env));
  if (plan.kind === 'process') throw new Error('a file tool wants a process');
  return { kind: 'answer', text: plan.text, isError: plan.isError, recovered: false };
};
