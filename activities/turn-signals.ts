/**
 * Tells the activities of this process at once that their turn was interrupted.
 *
 * The durable word is the signal to the workflow, which the gateway sends first; a cancel that has to
 * travel by heartbeat would take seconds. What must stay true: only activities that run at the moment
 * of the interrupt see it.
 */
import type { TurnSignals } from './sessions.js';

export const makeTurnSignals = (): TurnSignals => {
  const running = new Map<string, Set<AbortController>>();
  const keyOf = (sessionId: string, agent: string): string => `${sessionId}/${agent}`;
  return {
    signalOf(sessionId, agent) {
      const key = keyOf(sessionId, agent);
      const controller = new AbortController();
      const controllers = running.get(key) ?? new Set();
      running.set(key, controllers.add(controller));
      const release = (): void => {
        controllers.delete(controller);
        if (controllers.size === 0) running.delete(key);
      };
      return { signal: controller.signal, release };
    },
    interrupt(sessionId, agent) {
      for (const controller of running.get(keyOf(sessionId, agent)) ?? [])
        controller.abort(new Error('the turn was interrupted'));
    },
  };
};
