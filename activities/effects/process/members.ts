/**
 * Ends a process with everything that came of it, however far it got away.
 *
 * Members are found by three traces: the mark in the environment, the session of the command, and
 * descent from either. What must stay true: the right to run is taken first, so that nothing begins
 * after its end; and we never signal ourselves.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { EFFECT_MARK } from '../../../workflows/protocol/names.js';
import { noteEnding, readLeader, takeStart, type EffectFolder, type Ending } from './folder.js';
import { listProcesses } from './proc.js';
import { probe, type Boots } from './probe.js';

/** From the first TERM to KILL. */
const GRACE_MS = 2000;
/** After this long a process that can't be killed (stuck in the kernel) is left to itself. */
const GIVE_UP_MS = 20_000;

export const membersOf = async (folder: EffectFolder): Promise<number[]> => {
  const leader = await readLeader(folder);
  const all = await listProcesses(`${EFFECT_MARK}=${folder.key}`);
  const now = leader && all.find((one) => one.pid === leader.pid);
  // A leader of another age: the number was used again, that session is not ours.
  const session = leader && (!now || now.startTime === leader.startTime) ? leader.pid : null;
  const members = new Set(
    all.filter((one) => one.marked || one.session === session).map((one) => one.pid),
  );
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const one of all) if (members.has(one.ppid)) members.add(one.pid);
  }
  members.delete(process.pid);
  members.delete(1);
  // A parent before its children: a script must not go on because its child was signalled first.
  return all
    .filter(({ pid }) => members.has(pid))
    .sort((a, b) => Number(a.startTime) - Number(b.startTime) || a.pid - b.pid)
    .map(({ pid }) => pid);
};

const signalAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // Gone meanwhile, which is what was wanted.
    }
  }
};

/** Kills what carries the mark, without asking first: for a process whose wrapper is dead. */
export const killMembers = async (folder: EffectFolder): Promise<void> => {
  for (let round = 0; round < 20; round += 1) {
    const members = await membersOf(folder);
    if (members.length === 0) return;
    signalAll(members, 'SIGKILL');
    await delay(5);
  }
};

/** True when it was kept from ever beginning; false when it had begun and is ended now. */
export const endTree = async (
  folder: EffectFolder,
  boots: Boots,
  ending: Ending,
): Promise<boolean> => {
  if (await takeStart(folder)) return true;
  await noteEnding(folder, ending);
  const begunAt = Date.now();
  const told = new Set<number>();
  for (let waitMs = 4; Date.now() - begunAt < GIVE_UP_MS; waitMs = Math.min(waitMs * 2, 50)) {
    const members = await membersOf(folder);
    const { kind } = await probe(folder, boots);
    if (members.length === 0 && kind !== 'running' && kind !== 'starting')
      return kind === 'cancelled' || (kind === 'never' && takeStart(folder));
    if (Date.now() - begunAt > GRACE_MS) signalAll(members, 'SIGKILL');
    else
      signalAll(
        members.filter((pid) => !told.has(pid)),
        'SIGTERM',
      );
    for (const pid of members) told.add(pid);
    await delay(waitMs);
  }
  return false;
};
