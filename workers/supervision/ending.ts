/**
 * Ends a process for sure: asks first, waits, then kills; a stopped one is woken to hear it.
 *
 * What must stay true: only the process with that pid and start time is ever touched.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessMark } from '../../config/runtime-file.js';

const LOOK_MS = 10;
const KILLED_WAIT_MS = 5000;

/** Sends the signal if the process still lives; whether it did. */
export const signalProcess = (mark: ProcessMark, signal: NodeJS.Signals): boolean => {
  if (!isAlive(mark)) return false;
  try {
    return process.kill(mark.pid, signal);
  } catch {
    return false;
  }
};

const isGoneWithin = async (mark: ProcessMark, waitMs: number): Promise<boolean> => {
  const endMs = performance.now() + waitMs;
  while (isAlive(mark)) {
    if (performance.now() > endMs) return false;
    await sleep(LOOK_MS);
  }
  return true;
};

/** True when it is gone. */
export const endProcess = async (mark: ProcessMark, graceMs: number): Promise<boolean> => {
  signalProcess(mark, 'SIGTERM');
  signalProcess(mark, 'SIGCONT');
  if (await isGoneWithin(mark, graceMs)) return true;
  signalProcess(mark, 'SIGKILL');
  return isGoneWithin(mark, KILLED_WAIT_MS);
};
