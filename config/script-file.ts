/**
 * Scripts of the scripted model: where they lie, and what they hold once they were checked.
 *
 * `scripted/NAME` is `NAME.json` in the first folder that has it. What must stay true: a script that
 * can't be played is refused with the place of the mistake, before anything of it is played.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { nearestNames } from './nearest-name.js';
import type { ModelPrice } from './settings.js';

export const FAULT_KINDS = [
  '429',
  '500',
  '503',
  '529',
  'cut',
  'reset',
  'hang',
  'malformed',
  'empty',
  'overflow',
  'refusal',
] as const;

export interface ScriptFault {
  readonly kind: (typeof FAULT_KINDS)[number];
  readonly times: number;
  readonly retryAfterMs: number | null;
}

export interface ScriptUsage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

export interface ScriptReply {
  readonly text: string;
  readonly calls: readonly { readonly tool: string; readonly input: unknown }[];
  readonly delayMs: number;
  readonly chunkMs: number;
  readonly usage: ScriptUsage | null;
  readonly expect: RegExp | null;
  readonly faults: readonly ScriptFault[];
}

export interface Script {
  readonly name: string;
  readonly usage: ScriptUsage | null;
  readonly price: ModelPrice | null;
  readonly contextTokens: number | null;
  /** Replies by agent name; `*` is for every agent that has no list of its own. */
  readonly agents: ReadonlyMap<string, readonly ScriptReply[]>;
}

/** `unknown`: there is no such script; `invalid`: it can't be played. */
export class ScriptError extends Error {
  readonly kind: 'unknown' | 'invalid';
  /** What to do about it. */
  readonly cure: string;
  constructor(kind: 'unknown' | 'invalid', message: string, cure: string) {
    super(message);
    this.name = 'ScriptError';
    this.kind = kind;
    this.cure = cure;
  }
}

export const isScriptError = (error: unknown): error is ScriptError =>
  error instanceof Error && error.name === 'ScriptError';

type Fields = Readonly<Record<string, unknown>>;

const invalid = (place: string, expected: string): ScriptError =>
  new ScriptError('invalid', `${place} must be ${expected}`, 'Correct the script');

const fieldsOf = (value: unknown, place: string): Fields => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(place, 'an object');
};

const listOf = (value: unknown, place: string): readonly unknown[] => {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw invalid(place, 'a list');
};

const textOf = (value: unknown, place: string): string => {
  if (typeof value === 'string') return value;
  throw invalid(place, 'a text');
};

const countOf = (value: unknown, place: string, fallback: number): number => {
  if (value === undefined || value === null) return fallback;
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw invalid(place, 'a number, 0 or more');
};

const tokensOf = (value: unknown, place: string): number => {
  const tokens = countOf(value, place, 0);
  if (Number.isSafeInteger(tokens)) return tokens;
  throw invalid(place, 'a whole number, 0 or more');
};

const usageOf = (value: unknown, place: string): ScriptUsage | null => {
  if (value === undefined || value === null) return null;
  const fields = fieldsOf(value, place);
  const count = (name: string): number => tokensOf(fields[name], `${place}.${name}`);
  return {
    input_tokens: count('input_tokens'),
    output_tokens: count('output_tokens'),
    cache_creation_input_tokens: count('cache_creation_input_tokens'),
    cache_read_input_tokens: count('cache_read_input_tokens'),
  };
};

/** USD per million tokens, under the names of the config file or of `models --json`. */
const priceOf = (value: unknown, place: string): ModelPrice | null => {
  if (value === undefined || value === null) return null;
  const fields = fieldsOf(value, place);
  const price = (name: string, fallback: number): number =>
    countOf(fields[`${name}_usd`] ?? fields[name], `${place}.${name}`, fallback);
  const inputUsd = price('input', 0);
  return {
    inputUsd,
    outputUsd: price('output', 0),
    cacheReadUsd: price('cache_read', inputUsd),
    cacheWriteUsd: price('cache_write', inputUsd),
  };
};

const faultOf = (value: unknown, place: string): ScriptFault => {
  const fields = fieldsOf(value, place);
  const kind = FAULT_KINDS.find((known) => known === String(fields['kind']));
  if (!kind) throw invalid(`${place}.kind`, `one of ${FAULT_KINDS.join(', ')}`);
  const seconds = fields['retry_after_s'];
  return {
    kind,
    times: countOf(fields['times'], `${place}.times`, 1),
    retryAfterMs:
      seconds === undefined ? null : countOf(seconds, `${place}.retry_after_s`, 0) * 1000,
  };
};

const patternOf = (value: unknown, place: string): RegExp | null => {
  if (value === undefined || value === null) return null;
  try {
    return new RegExp(textOf(value, place), 'ms');
  } catch (error) {
    if (isScriptError(error)) throw error;
    throw invalid(place, 'a regular expression');
  }
};

const replyOf = (value: unknown, place: string): ScriptReply => {
  const fields = fieldsOf(value, place);
  const calls = listOf(fields['calls'], `${place}.calls`).map((call, index) => {
    const at = `${place}.calls[${index}]`;
    const { tool, input } = fieldsOf(call, at);
    return { tool: textOf(tool, `${at}.tool`), input: input ?? {} };
  });
  return {
    text: textOf(fields['text'] ?? '', `${place}.text`),
    calls,
    delayMs: countOf(fields['delay_ms'], `${place}.delay_ms`, 0),
    chunkMs: countOf(fields['chunk_ms'], `${place}.chunk_ms`, 0),
    usage: usageOf(fields['usage'], `${place}.usage`),
    expect: patternOf(fields['expect'], `${place}.expect`),
    faults: listOf(fields['faults'], `${place}.faults`).map((fault, index) =>
      faultOf(fault, `${place}.faults[${index}]`),
    ),
  };
};

const scriptOf = (name: string, value: unknown): Script => {
  const place = `script ${name}`;
  const fields = fieldsOf(value, place);
  const agents = Object.entries(fieldsOf(fields['agents'], `${place}: agents`));
  const contextTokens = fields['context_tokens'];
  return {
    name,
    usage: usageOf(fields['usage'], `${place}: usage`),
    price: priceOf(fields['price'], `${place}: price`),
    contextTokens:
      contextTokens === undefined ? null : countOf(contextTokens, `${place}: context_tokens`, 0),
    agents: new Map(
      agents.map(([agent, replies]) => {
        const at = `${place}: agents.${agent}`;
        return [
          agent,
          listOf(replies, at).map((reply, index) => replyOf(reply, `${at}[${index}]`)),
        ];
      }),
    ),
  };
};

/** Names of all scripts in these folders; a folder that is not there has none. */
export const listScripts = async (dirs: readonly string[]): Promise<readonly string[]> => {
  const lists = await Promise.all(dirs.map((dir) => readdir(dir).catch(() => [])));
  const files = lists.flat().filter((file) => file.endsWith('.json'));
  return [...new Set(files.map((file) => file.slice(0, -'.json'.length)))].sort();
};

const unknownScript = async (name: string, dirs: readonly string[]): Promise<ScriptError> => {
  const known = await listScripts(dirs);
  const near = nearestNames(name, known, 3);
  const names = (near.length > 0 ? near : known.slice(0, 10)).map((other) => `scripted/${other}`);
  const cure = names.length === 0 ? `No folder of scripts has any` : `There is ${names.join(', ')}`;
  return new ScriptError('unknown', `there is no script "${name}"`, cure);
};

/** Reads and checks `NAME.json` from the first folder that has it. Throws `ScriptError`. */
export const loadScript = async (name: string, dirs: readonly string[]): Promise<Script> => {
  // A name is a name, not a path to wherever.
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name)) throw await unknownScript(name, dirs);
  for (const dir of dirs) {
    const text = await readFile(join(dir, `${name}.json`), 'utf8').catch(() => null);
    if (text === null) continue;
    return scriptOf(name, parseScript(name, text));
  }
  throw await unknownScript(name, dirs);
};

const parseScript = (name: string, text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const words = (error as Error).message;
    throw new ScriptError('invalid', `script ${name} is not JSON: ${words}`, 'Correct the script');
  }
};
