/**
 * Puts the providers of a session together: built in, from the user's file, from the environment.
 *
 * What must stay true: a provider has an address, and only its own table or variable gives it one, so
 * that a key can't end up at another provider's address.
 */
import {
  BUILT_IN_PROVIDERS,
  builtInProvider,
  type BuiltInProvider,
} from './catalogue-providers.js';
import { ConfigError } from './config-error.js';
import type { ConfigEntry, ConfigFile } from './config-file.js';
import { SCRIPTED_PROVIDER } from './defaults.js';
import { isHttpUrl } from './schema.js';
import type { ModelPrice, ModelSettings, ProviderSettings } from './settings.js';

type Environment = Readonly<Record<string, string | undefined>>;

const PROVIDER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const AZURE_HOST = /\.(openai\.azure|cognitiveservices\.azure|ai\.azure)\.com$/;
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

/** A customer's address at Azure is given with and without the path of its API. */
const withApiPath = (address: string): string => {
  const url = new URL(address);
  const isBare = /^\/*(openai\/*)?$/.test(url.pathname);
  return isBare && AZURE_HOST.test(url.hostname) ? `${url.origin}/openai/v1` : address;
};

/** The address that a variable gives, or null. */
const addressIn = (env: Environment, builtIn: BuiltInProvider | null): string | null => {
  const name = builtIn?.baseUrlEnvs.find((one) => env[one]?.trim());
  const address = name === undefined ? undefined : env[name]?.trim();
  if (name === undefined || address === undefined) return null;
  if (isHttpUrl(address)) return withApiPath(address);
  const example = builtIn?.baseUrl ?? 'https://llm.example.com/v1';
  throw new ConfigError(
    'config',
    `${name} is not an http or https address without password or query`,
    `Example: ${name}=${example}`,
  );
};

/** What a table and variables say of one provider, whichever of the two there are. */
interface Sources {
  readonly builtIn: BuiltInProvider | null;
  readonly env: Environment;
  /** A key's text in the provider's table. */
  readonly text: (key: string) => string | null;
}

/** Null: nobody gives an address. */
const addressOf = ({
  builtIn,
  env,
  text,
}: Sources): Pick<ProviderSettings, 'api' | 'baseUrl'> | null => {
  const replaced = addressIn(env, builtIn);
  const baseUrl = replaced ?? text('base_url') ?? builtIn?.baseUrl ?? null;
  if (baseUrl === null) return null;
  const api = text('api') as ProviderSettings['api'] | null;
  if (api !== null || builtIn === null) return { api: api ?? 'chat', baseUrl };
  const isOwn = replaced === null && baseUrl === builtIn.baseUrl;
  return { api: isOwn ? builtIn.api : builtIn.apiElsewhere, baseUrl };
};

const keyOf = ({ builtIn, env, text }: Sources): Pick<ProviderSettings, 'keyEnv' | 'keyHeader'> => {
  const keys = builtIn?.keys ?? [];
  const usual = keys.find((key) => env[key.env]?.trim()) ?? keys.at(-1);
  const keyEnv = text('key_env') ?? usual?.env ?? null;
  const header = keys.find((key) => key.env === keyEnv)?.header;
  return { keyEnv, ...(header && { keyHeader: header }) };
};

const tableOf = (
  name: string,
  place: string,
  { file, env }: { readonly file: ConfigFile; readonly env: Environment },
): ProviderSettings | null => {
  checkName(name, place);
  const tables = below(file.entries, ['providers', name]);
  const text = (key: string): string | null =>
    (tables.get(key)?.[0]?.value as string | undefined) ?? null;
  const builtIn = builtInProvider(name);
  const sources = { builtIn, env, text };
  const address = addressOf(sources);
  if (address === null && builtIn) return null;
  if (address === null)
    throw new ConfigError(
      'config',
      `provider "${name}" has no base_url (${place})`,
      'Example: base_url = "https://llm.example.com/v1"',
    );
  const models = below(tables.get('models') ?? [], ['providers', name, 'models']);
  return {
    ...address,
    ...keyOf(sources),
    headers: headersOf(tables.get('headers') ?? []),
    models: Object.fromEntries([...models].map(([id, entries]) => [id, modelOf(entries)])),
  };
};

const withoutTable = (builtIn: BuiltInProvider, env: Environment): ProviderSettings | null => {
  const sources = { builtIn, env, text: () => null };
  const address = addressOf(sources);
  return address && { ...address, ...keyOf(sources), headers: {}, models: {} };
};

/** All providers of a session that have an address; a variable beats the file. */
export const providersOf = (
  file: ConfigFile | null,
  env: Environment,
): Readonly<Record<string, ProviderSettings>> => {
  const providers: Record<string, ProviderSettings> = {};
  const add = (name: string, provider: ProviderSettings | null): void => {
    if (provider) providers[name] = provider;
  };
  if (file)
    for (const [name, place] of file.providers) add(name, tableOf(name, place, { file, env }));
  for (const [name, builtIn] of Object.entries(BUILT_IN_PROVIDERS))
    if (!file?.providers.has(name)) add(name, withoutTable(builtIn, env));
  return providers;
};
