/**
 * Puts the providers of a session together: built in, from the user's file, from the environment.
 *
 * What must stay true: a provider has an address, and only its own table or variable gives it one, so
 * that a key can't end up at another provider's address.
 */
import { ConfigError } from './config-error.js';
import type { ConfigEntry, ConfigFile } from './config-file.js';
import { BUILT_IN_PROVIDERS, SCRIPTED_PROVIDER, type BuiltInProvider } from './defaults.js';
import { isHttpUrl } from './schema.js';
import type { ModelPrice, ModelSettings, ProviderSettings } from './settings.js';

type Environment = Readonly<Record<string, string | undefined>>;

const PROVIDER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Entries below a path, keyed by the next name. */
const below = (
  entries: readonly ConfigEntry[],
  path: readonly string[],
): ReadonlyMap<string, readonly ConfigEntry[]> => {
  const found = new Map<string, ConfigEntry[]>();
  for (const entry of entries) {
    const name = entry.path[path.length];
    if (name === undefined || !path.every((part, index) => entry.path[index] === part)) continue;
    found.set(name, [...(found.get(name) ?? []), entry]);
  }
  return found;
};

const priceOf = (value: (name: string) => number | null, place: string): ModelPrice | null => {
  const inputUsd = value('input_usd');
  const outputUsd = value('output_usd');
  const cacheReadUsd = value('cache_read_usd');
  const cacheWriteUsd = value('cache_write_usd');
  if (inputUsd !== null && outputUsd !== null)
    return {
      inputUsd,
      outputUsd,
      cacheReadUsd: cacheReadUsd ?? inputUsd,
      cacheWriteUsd: cacheWriteUsd ?? inputUsd,
    };
  if ([inputUsd, outputUsd, cacheReadUsd, cacheWriteUsd].every((part) => part === null))
    return null;
  throw new ConfigError(
    'config',
    `a price needs both input_usd and output_usd (${place})`,
    'Add the missing one',
  );
};

const modelOf = (entries: readonly ConfigEntry[]): ModelSettings => {
  const value = (name: string): number | null =>
    (entries.find((entry) => entry.path.at(-1) === name)?.value as number | undefined) ?? null;
  return {
    contextTokens: value('context_tokens'),
    outputTokensMax: value('output_tokens_max'),
    price: priceOf(value, entries[0]?.place ?? ''),
  };
};

const headersOf = (entries: readonly ConfigEntry[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    entries.map(({ path, value, place }) => {
      const name = path.at(-1) ?? '';
      if (HEADER_NAME.test(name)) return [name, value as string];
      throw new ConfigError(
        'config',
        `not a header name: "${name}" (${place})`,
        'Correct the name',
      );
    }),
  );

const checkName = (name: string, place: string): void => {
  if (name === SCRIPTED_PROVIDER)
    throw new ConfigError(
      'config',
      `"${name}" is built in and can't be configured (${place})`,
      'Choose another name',
    );
  if (!PROVIDER_NAME.test(name))
    throw new ConfigError(
      'config',
      `not a provider name: ${JSON.stringify(name)} (${place})`,
      'Use letters, digits, dots, dashes and underscores',
    );
};

const providerOf = (name: string, place: string, file: ConfigFile): ProviderSettings => {
  checkName(name, place);
  const tables = below(file.entries, ['providers', name]);
  const text = (key: string): string | null =>
    (tables.get(key)?.[0]?.value as string | undefined) ?? null;
  const builtIn = Object.hasOwn(BUILT_IN_PROVIDERS, name) ? BUILT_IN_PROVIDERS[name] : undefined;
  const baseUrl = text('base_url') ?? builtIn?.baseUrl;
  if (baseUrl === undefined)
    throw new ConfigError(
      'config',
      `provider "${name}" has no base_url (${place})`,
      'Example: base_url = "https://llm.example.com/v1"',
    );
  const models = below(tables.get('models') ?? [], ['providers', name, 'models']);
  return {
    api: 'chat',
    baseUrl,
    keyEnv: text('key_env') ?? builtIn?.keyEnv ?? null,
    headers: headersOf(tables.get('headers') ?? []),
    models: Object.fromEntries([...models].map(([id, entries]) => [id, modelOf(entries)])),
  };
};

const fromEnvironment = (
  provider: ProviderSettings,
  builtIn: BuiltInProvider,
  env: Environment,
): ProviderSettings => {
  const baseUrl = env[builtIn.baseUrlEnv]?.trim();
  if (!baseUrl) return provider;
  if (isHttpUrl(baseUrl)) return { ...provider, baseUrl };
  throw new ConfigError(
    'config',
    `${builtIn.baseUrlEnv} is not an http or https address without password or query`,
    `Example: ${builtIn.baseUrlEnv}=${builtIn.baseUrl}`,
  );
};

/** All providers of a session; a variable beats the file. */
export const providersOf = (
  file: ConfigFile | null,
  env: Environment,
): Readonly<Record<string, ProviderSettings>> => {
  const providers: Record<string, ProviderSettings> = {};
  for (const [name, place] of file?.providers ?? [])
    if (file) providers[name] = providerOf(name, place, file);
  for (const [name, builtIn] of Object.entries(BUILT_IN_PROVIDERS)) {
    const { api, baseUrl, keyEnv, headers, models } = builtIn;
    const plain = { api, baseUrl, keyEnv, headers, models };
    providers[name] = fromEnvironment(providers[name] ?? plain, builtIn, env);
  }
  return providers;
};
