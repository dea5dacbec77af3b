/**
 * `loomkin down`: ends supervisor, daemon and server, also where some are dead, stopped or orphaned.
 *
 * Sessions are not ended, they go on at the next start. What must stay true: exit code 0 means that
 * none of the three is left.
 */
import { existsSync } from 'node:fs';
import { homePaths, loomkinHome } from '../../../config/paths.js';
import { takeDown } from '../daemon/programs.js';
import type { CommandIo } from '../io.js';

export interface DownOptions {
  readonly json?: boolean;
}

/** Throws `CommandFailure` when something is left. */
export const runDown = async (options: DownOptions, io: CommandIo): Promise<number> => {
  const paths = homePaths(loomkinHome(io.env));
  const ran = existsSync(paths.runtime);
  if (existsSync(paths.processes)) await takeDown(paths, io.env, io.stderr);
  const words = ran ? 'loomkin is down; sessions go on at the next start' : 'nothing was running';
  io.stdout.write(options.json ? `${JSON.stringify({ running: false })}\n` : `${words}\n`);
  return 0;
};
