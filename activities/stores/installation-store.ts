/**
 * Facts of the installation itself: who holds it, and how far the schema is.
 *
 * The fence is a counter that each daemon raises when it starts; the store thread compares it in
 * every write group, so that a daemon that was stopped and wakes up again can't write anything.
 */
export interface InstallationOperations {
  /** Takes the installation for this daemon: raises the fence and returns it. All later writes of this connection carry it. */
  takeFence(args: { readonly pid: number; readonly at: string }): { readonly fence: number };
  storeFacts(args: Record<never, never>): {
    readonly schema: number;
    readonly bytes: number;
    readonly fence: number;
  };
}
