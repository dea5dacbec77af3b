/**
 * Checks that a chosen model can be asked: its provider is known and its key is there.
 *
 * Shared by the start of a session and by a prompt that changes the model. What must stay true: a
 * session never begins with a model that is known to be unreachable.
 */
import { builtInProvider } from './catalogue-providers.js';
import { ConfigError } from './config-error.js';
import { EXAMPLE_MODEL, SCRIPTED_PROVIDER } from './defaults.js';
import { nearestNames } from './nearest-name.js';
import { MODEL_PATTERN } from './schema.js';
import type { SessionSecrets } from './settings.js';

export interface ModelChoice {
  readonly provider: string;
  /** Name as the provider knows it. */
  readonly name: string;
}

/** `openai/org/model` is provider `openai`, model `org/model`. */
export const splitModel = (model: string): ModelChoice => {
  const slash = model.indexOf('/');
  return { provider: model.slice(0, slash), name: model.slice(slash + 1) };
};

export const checkModelName = (model: string, source: string): string => {
  if (MODEL_PATTERN.test(model)) return model;
  throw new ConfigError(
    'unknown_model',
    `not a model: ${JSON.stringify(model.slice(0, 80))} (${source})`,
    `Write provider/model, for example ${EXAMPLE_MODEL}`,
  );
};

/** More would hide the rest of the message. */
const NAMES_SHOWN_MAX = 8;

const listed = (names: readonly string[]): string => {
  const shown = names.slice(0, NAMES_SHOWN_MAX).map((name) => `"${name}"`);
  return shown.length < names.length ? `${shown.join(', ')} and others` : shown.join(', ');
};

const unknownProvider = (
  model: string,
  provider: string,
  known: readonly string[],
): ConfigError => {
  const addresses = builtInProvider(provider)?.baseUrlEnvs ?? [];
  if (addresses.length > 0)
    return new ConfigError(
      'unknown_provider',
      `provider "${provider}" has no address (model ${model})`,
      `Set ${addresses.join(' or ')}, or base_url below [providers.${provider}] in your config`,
    );
  const near = nearestNames(provider, known, 3);
  return new ConfigError(
    'unknown_provider',
    `unknown provider "${provider}" (model ${model})`,
    near.length > 0
      ? `Did you mean ${near.map((name) => `"${name}"`).join(', ')}?`
      : `Known are ${listed(known)}; add [providers.${provider}] to your config`,
  );
};

/** Throws `ConfigError`; returns the name of the variable that holds the key, or "none". */
export const requireModel = (
  model: string | null,
  providers: SessionSecrets['providers'],
): { readonly model: string; readonly apiKeySource: string } => {
  if (model === null)
    throw new ConfigError(
      'no_model',
      'no model is named and no API key is set',
      'Set ANTHROPIC_API_KEY, OPENAI_API_KEY or another provider’s, or name a model: --model, LOOMKIN_MODEL, or model = "provider/model" in the config',
    );
  checkModelName(model, 'the model asked for');
  const { provider } = splitModel(model);
  if (provider === SCRIPTED_PROVIDER) return { model, apiKeySource: 'none' };
  const settings = Object.hasOwn(providers, provider) ? providers[provider] : undefined;
  if (!settings)
    throw unknownProvider(model, provider, [...Object.keys(providers), SCRIPTED_PROVIDER]);
  if (settings.keyEnv !== null && settings.key === null)
    throw new ConfigError(
      'no_key',
      `no key for provider "${provider}" (${settings.keyEnv} is not set)`,
      `Set ${settings.keyEnv}, or choose another model with --model`,
    );
  return { model, apiKeySource: settings.keyEnv ?? 'none' };
};
