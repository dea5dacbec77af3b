/**
 * What activities need to know of a session beyond the store: secrets, limits, project.
 *
 * A port, so that activities don't know where secrets lie; `workers/deps.ts` binds it to the files.
 */
import type { SessionSecrets } from '../config/settings.js';
import type { DeltaEvent } from '../workflows/protocol/events.js';
import type { TurnRef } from '../workflows/protocol/turn.js';

export interface SessionFacts {
  readonly sessionId: string;
  readonly project: string;
  /** `provider/model` of the session now. */
  readonly model: string;
  readonly baseCommit: string | null;
  readonly secrets: SessionSecrets;
}

/** Throws ApplicationFailure `SessionDamaged` when the session or its secrets can't be read. */
export type ReadSession = (sessionId: string) => Promise<SessionFacts>;

/** Passing events to whoever is attached: text as it streams. Never waits, never throws. */
export type PublishDelta = (sessionId: string, delta: DeltaEvent) => void;

/** Interrupts of this host: the signal that ends a turn's activities at once, told by the gateway. */
export interface TurnSignals {
  /** Aborted when this turn is interrupted, or was before. `runId` is that of its workflow. */
  signalOf(turn: TurnRef, runId: string): { readonly signal: AbortSignal; release(): void };
  /** Takes aim at the turn in hand; the answer, called once the word is durable, ends its activities. */
  aim(sessionId: string, agent: string): () => void;
}
