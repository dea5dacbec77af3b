/**
 * Calls that were in flight at several deaths of the daemon, and are tried no more.
 *
 * What must stay true: a call that kills its daemon ends as an error for the model, not as a crash
 * loop for everybody else.
 */
import type { EffectOutcome, EffectRow } from '../stores/effects-store.js';

/** Daemon deaths with the same effect in flight. */
export const POISON_DEATHS = 3;
/** Attempts of a call that never claimed anything; clean restarts count as well, hence more. */
export const POISON_ATTEMPTS = 6;

export const poisonResult = (tool: string): string =>
  `This ${tool} call was running at ${POISON_DEATHS} or more deaths of the daemon and is not tried again. ` +
  'Do it another way, in smaller parts.';

export const poisonOutcome = (row: EffectRow, at: string): EffectOutcome => ({
  state: 'unknown',
  text: `${poisonResult(row.tool)} Whether a part of it happened: outcome unknown; look before you go on.`,
  isError: true,
  note: { effect: row.effect, outcome: 'unknown', recovered: true, paths: [], commit: null },
  at,
});
