/**
 * Tells the activities of this process at once that their turn was interrupted.
 *
 * The durable word is the signal to the workflow, which the gateway sends first; a cancel that has to
 * travel by heartbeat would take seconds. What must stay true: an interrupt means the turn that was in
 * hand when it was said, all of it: calls of that turn that begin later are born interrupted, since the
 * workflow may have decided on them before it heard the word.
 */
import type { TurnRef } from '../workflows/protocol/turn.js';
import type { TurnSignals } from './sessions.js';

interface Turn {
  /** Turns count anew where an agent was ended and begun again. */
  readonly runId: string;
  readonly turn: number;
}

interface Running extends Turn {
  readonly controller: AbortController;
}

interface Seen {
  readonly running: Set<Running>;
  newest: Turn | null;
  interrupted: Turn | null;
}

const isMeant = ({ runId, turn }: Turn, aim: Turn | null): boolean =>
  aim !== null && runId === aim.runId && turn <= aim.turn;

export const makeTurnSignals = (): TurnSignals => {
  const agents = new Map<string, Seen>();
  const seenOf = (sessionId: string, agent: string): Seen => {
    const key = `${sessionId}/${agent}`;
    const seen = agents.get(key) ?? { running: new Set(), newest: null, interrupted: null };
    agents.set(key, seen);
    return seen;
  };
  const abort = ({ controller }: Running): void =>
    controller.abort(new Error('the turn was interrupted'));
  return {
    signalOf({ sessionId, agent, turn }: TurnRef, runId) {
      const seen = seenOf(sessionId, agent);
      const own: Running = { runId, turn, controller: new AbortController() };
      if (isMeant(own, seen.interrupted)) abort(own);
      if (!isMeant(own, seen.newest)) seen.newest = { runId, turn };
      seen.running.add(own);
      return { signal: own.controller.signal, release: () => void seen.running.delete(own) };
    },
    aim(sessionId, agent) {
      const seen = seenOf(sessionId, agent);
      const { newest } = seen;
      return () => {
        seen.interrupted = newest;
        for (const one of seen.running) if (isMeant(one, newest)) abort(one);
      };
    },
  };
};
