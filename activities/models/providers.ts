/**
 * From `provider/model` to somebody who can be asked, and to the model's window and price.
 *
 * Providers come from the session's secrets alone: they hold the addresses and keys that the user's
 * settings gave. What must stay true: a provider that nobody knows is refused with the names that are
 * near, a model that nobody knows is asked.
 */
import { modelFacts, readCatalogue } from '../../config/catalogue.js';
import { SCRIPTED_PROVIDER } from '../../config/defaults.js';
import { splitModel } from '../../config/model-choice.js';
import { nearestNames } from '../../config/nearest-name.js';
import { isScriptError, loadScript } from '../../config/script-file.js';
import type { ModelSettings, ProviderSettings, SessionSecrets } from '../../config/settings.js';
import { makeAnthropicMessages } from './anthropic-messages.js';
import type { ModelServer } from './ask-over-http.js';
import { makeOpenaiChat } from './openai-chat.js';
import { makeOpenaiResponses } from './openai-responses.js';
import { ModelError, type Provider } from './provider.js';
import { makeScripted, type ScriptPosition } from './scripted.js';

const LIST_MODELS_MS = 3_000;

export interface Seat extends ModelSettings {
  readonly provider: Provider;
  /** Name of the model as the provider knows it. */
  readonly model: string;
  /** Variable with the provider's key; null when it needs none. */
  readonly keyEnv: string | null;
}

type Providers = SessionSecrets['providers'];

const scriptedSeat = async (
  name: string,
  scriptsDirs: readonly string[],
  position: ScriptPosition,
): Promise<Seat> => {
  try {
    const script = await loadScript(name, scriptsDirs);
    const provider = makeScripted(script, position);
    const { price, contextTokens } = script;
    return { provider, model: name, price, contextTokens, outputTokensMax: null, keyEnv: null };
  } catch (error) {
    if (!isScriptError(error)) throw error;
    const kind = error.kind === 'unknown' ? 'unknown_model' : 'script';
    throw new ModelError(kind, 'script', `${error.message}. ${error.cure}`);
  }
};

const didYouMean = (names: readonly string[]): string =>
  names.length === 0 ? '' : ` Did you mean ${names.join(', ')}?`;

const DIALECTS: Readonly<Record<ProviderSettings['api'], (server: ModelServer) => Provider>> = {
  chat: makeOpenaiChat,
  responses: makeOpenaiResponses,
  anthropic: makeAnthropicMessages,
};

type Server = Pick<Providers[string], 'api' | 'baseUrl' | 'headers' | 'key' | 'keyHeader'>;

/** A key that goes in a header of its own is one header more, and no key. */
const serverOf = (
  name: string,
  { baseUrl, headers, key, keyHeader }: Server,
  env: ModelServer['env'],
): ModelServer => {
  const server = { name, baseUrl, headers, key, env };
  if (key === null || keyHeader === undefined) return server;
  if (keyHeader === 'bearer') return { ...server, keyHeader };
  return { ...server, key: null, headers: { [keyHeader]: key, ...headers } };
};

export const findSeat = async (
  modelId: string,
  { providers, toolEnv: env }: Pick<SessionSecrets, 'providers' | 'toolEnv'>,
  scriptsDirs: readonly string[],
  position: ScriptPosition,
): Promise<Seat> => {
  const { provider: name, name: model } = splitModel(modelId);
  if (name === SCRIPTED_PROVIDER) return scriptedSeat(model, scriptsDirs, position);
  const settings = Object.hasOwn(providers, name) ? providers[name] : undefined;
  if (!settings) {
    const near = nearestNames(name, [...Object.keys(providers), SCRIPTED_PROVIDER], 3);
    const words = `there is no provider "${name}".${didYouMean(near)}`;
    throw new ModelError('unknown_model', 'unknown provider', words);
  }
  const { api, key, keyEnv, models } = settings;
  if (keyEnv !== null && key === null)
    throw new ModelError('unauthorized', 'no key', `no key for ${name}: ${keyEnv} is not set`);
  const configured = Object.hasOwn(models, model) ? (models[model] ?? null) : null;
  const known = (await readCatalogue()).find(name, model);
  return {
    provider: DIALECTS[api](serverOf(name, settings, env)),
    model,
    ...modelFacts(configured, known),
    keyEnv,
  };
};

/** "Did you mean" for a model its provider refused; "" when nothing is near or it can't say. */
export const suggestModels = async (
  modelId: string,
  seat: Seat,
  providers: Providers,
): Promise<string> => {
  const { provider: name } = splitModel(modelId);
  const configured = Object.keys(providers[name]?.models ?? {});
  const [catalogue, listed] = await Promise.all([
    readCatalogue(),
    seat.provider.listModels(AbortSignal.timeout(LIST_MODELS_MS)),
  ]);
  const names = [...configured, ...listed, ...catalogue.modelsOf(name)];
  const known = [...new Set(names)].slice(0, 2_000);
  return didYouMean(nearestNames(seat.model, known, 3).map((near) => `${name}/${near}`));
};
