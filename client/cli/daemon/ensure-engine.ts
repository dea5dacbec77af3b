/**
 * Makes sure that a daemon answers: finds the one that runs, or has everything started.
 *
 * What starting needs is loaded only then, as commands are many and starts are few. What must stay
 * true: whoever gets an engine from here can speak to it at once.
 */
import { homePaths, loomkinHome } from '../../../config/paths.js';
import type { CommandIo } from '../io.js';
import { findEngine, isSupervised, type Engine } from './find-engine.js';

export interface EngineRequest {
  readonly env: CommandIo['env'];
  readonly stderr: CommandIo['stderr'];
  /** Default: `LOOMKIN_HOME` of `env`. */
  readonly home?: string;
}

/** Throws `CommandFailure`. */
export const ensureEngine = async ({ env, stderr, home }: EngineRequest): Promise<Engine> => {
  const paths = homePaths(home ?? loomkinHome(env));
  const engine = await findEngine(paths);
  if (engine && isSupervised(engine.runtime)) return engine;
  const { startEngine } = await import('./start-engine.js');
  return startEngine(paths, env, stderr);
};
