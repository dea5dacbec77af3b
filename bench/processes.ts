/**
 * What processes cost, read from /proc: time on the processors and memory.
 *
 * What must stay true: children that a process has waited for count as its own time, since git and
 * shells are part of what a session costs.
 */
import { readFileSync } from 'node:fs';

import type { RuntimeFile } from '../config/runtime-file.js';

/** Linux counts these times in hundredths of a second whatever its timer runs at. */
const MS_PER_TICK = 10;
const BYTES_PER_MB = 1024 * 1024;

/** Fields after the command's name, which may hold blanks; the first is the state. */
const statOf = (pid: number | 'self'): readonly string[] => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

const ticks = (pid: number | 'self', fields: readonly number[]): number => {
  const stat = statOf(pid);
  return fields.reduce((sum, field) => sum + Number(stat[field]), 0);
};

/** Of a process with all its threads, and of its children that have ended. */
export const cpuMsOf = (pid: number): number => ticks(pid, [11, 12, 13, 14]) * MS_PER_TICK;

/** Of our own children that have ended: what a command cost is the difference around it. */
export const cpuMsOfEndedChildren = (): number => ticks('self', [13, 14]) * MS_PER_TICK;

const rollupMb = (pid: number, name: 'Pss' | 'Rss'): number => {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kb = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1];
  return (Number(kb) * 1024) / BYTES_PER_MB;
};

export type Part = 'supervisor' | 'daemon' | 'temporal';

/** Ids of the three processes of an installation, all of which must be there. */
export const partsOf = ({
  supervisor,
  daemon,
  temporal,
}: RuntimeFile): Readonly<Record<Part, number>> => {
  if (!daemon || !temporal) throw new Error('daemon or Temporal server is not running');
  return { supervisor: supervisor.pid, daemon: daemon.pid, temporal: temporal.pid };
};

export type PerPart = Readonly<Record<Part, number>>;

const each = (runtime: RuntimeFile, read: (pid: number) => number): PerPart => {
  const { supervisor, daemon, temporal } = partsOf(runtime);
  return { supervisor: read(supervisor), daemon: read(daemon), temporal: read(temporal) };
};

export const cpuMs = (runtime: RuntimeFile): PerPart => each(runtime, cpuMsOf);

/** `Pss` shares out what processes have in common, so that a sum counts it once. */
export const memoryMb = (runtime: RuntimeFile, kind: 'Pss' | 'Rss'): PerPart =>
  each(runtime, (pid) => rollupMb(pid, kind));

export const total = ({ supervisor, daemon, temporal }: PerPart): number =>
  supervisor + daemon + temporal;

export const minus = (after: PerPart, before: PerPart): PerPart => ({
  supervisor: after.supervisor - before.supervisor,
  daemon: after.daemon - before.daemon,
  temporal: after.temporal - before.temporal,
});

export const inWords = (parts: PerPart, unit: string): string =>
  Object.entries(parts)
    .map(([part, value]) => `${part} ${value.toFixed(0)}`)
    .join(', ') + ` ${unit}`;
