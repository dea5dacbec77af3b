/**
 * All models that are known, as one list: the catalogue's, and what the user's config adds or corrects.
 *
 * What must stay true: a model appears once, under the id that `--model` takes, and nothing in it is a
 * key.
 */
import { modelFacts, type Catalogue, type CatalogueModel } from './catalogue.js';
import type { ModelSettings, ProviderSettings } from './settings.js';

export interface KnownModel extends ModelSettings {
  readonly provider: string;
  readonly model: string;
  /** By which API we would ask it; "other": by none that we speak. */
  readonly api: ProviderSettings['api'] | 'other';
  /** Null: not known. */
  readonly reasoning: boolean | null;
  readonly images: boolean | null;
  readonly source: 'catalogue' | 'config';
  /** Its provider has an address. */
  readonly callable: boolean;
  readonly keyEnv: string | null;
}

type Ways = Pick<KnownModel, 'api' | 'callable' | 'keyEnv'>;

const NO_WAY: Ways = { api: 'other', callable: false, keyEnv: null };

const waysOf = ({ api, keyEnv }: ProviderSettings): Ways => ({ api, callable: true, keyEnv });

const configuredIn = (settings: ProviderSettings | null, model: string): ModelSettings | null => {
  const { models = {} } = settings ?? {};
  return Object.hasOwn(models, model) ? (models[model] ?? null) : null;
};

const knownModel = (
  { provider, model }: Pick<KnownModel, 'provider' | 'model'>,
  settings: ProviderSettings | null,
  known: CatalogueModel | null,
): KnownModel => {
  const configured = configuredIn(settings, model);
  const { reasoning, images } = known ?? { reasoning: null, images: null };
  return {
    provider,
    model,
    ...(settings ? waysOf(settings) : { ...NO_WAY, api: known?.api ?? NO_WAY.api }),
    ...modelFacts(configured, known),
    reasoning,
    images,
    source: configured === null ? 'catalogue' : 'config',
  };
};

const byName = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** By provider, then by model. */
export const knownModels = (
  catalogue: Catalogue,
  providers: Readonly<Record<string, ProviderSettings>>,
): readonly KnownModel[] => {
  const names = new Set([...catalogue.providers, ...Object.keys(providers)]);
  return [...names].sort(byName).flatMap((provider) => {
    const settings = Object.hasOwn(providers, provider) ? (providers[provider] ?? null) : null;
    const ids = new Set([...catalogue.modelsOf(provider), ...Object.keys(settings?.models ?? {})]);
    return [...ids]
      .sort(byName)
      .map((model) => knownModel({ provider, model }, settings, catalogue.find(provider, model)));
  });
};
