/**
 * What carrying out an effect needs, whatever its kind: the shared shape of `file-effect.ts` and
 * `process-effect.ts`, used by `tools/run-tool.ts`.
 *
 * Order, for every kind: before-claim → claim (committed) → after-claim → act → after-act → outcome
 * (committed) → after-outcome. What must stay true: an effect is begun only by the attempt whose
 * claim was fresh, or after a probe found that it has surely not happened.
 */
import type { EffectOutcome } from '../stores/effects-store.js';
import type { Store } from '../stores/store.js';
import type { Tool, ToolContext } from '../tools/tool.js';
import type { ReachFault } from './faults.js';

export interface EffectEnvironment {
  readonly store: Store;
  readonly reachFault: ReachFault;
  readonly tool: Tool;
  readonly input: unknown;
  readonly context: ToolContext;
  /** ISO 8601 UTC with ms. */
  now(): string;
}

/** A settled effect and whether an earlier attempt had begun it. */
export interface CarriedOut {
  readonly outcome: EffectOutcome;
  readonly recovered: boolean;
}
