/**
 * What activities need to know of a session beyond the store: secrets, limits, project.
 *
 * A port, so that activities don't know where secrets lie; `workers/deps.ts` binds it to the files.
 */
import type { SessionSecrets } from '../config/settings.js';
import type { DeltaEvent } from '../workflows/protocol/events.js';

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
  /** Aborted when the session's turn in hand is interrupted after this call. */
  signalOf(sessionId: string, agent: string): { readonly signal: AbortSignal; release(): void };
  interrupt(sessionId: string, agent: string): void;
}
