/**
 * Says why server or daemon can't start, from the last thing it logged.
 *
 * A damaged database is first copied aside, since the person's next act may be to replace it. What
 * must stay true: the database itself is never written, moved or removed here.
 */
import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { HomePaths } from '../../config/paths.js';
import { lastLogLine } from './logs.js';
import { StartupFailure } from './startup-failure.js';

const DAMAGED = /not a database|malformed|corrupt/i;
const FULL = /disk is full|no space left/i;

/** A copy that was cut off is made again. */
const isKept = (file: string, copy: string): boolean =>
  existsSync(copy) && statSync(copy).size >= statSync(file).size;

/** The copy's name tells the state of the file, so that the same damage is kept once. */
const keepDamaged = ({ backups, temporalDb }: HomePaths): string => {
  const changed = statSync(temporalDb).mtime.toISOString().replaceAll(':', '-');
  const copy = join(backups, `damaged-${changed}-${basename(temporalDb)}`);
  mkdirSync(backups, { recursive: true, mode: 0o700 });
  for (const ending of ['', '-wal', '-shm'])
    if (existsSync(temporalDb + ending) && !isKept(temporalDb + ending, copy + ending))
      copyFileSync(temporalDb + ending, copy + ending);
  return copy;
};

const damaged = (paths: HomePaths): StartupFailure => {
  const what = `the database ${paths.temporalDb} is damaged`;
  const ways = 'Put a good copy in its place, or move it away to begin without running sessions.';
  try {
    const cure = `Its bytes are kept in ${keepDamaged(paths)}. ${ways}`;
    return new StartupFailure('database_damaged', what, cure);
  } catch (error) {
    const cure = `It could not be copied aside (${(error as Error).message}). ${ways}`;
    return new StartupFailure('database_damaged', what, cure);
  }
};

/** `saidFrom`: how long the log was before this one began; what others said is no sign. */
export const diagnoseServer = (paths: HomePaths, exit: string, saidFrom = 0): StartupFailure => {
  const log = join(paths.logs, 'temporal.log');
  const said = lastLogLine(log, saidFrom);
  if (DAMAGED.test(said)) return damaged(paths);
  if (FULL.test(said))
    return new StartupFailure(
      'disk_full',
      `the disk that holds ${paths.home} is full`,
      'Free some space, or set LOOMKIN_HOME to a folder on another disk.',
    );
  const reason = said === '' ? exit : said;
  const message = `the Temporal server can't start (${reason})`;
  return new StartupFailure('temporal_failed', message, `Read ${log}.`);
};

export const diagnoseDaemon = (paths: HomePaths, exit: string, saidFrom = 0): StartupFailure => {
  const log = join(paths.logs, 'daemon.log');
  const said = lastLogLine(log, saidFrom);
  const message = `the daemon can't start (${said === '' ? exit : `${exit}: ${said}`})`;
  return new StartupFailure('daemon_failed', message, `Read ${log}.`);
};
