/**
 * Names of environment variables that may hold a secret, or are ours.
 *
 * Asked wherever an environment is handed to a tool or kept for one. What must stay true: the endings
 * are those the interfaces promise; a name that matches is never passed on by default.
 */

const KEY_ENDINGS = /_(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$/i;
const OURS = /^LOOMKIN_/i;
const ENGINE = /^TEMPORAL_/i;

/** Names of ours: no tool ever gets them, but for the effect's mark. */
export const isOurs = (name: string): boolean => OURS.test(name);

/** Names that tools don't get by default. */
export const looksLikeKey = (name: string): boolean =>
  KEY_ENDINGS.test(name) || OURS.test(name) || ENGINE.test(name);
