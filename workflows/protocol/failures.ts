/**
 * The closed list of failures an activity may hand to a workflow, as `ApplicationFailure.type`.
 *
 * Workflows tell failures apart by these strings, never by `instanceof`, since an error crosses
 * processes and the workflow sandbox. What must stay true: the list is closed, and whether a kind is
 * retried is decided here and not where it is thrown.
 */

export const FAILURES = {
  /** The provider asked to wait, or failed in a way that passes: tried again by Temporal. */
  ModelUnavailable: { retryable: true },
  /** Real attempts of this turn are used up (`limits.model_attempts`). */
  ModelExhausted: { retryable: false },
  /** Key missing or refused by the provider. */
  ModelUnauthorized: { retryable: false },
  /** The provider does not know this model. */
  ModelUnknown: { retryable: false },
  /** The provider refuses this request as it stands: too long for the window, or invalid. */
  ModelRejected: { retryable: false },
  /** A script of the scripted model ended early or its `expect` did not match. */
  ScriptFailed: { retryable: false },
  /** What the session needs (its secrets, its transcript) is not in the store. */
  SessionDamaged: { retryable: false },
  /** The daemon stops while this runs: another one goes on with it. */
  DaemonStopping: { retryable: true },
  /** Store closed or fenced: this daemon is on its way out, another one will do it. */
  StoreGone: { retryable: true },
} as const;
export type FailureType = keyof typeof FAILURES;
