/**
 * `loomkin models`: which models are known, what they cost, and for which of them a key is there.
 *
 * Settings and catalogue are read here; no daemon is asked or started. What must stay true: a key is
 * named by its variable and never shown, and what is not known shows as `?` and is null in JSON.
 */
import { knownModels, type KnownModel } from '../../../config/catalogue-models.js';
import { readCatalogue } from '../../../config/catalogue.js';
import { loadSettings } from '../../../config/load.js';
import type { CommandIo } from '../io.js';
import { jsonLine } from '../render/json-line.js';
import { oneLine, shorten } from '../render/plain-text.js';

export interface ModelsOptions {
  readonly json: boolean;
  /** All of them must be in a model's id, in upper or lower case. */
  readonly words: readonly string[];
}

export interface ModelDocument {
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  readonly api: KnownModel['api'];
  readonly context_tokens: number | null;
  readonly output_tokens_max: number | null;
  /** USD per million tokens. */
  readonly price: Readonly<
    Record<'input' | 'output' | 'cache_read' | 'cache_write', number>
  > | null;
  readonly reasoning: boolean | null;
  readonly images: boolean | null;
  readonly source: KnownModel['source'];
  readonly callable: boolean;
  readonly key_env: string | null;
}

const priceDocument = ({ price }: KnownModel): ModelDocument['price'] =>
  price && {
    input: price.inputUsd,
    output: price.outputUsd,
    cache_read: price.cacheReadUsd,
    cache_write: price.cacheWriteUsd,
  };

const modelDocument = (known: KnownModel): ModelDocument => ({
  id: `${known.provider}/${known.model}`,
  provider: known.provider,
  model: known.model,
  api: known.api,
  context_tokens: known.contextTokens,
  output_tokens_max: known.outputTokensMax,
  price: priceDocument(known),
  reasoning: known.reasoning,
  images: known.images,
  source: known.source,
  callable: known.callable,
  key_env: known.keyEnv,
});

const HEAD = ['MODEL', 'CONTEXT', 'INPUT', 'OUTPUT', 'KEY'];
/** Columns of numbers. */
const NUMBERS = new Set([1, 2, 3]);

const rounded = (value: number): string => String(Number(value.toPrecision(3)));

const tokens = (count: number | null): string => {
  if (count === null) return '?';
  if (count >= 1e6) return `${rounded(count / 1e6)}M`;
  return count >= 1000 ? `${Math.round(count / 1000)}k` : String(count);
};

const dollars = (amount: number | undefined): string => (amount === undefined ? '?' : `$${amount}`);

const keyNote = ({ callable, key_env: name }: ModelDocument, env: CommandIo['env']): string => {
  if (!callable) return 'provider has no address here';
  if (name === null) return 'none needed';
  return env[name]?.trim() ? `${name} is set` : `${name} is not set`;
};

const cells = (model: ModelDocument, env: CommandIo['env']): readonly string[] => [
  oneLine(model.id),
  tokens(model.context_tokens),
  dollars(model.price?.input),
  dollars(model.price?.output),
  keyNote(model, env),
];

const tableText = (models: readonly ModelDocument[], io: CommandIo): string => {
  const rows = [HEAD, ...models.map((model) => cells(model, io.env))];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const stdout: CommandIo['stdout'] & { readonly columns?: number } = io.stdout;
  const columns = stdout.isTTY === true ? stdout.columns || 80 : Infinity;
  const lines = rows.map((row) => {
    const padded = row.map((cell, column) =>
      NUMBERS.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
    );
    return `${shorten(padded.join('  ').trimEnd(), columns)}\n`;
  });
  return lines.join('');
};

export const runModels = async (options: ModelsOptions, io: CommandIo): Promise<number> => {
  const flags = { model: null, permissionMode: null, maxTurns: null };
  const request = { env: io.env, project: null, configFile: null, flags };
  const [catalogue, { settings }] = await Promise.all([readCatalogue(), loadSettings(request)]);
  const words = options.words.map((word) => word.toLowerCase());
  const models = knownModels(catalogue, settings.providers)
    .map(modelDocument)
    .filter(({ id }) => words.every((word) => id.toLowerCase().includes(word)));
  if (models.length === 0)
    io.stderr.write(
      `loomkin: no known model has ${options.words.map((word) => `"${oneLine(word)}"`).join(' and ')} in its name. One that is not listed can be asked all the same: --model provider/model\n`,
    );
  if (options.json) io.stdout.write(jsonLine({ models }));
  else if (models.length > 0) io.stdout.write(tableText(models, io));
  return 0;
};
