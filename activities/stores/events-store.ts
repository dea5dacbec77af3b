/**
 * The event stream's rows. Events of transcript rows hold a reference, not a second copy of the body.
 *
 * What must stay true: offsets only grow, over the whole installation, in commit order; (session, key)
 * is unique; the uuid is derived from session and key.
 */
import type { SessionEvent, StoredEvent } from '../../workflows/protocol/events.js';

export interface EventOperations {
  /** Idempotent by (session, key): returns the offset of the row, old or new. */
  appendEvent(args: {
    readonly sessionId: string;
    readonly key: string;
    readonly at: string;
    readonly event: SessionEvent;
  }): number;
  /** Events with offset > `after`, at most `limit`, in order, bodies joined in. */
  readEvents(args: {
    readonly sessionId: string;
    readonly after: number;
    readonly limit: number;
  }): readonly StoredEvent[];
  /** Highest offset of the session; 0 when it has none. */
  lastOffset(args: { readonly sessionId: string }): number;
  /** The result event that answers this message, or null while it is owed. */
  resultOf(args: { readonly sessionId: string; readonly messageId: string }): StoredEvent | null;
}
