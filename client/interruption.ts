/**
 * Interrupt and stop: each is one act, however often it is sent.
 *
 * Who gets no answer sends again, and by then something else may be going on. What must stay true: a
 * request that was carried out is never carried out again, and it means the turn that was in hand when
 * it first came.
 */
import { LEAD, type SessionId } from '../workflows/protocol/ids.js';
import type { AgentLine } from './agent-line.js';

/** Repeats come within seconds. */
const REMEMBERED_MAX = 1_000;

export interface InterruptionDeps {
  readonly line: Pick<AgentLine, 'interrupt' | 'stop'>;
  /** Takes aim at the activities of the turn in hand; the answer ends them. */
  readonly turnSignals: { aim(sessionId: string, agent: string): () => void };
}

export const makeInterruption = ({ line, turnSignals }: InterruptionDeps) => {
  const carriedOut = new Map<string, Promise<void>>();

  const carryOut = async (
    kind: 'interrupt' | 'stop',
    session: SessionId,
    requestId: string,
  ): Promise<void> => {
    const endTurn = turnSignals.aim(session, LEAD);
    await line[kind](session, requestId);
    // Only after the durable word: what is ended here must find its workflow told.
    endTurn();
  };

  return async (
    kind: 'interrupt' | 'stop',
    session: SessionId,
    requestId: string,
  ): Promise<void> => {
    const key = `${kind} ${session} ${requestId}`;
    const known = carriedOut.get(key);
    if (known) return known;
    const act = carryOut(kind, session, requestId);
    carriedOut.set(key, act);
    const [oldest] = carriedOut.keys();
    if (carriedOut.size > REMEMBERED_MAX && oldest !== undefined) carriedOut.delete(oldest);
    try {
      await act;
    } catch (error) {
      carriedOut.delete(key);
      throw error;
    }
  };
};
