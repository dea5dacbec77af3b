/**
 * Calls from the workflow sandbox into the process that runs it, without a trace in history.
 *
 * Only for kill points: a workflow can't end its process itself. What must stay true: nothing that
 * a workflow decides depends on them.
 */
import type { Sinks } from '@temporalio/workflow';

export interface AgentSinks extends Sinks {
  readonly faults: {
    reach(point: 'turn.end' | 'can.before'): void;
  };
}
