/**
 * `runtime.json`: who runs, where it answers, and the token that opens it. Written by the supervisor.
 *
 * Every reader checks pid and start time before it believes an entry: the file outlives its writers.
 * What must stay true: it is 0600 and replaced as a whole (temp + rename), so nobody reads half of it.
 */
import { readFileSync } from 'node:fs';

export interface ProcessMark {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat (clock ticks since boot); 0 where there is no /proc. */
  readonly start_time: number;
}

export interface RuntimeFile {
  readonly version: string;
  readonly build: string;
  readonly token: string;
  readonly supervisor: ProcessMark & { readonly started_at: string };
  readonly daemon:
    | (ProcessMark & {
        readonly port: number;
        readonly started_at: string;
        readonly restarts: number;
        /** "signal 9", "code 1"; null before the first death. */
        readonly last_exit: string | null;
      })
    | null;
  readonly temporal:
    | (ProcessMark & {
        readonly managed: true;
        readonly address: string;
        readonly port: number;
        readonly ui_port: number;
        readonly version: string;
      })
    | null;
}

/** Why nothing could start; the command line prints it as its own error. */
export interface StartupError {
  readonly kind: string;
  readonly message: string;
  readonly cure: string;
  readonly at: string;
}

/** Start time of a process in clock ticks since boot, or null when it is gone. */
export const startTimeOf = (pid: number): number | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : Number(fields[19]);
  } catch {
    return startTimeWithoutProc(pid);
  }
};

/** Where there is no /proc (macOS): alive or not is all that is told; the start time is 0. */
const startTimeWithoutProc = (pid: number): number | null => {
  if (process.platform === 'linux') return null;
  try {
    process.kill(pid, 0);
    return 0;
  } catch {
    return null;
  }
};

export const isAlive = (mark: ProcessMark): boolean => startTimeOf(mark.pid) === mark.start_time;

/** The runtime file, or null when there is none, it can't be read, or it names no supervisor. */
export const readRuntimeFile = (path: string): RuntimeFile | null => {
  try {
    const runtime = JSON.parse(readFileSync(path, 'utf8')) as Partial<RuntimeFile> | null;
    return typeof runtime?.supervisor?.pid === 'number' ? (runtime as RuntimeFile) : null;
  } catch {
    return null;
  }
};
