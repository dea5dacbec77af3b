/**
 * A lock that lives exactly as long as the process that holds it, on `flock` of an inherited file.
 *
 * The lock belongs to the open file, so a short-lived tool may take it for us and end; whoever
 * inherits the descriptor holds it until death, however sudden. What must stay true: lock files
 * are never removed, since unlinking one would let two owners in.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** Of both: somebody else has it. Any other code is no answer. */
const HELD = 1;
const PERL_FLOCK = 'open F,">&=3" or exit 2; exit(flock(F,6)?0:1)';

/** The locked descriptor, or null while somebody else lives who holds it. */
export const takeLock = (file: string): number | null => {
  const fd = openSync(file, 'a', 0o600);
  const stdio: ('ignore' | number)[] = ['ignore', 'ignore', 'ignore', fd];
  const env = { PATH: process.env['PATH'] };
  let attempt = spawnSync('flock', ['-n', '3'], { stdio, env });
  if (attempt.error) attempt = spawnSync('perl', ['-e', PERL_FLOCK], { stdio, env });
  if (attempt.status === 0) return fd;
  closeSync(fd);
  if (attempt.error)
    throw new Error(`can't lock ${file}: neither flock nor perl is on PATH`, {
      cause: attempt.error,
    });
  if (attempt.status === null || attempt.status === HELD) return null;
  throw new Error(`can't lock ${file}: its file system or flock refuses (${attempt.status})`);
};
