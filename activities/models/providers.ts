/**
 * From `provider/model` to somebody who can be asked, and to the model's price.
 *
 * Providers come from the session's secrets alone: they hold the addresses and keys that the user's
 * settings gave. What must stay true: a name that nobody knows is refused with the names that are near.
 */
import { SCRIPTED_PROVIDER } from '../../config/defaults.js';
import { splitModel } from '../../config/model-choice.js';
import { nearestNames } from '../../config/nearest-name.js';
import { isScriptError, loadScript } from '../../config/script-file.js';
import type { ModelPrice, SessionSecrets } from '../../config/settings.js';
import { makeOpenaiChat } from './openai-chat.js';
import { ModelError, type Provider } from './provider.js';
import { makeScripted, type ScriptPosition } from './scripted.js';

const LIST_MODELS_MS = 3_000;

export interface Seat {
  readonly provider: Provider;
  /** Name of the model as the provider knows it. */
  readonly model: string;
  readonly price: ModelPrice | null;
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
    return { provider, model: name, price: script.price, keyEnv: null };
  } catch (error) {
    if (!isScriptError(error)) throw error;
    const kind = error.kind === 'unknown' ? 'unknown_model' : 'script';
    throw new ModelError(kind, 'script', `${error.message}. ${error.cure}`);
  }
};

const didYouMean = (names: readonly string[]): string =>
  names.length === 0 ? '' : ` Did you mean ${names.join(', ')}?`;

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
  const { key, keyEnv, baseUrl, headers, models } = settings;
  if (keyEnv !== null && key === null)
    throw new ModelError('unauthorized', 'no key', `no key for ${name}: ${keyEnv} is not set`);
  const price = Object.hasOwn(models, model) ? (models[model]?.price ?? null) : null;
  return { provider: makeOpenaiChat({ name, key, baseUrl, headers, env }), model, price, keyEnv };
};

/** "Did you mean" for a model its provider refused; "" when nothing is near or it can't say. */
export const suggestModels = async (
  modelId: string,
  seat: Seat,
  providers: Providers,
): Promise<string> => {
  const { provider: name } = splitModel(modelId);
  const configured = Object.keys(providers[name]?.models ?? {});
  const listed = await seat.provider.listModels(AbortSignal.timeout(LIST_MODELS_MS));
  const known = [...new Set([...configured, ...listed])].slice(0, 2_000);
  return didYouMean(nearestNames(seat.model, known, 3).map((near) => `${name}/${near}`));
};
