/**
 * Stays with a process until there is something to say: it ended, was ended, went on in the
 * background, or can't be found out about. The same for one just begun and for one found running.
 *
 * What must stay true: a daemon that shuts down leaves the process alone and records nothing; an
 * ending that was begun is finished by whoever comes next.
 */
import type { ChildProcess } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { isShutdown } from '../../activity-scope.js';
import type { ProcessEnd } from '../../tools/tool.js';
import { gatherEvidence } from './evidence.js';
import {
  readEnding,
  readLeader,
  startedAtMs,
  type EffectFolder,
  type Ending,
  type RunRecord,
} from './folder.js';
import { endTree, killMembers } from './members.js';
import { collectOutput } from './output.js';
import type { Boots } from './probe.js';
import { trimSegments } from './segments.js';
import { waitForEnd, type WaitEnd } from './wait.js';

/** A background command that fails at once says so in its own result. */
const BACKGROUND_LOOK_MS = 150;
/** How long a loaded machine may take until a background command has a pid. */
const LEADER_WAIT_MS = 5000;
/** Left free for the words around the output. */
const FRAME_BYTES = 768;
/** Output shown of a process that can't be found out about. */
const LOG_TAIL_BYTES = 2048;

export interface Attempt {
  readonly folder: EffectFolder;
  readonly boots: Boots;
  readonly record: RunRecord;
  readonly claimedAt: string;
  /** The wrapper, when this attempt launched it. */
  readonly child: ChildProcess | null;
  readonly signal: AbortSignal;
  readonly outputBytesMax: number;
  /** Called once the command is known to run. */
  readonly onRunning: () => void;
}

/** `never`: it did not begin and now never will. */
export type AttendEnd = ProcessEnd | { readonly kind: 'never' };

const durationMs = async (folder: EffectFolder): Promise<number> => {
  const begun = await startedAtMs(folder);
  const ended = await stat(join(folder.path, 'exit')).then(
    (facts) => facts.mtimeMs,
    () => Date.now(),
  );
  return begun === null ? 0 : Math.max(0, Math.round(ended - begun));
};

const describe = async (
  attempt: Attempt,
  end: Pick<ProcessEnd, 'kind' | 'code' | 'evidence'>,
): Promise<ProcessEnd> => {
  const { folder, boots, outputBytesMax } = attempt;
  const shown = Math.max(FRAME_BYTES, outputBytesMax - FRAME_BYTES);
  const { text, bytes, path } = await collectOutput(folder, boots, {
    bytesMax: end.kind === 'unknown' ? Math.min(shown, LOG_TAIL_BYTES) : shown,
    running: end.kind === 'running',
  });
  const leader = end.kind === 'running' ? await readLeader(folder) : null;
  return {
    ...end,
    output: text,
    outputBytes: bytes,
    outputPath: path,
    durationMs: await durationMs(folder),
    ...(leader && { pid: leader.pid }),
  };
};

const endNow = async (attempt: Attempt, ending: Ending): Promise<AttendEnd> => {
  const neverBegan = await endTree(attempt.folder, attempt.boots, ending);
  if (neverBegan) return { kind: 'never' };
  return describe(attempt, { kind: ending, code: null, evidence: null });
};

const wait = async (attempt: Attempt): Promise<WaitEnd> => {
  const { folder, boots, child, signal, record } = attempt;
  const begunAt = (await startedAtMs(folder)) ?? Date.now();
  const deadline = record.background ? Date.now() + BACKGROUND_LOOK_MS : begunAt + record.timeoutMs;
  const look = async (): Promise<void> => {
    if ((await startedAtMs(folder)) !== null) attempt.onRunning();
    await trimSegments(folder);
  };
  return waitForEnd({ folder, boots, child, signal, deadline, look });
};

/** It goes on by itself: all there is to say is how to find it. */
const leaveRunning = async (attempt: Attempt): Promise<ProcessEnd> => {
  const begunAt = Date.now();
  while ((await readLeader(attempt.folder)) === null && Date.now() - begunAt < LEADER_WAIT_MS)
    await delay(10);
  attempt.onRunning();
  return describe(attempt, { kind: 'running', code: null, evidence: null });
};

export const attend = async (attempt: Attempt): Promise<AttendEnd> => {
  const { folder, signal, record } = attempt;
  const begun = await readEnding(folder);
  if (begun) return endNow(attempt, begun);
  const end = await wait(attempt);
  switch (end.kind) {
    case 'ended':
      attempt.onRunning();
      return describe(attempt, { kind: 'exited', code: end.code, evidence: null });
    case 'deadline':
      return record.background ? leaveRunning(attempt) : endNow(attempt, 'timed_out');
    case 'aborted':
      if (isShutdown(signal.reason)) throw signal.reason as Error;
      return endNow(attempt, 'cancelled');
    case 'unknown':
      return attendUnknown(attempt);
    case 'never':
    case 'cancelled':
    case 'starting':
    case 'running':
      return endNow(attempt, 'cancelled');
  }
};

/** Nobody is left to write its exit code: what still runs of it is ended, what is known is gathered. */
export const attendUnknown = async (attempt: Attempt): Promise<ProcessEnd> => {
  const { folder, record, claimedAt } = attempt;
  await killMembers(folder);
  const evidence = await gatherEvidence(folder, record, claimedAt);
  return describe(attempt, { kind: 'unknown', code: null, evidence });
};
