/**
 * The port to the store: named operations, run one group at a time by the store thread.
 *
 * Everything outside `stores/` knows the store through `Store` alone.
 * - `call` resolves once the operation is committed (synchronous=FULL); reads see all earlier commits.
 * - A rejected call carries `StoreError.code`: what it says about whether the operation was applied
 *   is the contract, see `StoreErrorCode`.
 * - Every write is idempotent on ids that the caller gives, so that it may be sent again.
 */
import type { AgentOperations } from './agents-store.js';
import type { ApprovalOperations } from './approvals-store.js';
import type { BlobOperations } from './blobs-store.js';
import type { EffectOperations } from './effects-store.js';
import type { EventOperations } from './events-store.js';
import type { InFlightOperations } from './in-flight-store.js';
import type { InstallationOperations } from './installation-store.js';
import type { MessageOperations } from './messages-store.js';
import type { SessionOperations } from './sessions-store.js';
import type { TranscriptOperations } from './transcript-store.js';
import type { UsageOperations } from './usage-store.js';

export type StoreOperations = AgentOperations &
  ApprovalOperations &
  BlobOperations &
  EffectOperations &
  EventOperations &
  InFlightOperations &
  InstallationOperations &
  MessageOperations &
  SessionOperations &
  TranscriptOperations &
  UsageOperations;

export type StoreOperationName = keyof StoreOperations;

export interface Store {
  call<Name extends StoreOperationName>(
    name: Name,
    args: Parameters<StoreOperations[Name]>[0],
    options?: { readonly waitMs?: number },
  ): Promise<ReturnType<StoreOperations[Name]>>;
  /** Called in commit order with every event stored by this process (the gateway's live feed). */
  onEvents(listener: (sessionId: string, offsets: readonly number[]) => void): () => void;
  close(): Promise<void>;
}

/**
 * - `REFUSED`: the operation said no (constraint, wrong state); nothing was applied.
 * - `BUSY`: the deadline passed before it ran; surely not applied.
 * - `OVERLOADED`: too many open calls; surely not applied.
 * - `FENCED`: another daemon holds the installation; nothing was applied, stop working.
 * - `FULL`: the disk is full; nothing was applied.
 * - `UNCLEAR`: an effect whose group broke at its commit; probe before doing it again.
 * - `GONE`: the store thread died or is closed; what was open is unclear.
 */
export type StoreErrorCode =
  'REFUSED' | 'BUSY' | 'OVERLOADED' | 'FENCED' | 'FULL' | 'UNCLEAR' | 'GONE';

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  /** Finer reason of a refusal, e.g. `CHANGED` for a file that is no longer what was read. */
  readonly reason: string | null;
  constructor(code: StoreErrorCode, message: string, reason: string | null = null) {
    super(message);
    this.name = 'StoreError';
    this.code = code;
    this.reason = reason;
  }
}

/** Errors cross threads as copies, so they are told apart by name and code, never by `instanceof`. */
export const isStoreError = (error: unknown): error is StoreError =>
  error instanceof Error && error.name === 'StoreError';
