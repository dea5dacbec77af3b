/**
 * The environment of tool processes: the caller's, less everything that may be a secret or is ours.
 *
 * Pure, so that what leaks can be read off a table of cases. What must stay true: a name ending like
 * a key never passes unless the user's own config names it, and LOOMKIN_* never does.
 */
import { isOurs, looksLikeKey } from '../key-names.js';

/** `keyEnvs`: every provider's `key_env`. `pass`: `[shell] env_pass`, names the user lets through. */
export const toolEnvironment = (
  env: Readonly<Record<string, string | undefined>>,
  keyEnvs: readonly string[],
  pass: readonly string[],
): Record<string, string> => {
  const strips = (name: string): boolean =>
    isOurs(name) || (!pass.includes(name) && (looksLikeKey(name) || keyEnvs.includes(name)));
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && !strips(name)) kept[name] = value;
  return kept;
};
