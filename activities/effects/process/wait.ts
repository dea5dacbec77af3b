/**
 * Waits for the end of a process, the same way whether we began it or found it running.
 *
 * It looks at the files, at growing intervals, and at once when our own child exits. What must stay
 * true: the exit of our child alone decides nothing (`server &` keeps the wrapper alive, a wrapper
 * that lost the race exits early); only what `probe` says does.
 */
import type { ChildProcess } from 'node:child_process';

import { readExit, type EffectFolder } from './folder.js';
import { probe, type Boots, type ProcessState } from './probe.js';

const LOOK_MIN_MS = 4;
const LOOK_MAX_MS = 250;
/** A look at all processes is dear: it is taken at this interval, and when our child exits. */
const PROBE_EVERY_MS = 1000;

export interface Waiting {
  readonly folder: EffectFolder;
  readonly boots: Boots;
  readonly child: ChildProcess | null;
  readonly signal: AbortSignal;
  /** Wall clock in ms; Infinity for a process that may run as long as it likes. */
  readonly deadline: number;
  /** Called at every look; must not throw. */
  readonly look: () => Promise<void>;
}

export type WaitEnd = ProcessState | { readonly kind: 'deadline' | 'aborted' };

/** Sleeps, but wakes when the signal aborts or the child exits. */
const nap = (waiting: Waiting, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const { child, signal } = waiting;
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      child?.removeListener('exit', wake);
      resolve();
    };
    const timer = setTimeout(wake, signal.aborted ? 0 : ms);
    signal.addEventListener('abort', wake);
    child?.once('exit', wake);
  });

const hasExited = (child: ChildProcess | null): boolean =>
  child !== null && (child.exitCode !== null || child.signalCode !== null);

/** What a look at all processes says, when it is time for one; null otherwise, or while it goes on. */
const makeProbing = (waiting: Waiting): (() => Promise<WaitEnd | null>) => {
  const { folder, boots, child } = waiting;
  let probedAt = 0;
  let sawExit = false;
  return async () => {
    const exited = hasExited(child);
    if ((!exited || sawExit) && Date.now() - probedAt < PROBE_EVERY_MS) return null;
    probedAt = Date.now();
    sawExit = exited;
    const state = await probe(folder, boots);
    // A wrapper of ours that has not reached its first line yet looks like `never`.
    if (state.kind === 'never' && child !== null && !exited) return null;
    return state.kind === 'running' || state.kind === 'starting' ? null : state;
  };
};

export const waitForEnd = async (waiting: Waiting): Promise<WaitEnd> => {
  const { folder, signal, deadline } = waiting;
  const begunAt = Date.now();
  const probing = makeProbing(waiting);
  for (;;) {
    const code = await readExit(folder);
    if (code !== null) return { kind: 'ended', code };
    const found = await probing();
    if (found) return found;
    if (signal.aborted) return { kind: 'aborted' };
    const now = Date.now();
    if (now >= deadline) return { kind: 'deadline' };
    await waiting.look();
    const ms = Math.max(LOOK_MIN_MS, Math.min((now - begunAt) / 8, LOOK_MAX_MS));
    await nap(waiting, Math.min(ms, deadline - now));
  }
};
