/**
 * `loomkin up`: everything runs and answers when it returns; `--install` also at each boot.
 *
 * Unfinished sessions go on by themselves once the daemon lives, so there is nothing more to do.
 */
import { homePaths, loomkinHome } from '../../../config/paths.js';
import { ensureEngine } from '../daemon/ensure-engine.js';
import type { CommandIo } from '../io.js';
import { jsonLine } from '../render/json-line.js';
import { statusDocument } from './status-document.js';

export interface UpOptions {
  readonly json?: boolean;
  readonly install?: boolean;
}

/** Throws `CommandFailure`. */
export const runUp = async (options: UpOptions, io: CommandIo): Promise<number> => {
  const { runtime } = await ensureEngine({ env: io.env, stderr: io.stderr });
  const paths = homePaths(loomkinHome(io.env));
  const said: string[] = [];
  if (options.install) {
    const { installBootStart } = await import('./boot-start.js');
    said.push(await installBootStart(paths.home, io.env));
  }
  if (options.json) {
    io.stdout.write(jsonLine(await statusDocument(paths, io.env)));
    return 0;
  }
  said.unshift(
    `loomkin is up in ${paths.home}`,
    ...(runtime.temporal ? [`Temporal Web UI: http://127.0.0.1:${runtime.temporal.ui_port}`] : []),
  );
  io.stdout.write(`${said.join('\n')}\n`);
  return 0;
};
