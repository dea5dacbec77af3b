/**
 * Text of answers while it streams, from the model activities to whoever is attached.
 *
 * It keeps the text so far of each agent's answer in hand, so that a late or slow reader gets all of
 * it and nobody keeps a queue. What must stay true: publishing never waits and never throws, and what
 * is kept is bounded.
 */
import type { DeltaEvent } from '../../workflows/protocol/events.js';

/** The answer in hand of one agent, as far as it has come. */
export interface OpenAnswer {
  readonly agent: DeltaEvent['agent'];
  readonly turn: number;
  readonly attempt: number;
  readonly text: string;
}

export interface DeltaFeed {
  publish(sessionId: string, delta: DeltaEvent): void;
  /** Called after `current` has grown. */
  subscribe(sessionId: string, listener: () => void): () => void;
  /** Newest answer of each agent of the session; it may have ended since. */
  current(sessionId: string): readonly OpenAnswer[];
}

const ANSWER_CHARACTERS_MAX = 1_000_000;
const SESSIONS_KEPT = 256;

interface KeptAnswer extends OpenAnswer {
  /** Past the limit nothing is added: what a reader has stays a beginning of the answer. */
  readonly isFull: boolean;
}

const grown = (before: KeptAnswer | undefined, delta: DeltaEvent): KeptAnswer => {
  const { agent, turn, attempt } = delta;
  const isSame = before?.turn === turn && before.attempt === attempt;
  const text = (isSame ? before.text : '') + delta.text;
  if (isSame && before.isFull) return before;
  const isFull = text.length > ANSWER_CHARACTERS_MAX;
  return {
    agent,
    turn,
    attempt,
    isFull,
    text: isFull ? text.slice(0, ANSWER_CHARACTERS_MAX) : text,
  };
};

export const makeDeltaFeed = (): DeltaFeed => {
  const answers = new Map<string, Map<string, KeptAnswer>>();
  const listeners = new Map<string, Set<() => void>>();

  const keep = (sessionId: string): Map<string, KeptAnswer> => {
    const known = answers.get(sessionId) ?? new Map<string, KeptAnswer>();
    // Taken out and put back: the session written to last is the last to go.
    answers.delete(sessionId);
    answers.set(sessionId, known);
    for (const oldest of answers.keys()) {
      if (answers.size <= SESSIONS_KEPT) break;
      answers.delete(oldest);
    }
    return known;
  };

  return {
    publish: (sessionId, delta) => {
      const agents = keep(sessionId);
      agents.set(delta.agent, grown(agents.get(delta.agent), delta));
      for (const listener of listeners.get(sessionId) ?? []) listener();
    },
    subscribe: (sessionId, listener) => {
      const all = listeners.get(sessionId) ?? new Set();
      listeners.set(sessionId, all.add(listener));
      return () => {
        all.delete(listener);
        if (all.size === 0) listeners.delete(sessionId);
      };
    },
    current: (sessionId) => [...(answers.get(sessionId)?.values() ?? [])],
  };
};
