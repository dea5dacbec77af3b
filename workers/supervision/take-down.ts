/**
 * Ends everything that runs in a home, and knows that nothing is left.
 *
 * It takes the supervisor's own lock, so that none starts in between, and is done when it could
 * take the locks of daemon and server too. What must stay true: shells of running effects are left
 * alone; they hold no lock and are found again by the next daemon.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HomePaths } from '../../config/paths.js';
import { readBirthNote } from './birth-note.js';
import { endProcess } from './ending.js';
import { takeLock } from './lock.js';

/** A supervisor may wait 10 s for its daemon, and for its server to be killed. */
const GRACE_MS = { supervisor: 17_000, daemon: 10_000, temporal: 200 } as const;
const HOLDER_WAIT_MS = 5000;
const LOOK_MS = 20;

type Name = keyof typeof GRACE_MS;

/** Ends whoever holds the lock until it is ours; false when a holder can't be found. */
const takeOver = async (paths: HomePaths, name: Name): Promise<boolean> => {
  const file = (ending: string): string => join(paths.processes, `${name}.${ending}`);
  const lookedFromMs = performance.now();
  for (;;) {
    if (takeLock(file('lock')) !== null) return true;
    const note = readBirthNote(file('pid'));
    if (note) await endProcess(note.mark, GRACE_MS[name]);
    else if (performance.now() - lookedFromMs > HOLDER_WAIT_MS) return false;
    await sleep(LOOK_MS);
  }
};

/** The exit code: 0 when nothing of the home runs any more. */
export const takeDown = async (paths: HomePaths): Promise<number> => {
  if (!existsSync(paths.processes)) return 0;
  for (const name of ['supervisor', 'daemon', 'temporal'] as const)
    if (!(await takeOver(paths, name))) {
      console.error(`some process holds ${join(paths.processes, name)}.lock and can't be found`);
      return 1;
    }
  // Where something else has that name, nothing could ever start.
  for (const file of [paths.runtime, paths.startupError])
    rmSync(file, { force: true, recursive: true });
  return 0;
};
