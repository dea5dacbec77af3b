/**
 * Activities that run right now, with their task tokens: a kill leaves the row.
 *
 * A starting daemon fails the tokens its dead predecessor left, so that work goes on in about two
 * seconds instead of after a heartbeat timeout. What must stay true: a row is dropped only by whoever
 * knows that its activity is over.
 */
import type { StoreContext } from './store-context.js';

export interface InFlightRow {
  readonly activityKey: string;
  readonly taskToken: Uint8Array;
  readonly workflowId: string;
  readonly activityType: string;
  /** Effect in flight with it; null for a model call, and once a death was counted for it. */
  readonly effectKey: string | null;
}

export interface InFlightOperations {
  putInFlight(args: InFlightRow): void;
  dropInFlight(args: { readonly activityKey: string }): void;
  listInFlight(args: Record<never, never>): readonly InFlightRow[];
}

export const inFlightOperations = ({ db }: StoreContext): InFlightOperations => ({
  putInFlight: (args) => {
    const row = {
      activity_key: args.activityKey,
      task_token: args.taskToken,
      workflow_id: args.workflowId,
      activity_type: args.activityType,
      effect_key: args.effectKey,
    };
    const insert = db.query.insertInto('in_flight').values(row);
    db.change(insert.onConflict((conflict) => conflict.column('activity_key').doUpdateSet(row)));
  },
  dropInFlight: ({ activityKey }) => {
    db.change(db.query.deleteFrom('in_flight').where('activity_key', '=', activityKey));
  },
  listInFlight: () =>
    db.rows(db.query.selectFrom('in_flight').selectAll()).map((row) => ({
      activityKey: row.activity_key,
      taskToken: row.task_token,
      workflowId: row.workflow_id,
      activityType: row.activity_type,
      effectKey: row.effect_key,
    })),
});
