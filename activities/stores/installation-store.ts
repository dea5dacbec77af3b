/**
 * Facts of the installation itself: who holds it, and how far the schema is.
 *
 * The fence is a counter that each daemon raises when it starts; the store thread compares it in
 * every write group, so that a daemon that was stopped and wakes up again can't write anything. What must
 * stay true: the fence only grows.
 */
import type { Database } from './database.js';
import type { StoreContext } from './store-context.js';

export interface InstallationOperations {
  /** Takes the installation for this daemon: raises the fence and returns it. All later writes of this connection carry it. */
  takeFence(args: { readonly pid: number; readonly at: string }): { readonly fence: number };
  storeFacts(args: Record<never, never>): {
    readonly schema: number;
    readonly bytes: number;
    readonly fence: number;
  };
}

export const readFence = (db: Database): number =>
  db.first(db.query.selectFrom('installation').select('fence'))?.fence ?? 0;

export const installationOperations = ({ db }: StoreContext): InstallationOperations => ({
  takeFence: ({ pid, at }) => {
    db.change(
      db.query
        .updateTable('installation')
        .set((eb) => ({ fence: eb('fence', '+', 1), pid, taken_at: at })),
    );
    return { fence: readFence(db) };
  },
  storeFacts: () => ({ schema: db.version(), bytes: db.bytes(), fence: readFence(db) }),
});
