/**
 * The engine that runs: the daemon named in the runtime file, if it is the process that answers.
 *
 * The usual case of every command, so it costs one file read and one request. What must stay true:
 * a port that somebody else answers on by now is never taken for the daemon's.
 */
import type { HomePaths } from '../../../config/paths.js';
import { isAlive, readRuntimeFile, type RuntimeFile } from '../../../config/runtime-file.js';
import type { HealthBody } from '../../http/wire.js';
import { askDaemon } from './ask-once.js';

const HEALTH_MS_MAX = 1000;

export interface Engine {
  readonly port: number;
  readonly token: string;
  readonly runtime: RuntimeFile;
}

/** The engine as the runtime file tells it, if that is what answers. */
export const findEngine = async (paths: HomePaths): Promise<Engine | null> => {
  const runtime = readRuntimeFile(paths.runtime);
  if (!runtime?.daemon || !isAlive(runtime.daemon)) return null;
  const { port, pid } = runtime.daemon;
  try {
    const answer = await askDaemon<HealthBody>({
      port,
      path: '/v1/health',
      timeoutMs: HEALTH_MS_MAX,
    });
    const isOurs = answer.status === 200 && answer.body.pid === pid;
    return isOurs ? { port, token: runtime.token, runtime } : null;
  } catch {
    return null;
  }
};

export const isSupervised = (runtime: RuntimeFile | null): boolean =>
  runtime !== null && isAlive(runtime.supervisor);
