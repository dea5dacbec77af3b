/**
 * What one shell call leaves to the agent's next: working folder and exported variables.
 *
 * Kept as the difference to the session's environment, one file an agent, so that a key the user
 * changes reaches the next command. What must stay true: nothing is passed between agents, and the
 * file only moves forward in (turn, index), so that a late retry turns nothing back.
 */
import { mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';

import { EFFECT_MARK } from '../../../workflows/protocol/names.js';
import { looksLikeKey } from '../../key-names.js';
import { folderNameOf, readOrNull, type EffectFolder } from './folder.js';

export interface AgentState {
  readonly turn: number;
  readonly index: number;
  readonly cwd: string;
  readonly set: Readonly<Record<string, string>>;
  readonly unset: readonly string[];
}

type Environment = Readonly<Record<string, string>>;

/** Larger notes are not believed. */
const STATE_BYTES_MAX = 1024 * 1024;
/** What the kernel hands to a program in one piece, `NAME=value` and a NUL: with more, nothing starts. */
const ENTRY_BYTES_MAX = 128 * 1024;
/** Names that belong to one shell, not to the agent. */
const OF_THE_SHELL = new Set(['_', 'SHLVL', 'PWD', 'SHELLOPTS', 'BASHOPTS', EFFECT_MARK]);

const passes = (name: string): boolean =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !OF_THE_SHELL.has(name) && !looksLikeKey(name);

const fits = (name: string, value: string): boolean =>
  Buffer.byteLength(`${name}=${value}`) < ENTRY_BYTES_MAX;

export const stateFileOf = (shellsDir: string, sessionId: string, agent: string): string =>
  join(shellsDir, 'agents', `${folderNameOf(`${sessionId}/${agent}`)}.env`);

export const readAgentState = async (file: string): Promise<AgentState | null> => {
  try {
    const text = await readOrNull(file);
    return text === null ? null : (JSON.parse(text) as AgentState);
  } catch {
    // Not worth failing a command for: it starts in the project, with the session's environment.
    return null;
  }
};

const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  );

/** Where and with what the agent's next command starts. */
export const startingPoint = async (
  state: AgentState | null,
  project: string,
  env: Environment,
): Promise<{ readonly cwd: string; readonly env: Environment }> => {
  if (!state) return { cwd: project, env };
  const kept = Object.fromEntries(
    Object.entries({ ...env, ...state.set }).filter(([name]) => !state.unset.includes(name)),
  );
  return { cwd: (await isFolder(state.cwd)) ? state.cwd : project, env: kept };
};

/** What `inner.sh` noted when the command ended; null unless all of it is there and makes sense. */
const readNote = async (
  folder: EffectFolder,
): Promise<{ readonly cwd: string; readonly exported: Map<string, string> } | null> => {
  const bytes = await readFile(join(folder.path, 'state')).catch(() => Buffer.alloc(0));
  const begin = bytes.indexOf('\n') + 1;
  const records = bytes.subarray(begin).toString('utf8').split('\0');
  const [cwd, ...entries] = records;
  if (begin === 0 || bytes.length > STATE_BYTES_MAX || entries.pop() !== '') return null;
  if (entries.pop() !== 'end' || !cwd?.startsWith('/') || !(await isFolder(cwd))) return null;
  const exported = new Map<string, string>();
  for (const entry of entries) {
    const at = entry.indexOf('=');
    if (at <= 0) return null;
    // Bytes that are not UTF-8 can't be handed on as they are.
    if (!entry.includes('\uFFFD')) exported.set(entry.slice(0, at), entry.slice(at + 1));
  }
  return { cwd: await realpath(cwd), exported };
};

/** Keeps what the call left behind, unless a later call has already left its own. */
export const keepAgentState = async (options: {
  readonly file: string;
  readonly folder: EffectFolder;
  /** Environment of the session, against which the difference is taken. */
  readonly env: Environment;
  readonly callId: string;
}): Promise<void> => {
  const { file, folder, env, callId } = options;
  const [turn = 0, index = 0] = callId.split('.').slice(-2).map(Number);
  const old = await readAgentState(file);
  if (old && (old.turn > turn || (old.turn === turn && old.index > index))) return;
  const note = await readNote(folder);
  if (!note) return;
  const { cwd, exported } = note;
  const set = [...exported].filter(
    ([name, value]) => passes(name) && env[name] !== value && fits(name, value),
  );
  const unset = Object.keys(env).filter((name) => passes(name) && !exported.has(name));
  const state: AgentState = { turn, index, cwd, set: Object.fromEntries(set), unset };
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, JSON.stringify(state), { mode: 0o600 });
  await rename(fresh, file);
};
