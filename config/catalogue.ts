/**
 * What is known about models without asking anybody: windows, prices, abilities.
 *
 * The table is made by `scripts/make-catalogue.mjs` and is read at the first question, never at a
 * start. What must stay true: what is not known is null and never 0, and what the user configured
 * counts before what is written here.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { BUILD } from './build-info.js';
import { distFolder } from './dist.js';
import type { ModelPrice, ModelRates, ModelSettings, ProviderSettings } from './settings.js';

/** Input, output, cache read, cache write. */
type Rates = readonly [number, number, number | null, number | null];
type Tier = readonly [number, ...Rates];
type Row = readonly [
  api: ProviderSettings['api'] | 'other',
  contextTokens: number,
  outputTokensMax: number | null,
  price: readonly [...Rates, ...Tier[]] | null,
  abilities: string,
];

interface Table {
  readonly providers: Readonly<Record<string, Readonly<Record<string, Row>>>>;
}

export interface CatalogueModel extends ModelSettings {
  /** By which API its maker's own address is asked. */
  readonly api: Row[0];
  readonly contextTokens: number;
  readonly reasoning: boolean;
  readonly images: boolean;
}

export interface Catalogue {
  readonly providers: readonly string[];
  /** Ids of a provider's models; none where it is not known. */
  modelsOf(provider: string): readonly string[];
  find(provider: string, model: string): CatalogueModel | null;
}

/** Where no cache price is known, cached input costs as much as any other. */
const ratesOf = ([inputUsd, outputUsd, read, write]: Rates): ModelRates => ({
  inputUsd,
  outputUsd,
  cacheReadUsd: read ?? inputUsd,
  cacheWriteUsd: write ?? inputUsd,
});

const priceOf = (price: Row[3]): ModelPrice | null => {
  if (price === null) return null;
  const [input, output, read, write, ...rest] = price;
  const rates = ratesOf([input, output, read, write]);
  if (rest.length === 0) return rates;
  const tiers = rest.map(([inputTokensAbove, ...tier]) => ({ inputTokensAbove, ...ratesOf(tier) }));
  return { ...rates, tiers };
};

const modelOf = ([api, contextTokens, outputTokensMax, price, abilities]: Row): CatalogueModel => ({
  api,
  contextTokens,
  outputTokensMax,
  price: priceOf(price),
  reasoning: abilities.includes('r'),
  images: abilities.includes('i'),
});

const ownOf = <Value>(record: Readonly<Record<string, Value>>, name: string): Value | null =>
  Object.hasOwn(record, name) ? (record[name] ?? null) : null;

export const parseCatalogue = (text: string): Catalogue => {
  const { providers } = JSON.parse(text) as Table;
  return {
    providers: Object.keys(providers),
    modelsOf: (provider) => Object.keys(ownOf(providers, provider) ?? {}),
    find(provider, model) {
      const row = ownOf(ownOf(providers, provider) ?? {}, model);
      return row && modelOf(row);
    },
  };
};

/** Beside this file, and beside the programs of a build. */
export const catalogueFile = (): string =>
  join(BUILD === 'dev' ? dirname(fileURLToPath(import.meta.url)) : distFolder(), 'catalogue.json');

let reading: Promise<Catalogue> | null = null;

/** Read once; a read that failed is tried again by the next one who asks. */
export const readCatalogue = (): Promise<Catalogue> => {
  reading ??= readFile(catalogueFile(), 'utf8').then(parseCatalogue, (error: unknown) => {
    reading = null;
    throw error;
  });
  return reading;
};

const UNKNOWN: ModelSettings = { contextTokens: null, outputTokensMax: null, price: null };

/** Window and price of a model: each as the user configured it, where that was done. */
export const modelFacts = (
  configured: ModelSettings | null,
  known: ModelSettings | null,
): ModelSettings => {
  const [own, other] = [configured ?? UNKNOWN, known ?? UNKNOWN];
  return {
    contextTokens: own.contextTokens ?? other.contextTokens,
    outputTokensMax: own.outputTokensMax ?? other.outputTokensMax,
    price: own.price ?? other.price,
  };
};
