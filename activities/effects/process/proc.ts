/**
 * Processes as /proc shows them: who is alive, whose child, which session, with which mark.
 *
 * A pid alone names nobody, since it is used again; pid and start time do. What must stay true: a
 * zombie counts as dead, for in a container there may be nobody to reap it.
 */
import { readFile, readdir } from 'node:fs/promises';

export interface ProcessFacts {
  readonly pid: number;
  readonly ppid: number;
  readonly session: number;
  /** Ticks since boot, as the kernel writes them. */
  readonly startTime: string;
}

/** Files of /proc read at the same time: enough to be quick, few enough to leave the pool free. */
const READS_AT_ONCE = 16;

const readProc = (pid: number | string, name: string): Promise<Buffer | null> =>
  readFile(`/proc/${pid}/${name}`).catch(() => null);

const parseStat = (pid: number, stat: string): ProcessFacts | null => {
  // The name in parentheses may hold anything, parentheses too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ppid, , session] = fields;
  const startTime = fields[19];
  if (!startTime || state === 'Z' || state === 'X') return null;
  return { pid, ppid: Number(ppid), session: Number(session), startTime };
};

/** Facts of a living process, or null. */
export const processFacts = async (pid: number): Promise<ProcessFacts | null> => {
  const stat = await readProc(pid, 'stat');
  return stat && parseStat(pid, stat.toString('latin1'));
};

export const isAlive = async (pid: number, startTime: string): Promise<boolean> =>
  (await processFacts(pid))?.startTime === startTime;

const livingPids = async (): Promise<number[]> => {
  const names = await readdir('/proc').catch(() => [] as string[]);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
};

/** Runs `look` over every pid, a few at a time, and keeps what is not null. */
const overAll = async <Found>(look: (pid: number) => Promise<Found | null>): Promise<Found[]> => {
  const pids = await livingPids();
  const found: Found[] = [];
  for (let from = 0; from < pids.length; from += READS_AT_ONCE) {
    const batch = await Promise.all(pids.slice(from, from + READS_AT_ONCE).map(look));
    for (const one of batch) if (one !== null) found.push(one);
  }
  return found;
};

/** Every living process, with whether its environment carries the mark. */
export const listProcesses = (
  mark: string,
): Promise<readonly (ProcessFacts & { readonly marked: boolean })[]> => {
  const entry = Buffer.from(`${mark}\0`);
  return overAll(async (pid) => {
    const facts = await processFacts(pid);
    if (!facts) return null;
    const environment = await readProc(pid, 'environ');
    const at = environment?.indexOf(entry) ?? -1;
    const marked = at === 0 || (at > 0 && environment?.[at - 1] === 0);
    return { ...facts, marked };
  });
};

/** Is there a living process whose arguments hold exactly `argument` at this place? */
export const hasArgument = async (place: number, argument: string): Promise<boolean> => {
  const found = await overAll(async (pid) => {
    const line = await readProc(pid, 'cmdline');
    return line?.toString().split('\0')[place] === argument ? processFacts(pid) : null;
  });
  return found.length > 0;
};

/** Names this boot of this machine; "" where there is no such thing. */
export const readBootId = async (): Promise<string> =>
  (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
