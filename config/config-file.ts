/**
 * Reads one config file into checked entries: path, value, line.
 *
 * The file may lie in a stranger's repository, so it is opened without waiting (a fifo would hang) and
 * has a size limit. What must stay true: whatever is wrong with it is said with file and line, and an
 * unknown key is an error, so that nothing seems to work that does not.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { sep } from 'node:path';

import { ConfigError } from './config-error.js';
import { nearestNames } from './nearest-name.js';
import { isShowable, isTablePath, namesBelow, ruleOf, type KeyRule } from './schema.js';
import { keyLines, lineOf } from './toml-position.js';

const FILE_BYTES_MAX = 256 * 1024;

export interface ConfigEntry {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly rule: KeyRule;
  /** File and line, as shown to people. */
  readonly place: string;
}

export interface ConfigFile {
  readonly entries: readonly ConfigEntry[];
  /** `[providers.NAME]` tables, empty ones too, with their places. */
  readonly providers: ReadonlyMap<string, string>;
}

/** `~` for the home folder: shorter, and the same in every message. */
export const shownPath = (path: string, home: string = homedir()): string =>
  home.length > 1 && path.startsWith(home + sep) ? `~${path.slice(home.length)}` : path;

const readErrors: Readonly<Record<string, string>> = {
  EACCES: 'no permission to read it',
  EISDIR: 'it is a folder',
  ELOOP: 'its symbolic links go round in a circle',
  ENXIO: 'it is a socket',
};

/** Text of the file, or null when there is none. */
const readText = async (file: string, shown: string): Promise<string | null> => {
  const fail = (why: string): never => {
    throw new ConfigError('config', `can't read ${shown}: ${why}`, 'Repair or move the file');
  };
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      return fail(readErrors[error.code ?? ''] ?? error.code ?? error.message);
    },
  );
  if (!handle) return null;
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return fail('it is not a regular file');
    if (stat.size > FILE_BYTES_MAX) return fail(`it is larger than ${FILE_BYTES_MAX} bytes`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
};

/** As long as the keys that providers give out. */
const KEY_LIKE = /[A-Za-z0-9_+/.-]{20,}/g;

/** A line that can't be read, without what may be a key: this is printed, and logged by whoever runs us. */
const shownLine = (line: string): string => {
  const [, name = '', value] = /^([^=]*)=?(.*)$/s.exec(line.trim()) ?? [];
  if (value && isShowable(name.trim())) return line.trim().slice(0, 120);
  const start = name.trim().slice(0, 120).replace(KEY_LIKE, '…');
  return value ? `${start} = …` : start;
};

interface SyntaxFault {
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

const parseToml = async (text: string, shown: string): Promise<Record<string, unknown>> => {
  const { parse } = await import('smol-toml');
  try {
    return parse(text);
  } catch (error) {
    const { message, line, column } = error as SyntaxFault;
    const why = (message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
    throw new ConfigError(
      'config',
      `not valid TOML: ${why} (${shown}:${line}:${column})`,
      `Line ${line} reads: ${shownLine(text.split(/\r?\n/)[line - 1] ?? '')}`,
    );
  }
};

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

const shownValue = (value: unknown): string => {
  if (isTable(value)) return 'a table';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** Written as in a file: names that are not bare are quoted. */
const shownKey = (path: readonly string[]): string =>
  path.map((part) => (/^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part))).join('.');

const unknownKey = (path: readonly string[], place: string): ConfigError => {
  const name = path.at(-1) ?? '';
  const near = nearestNames(name, namesBelow(path.slice(0, -1)), 1)[0];
  const cure = near === undefined ? 'Remove it' : `Did you mean "${near}"?`;
  return new ConfigError('config', `unknown key "${shownKey(path)}" (${place})`, cure);
};

const checkValue = (rule: KeyRule, entry: Omit<ConfigEntry, 'rule'>): void => {
  if (rule.accepts(entry.value)) return;
  const found = rule.isSecret ? '' : `, not ${shownValue(entry.value)}`;
  throw new ConfigError(
    'config',
    `${shownKey(entry.path)} must be ${rule.expected}${found} (${entry.place})`,
    `Example: ${rule.example}`,
  );
};

/** Reads a file into entries; null when there is none. */
export const readConfigFile = async (file: string, home?: string): Promise<ConfigFile | null> => {
  const shown = shownPath(file, home);
  const text = await readText(file, shown);
  if (text === null) return null;
  const lines = keyLines(text);
  const entries: ConfigEntry[] = [];
  const providers = new Map<string, string>();
  const walk = (table: Readonly<Record<string, unknown>>, above: readonly string[]): void => {
    for (const [name, value] of Object.entries(table)) {
      const path = [...above, name];
      const place = `${shown}:${lineOf(lines, path)}`;
      const rule = ruleOf(path);
      if (above.length === 1 && above[0] === 'providers') providers.set(name, place);
      if (rule) {
        checkValue(rule, { path, value, place });
        entries.push({ path, value, rule, place });
      } else if (!isTablePath(path)) throw unknownKey(path, place);
      else if (isTable(value)) walk(value, path);
      else throw notATable(path, value, place);
    }
  };
  walk(await parseToml(text, shown), []);
  return { entries, providers };
};

const notATable = (path: readonly string[], value: unknown, place: string): ConfigError => {
  // Whoever writes a text in the place of a provider may have written its key.
  const found = path[0] === 'providers' ? '' : `, not ${shownValue(value)}`;
  return new ConfigError(
    'config',
    `${shownKey(path)} must be a table${found} (${place})`,
    `Write [${shownKey(path)}] and its keys on the lines below`,
  );
};
