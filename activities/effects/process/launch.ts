/**
 * Starts the wrapper, detached: from here on the command lives without us.
 *
 * What must stay true: whatever of this fails, fails before the wrapper's first instruction, so that
 * the right to run can still be taken back.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

import { commandFile, SEGMENT_BYTES, type EffectFolder, type RunRecord } from './folder.js';

const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

/** The program as the user's PATH has it, else the system's. */
const findProgram = (name: string, path: string): string => {
  for (const folder of `${path}${delimiter}${SYSTEM_PATH}`.split(delimiter)) {
    if (!folder.startsWith('/')) continue;
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  throw new Error(`no ${name} on PATH (${path}) nor in ${SYSTEM_PATH}: install ${name}`);
};

/** Adds what every program takes for granted. */
export const completeEnvironment = (
  env: Readonly<Record<string, string>>,
): Record<string, string> => ({
  ...env,
  PATH: env['PATH'] || SYSTEM_PATH,
  HOME: env['HOME'] || homedir(),
});

/** Resolves once the process exists; rejects when it can't be made (folder gone, no memory). */
export const launchWrapper = (
  folder: EffectFolder,
  record: RunRecord,
  scriptsDir: string,
): Promise<ChildProcess> => {
  const env = completeEnvironment(record.env);
  const path = env['PATH'] ?? '';
  const inner = [
    findProgram('setsid', path),
    findProgram('bash', path),
    '-c',
    // Evaluated here and not in the file, so that errors name bash and not a file of ours.
    '. "$0"; eval "set --; $1"',
    join(scriptsDir, 'inner.sh'),
    commandFile(folder),
    record.umask.toString(8).padStart(3, '0'),
  ];
  const child = spawn(
    '/bin/sh',
    [
      join(scriptsDir, 'wrap.sh'),
      folder.path,
      folder.key,
      folder.nonce,
      String(SEGMENT_BYTES),
      ...inner,
    ],
    { cwd: record.cwd, env, detached: true, stdio: 'ignore' },
  );
  child.unref();
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child));
    child.once('error', reject);
  });
};
