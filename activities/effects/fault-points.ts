/**
 * Arms the kill points from `LOOMKIN_FAULT`; see `faults.ts` for the grammar.
 *
 * Used by the daemon and by the store thread, which share one `faults.log`: a fault that is in the
 * log has fired and never fires again in that home. What must stay true: the log line is on disk
 * before the process dies.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

import { FAULT_POINTS, type FaultPoint, type ReachFault } from './faults.js';

type Action = 'kill' | 'stop' | 'throw';

interface Fault {
  readonly spec: string;
  readonly point: FaultPoint;
  readonly tool: string | null;
  readonly action: Action;
  /** Fires at the n-th time the point is reached, from 1. */
  readonly at: number;
  reached: number;
}

const GRAMMAR = /^([a-z.-]+)(?::([a-z_]+))?(?:#(\d+))?=(kill|stop|throw)$/;

/** Throws Error on a spec that can't be read: a typo must not pass for a test that survived. */
const parseFaults = (list: string): Fault[] =>
  list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((spec) => {
      const match = GRAMMAR.exec(spec);
      const point = FAULT_POINTS.find((known) => known === match?.[1]);
      if (!match || !point) throw new Error(`LOOMKIN_FAULT: can't read "${spec}"`);
      const action = match[4] as Action;
      return { spec, point, tool: match[2] ?? null, action, at: Number(match[3] ?? 1), reached: 0 };
    });

const hasFired = (logFile: string, spec: string): boolean =>
  existsSync(logFile) && readFileSync(logFile, 'utf8').split('\n').includes(spec);

const noteFired = (logFile: string, spec: string): void => {
  const file = openSync(logFile, 'a', 0o600);
  writeSync(file, `${spec}\n`);
  fsyncSync(file);
  closeSync(file);
};

const act = (fault: Fault): void => {
  if (fault.action === 'throw') throw new Error(`fault injected at ${fault.spec}`);
  process.kill(process.pid, fault.action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
};

/** `spec` is the variable's value; unset or empty arms nothing and costs nothing. */
export const openFaults = (options: {
  readonly spec: string | undefined;
  readonly logFile: string;
}): ReachFault => {
  if (!options.spec) return () => undefined;
  const faults = parseFaults(options.spec);
  return (point, tool) => {
    for (const fault of faults) {
      if (fault.point !== point || (fault.tool !== null && fault.tool !== tool)) continue;
      fault.reached += 1;
      if (fault.reached !== fault.at || hasFired(options.logFile, fault.spec)) continue;
      noteFired(options.logFile, fault.spec);
      act(fault);
    }
  };
};
