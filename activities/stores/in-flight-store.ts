/**
 * Activities that run right now, with their task tokens: a kill leaves the row.
 *
 * A starting daemon fails the tokens its dead predecessor left, so that work goes on in about two
 * seconds instead of after a heartbeat timeout.
 */
export interface InFlightRow {
  readonly activityKey: string;
  readonly taskToken: Uint8Array;
  readonly workflowId: string;
  readonly activityType: string;
  /** Effect in flight with it; null for a model call. */
  readonly effectKey: string | null;
}

export interface InFlightOperations {
  putInFlight(args: InFlightRow): void;
  dropInFlight(args: { readonly activityKey: string }): void;
  listInFlight(args: Record<never, never>): readonly InFlightRow[];
}
