/**
 * Merges the layers of a session's settings: defaults, the user's file, the project's file, the
 * environment, flags; a later one wins.
 *
 * A repository is a stranger: what its file may not set is left out with a notice instead of an error,
 * so that it can neither act nor stand in the way. What must stay true: nothing here has an effect
 * beyond reading the two files.
 */
import { homedir } from 'node:os';

import type { PermissionMode } from '../workflows/protocol/agent.js';
import { BUILT_IN_PROVIDERS } from './catalogue-providers.js';
import { ConfigError } from './config-error.js';
import { readConfigFile, shownPath, type ConfigEntry, type ConfigFile } from './config-file.js';
import { DEFAULT_CO_AUTHOR, DEFAULT_LIMITS } from './defaults.js';
import { checkModelName } from './model-choice.js';
import { projectConfigFile, userConfigFile } from './paths.js';
import { providersOf } from './provider-settings.js';
import type { Limits, ProviderSettings, Settings } from './settings.js';

/** What the command line said; null = nothing. */
export interface SettingsFlags {
  readonly model: string | null;
  readonly permissionMode: PermissionMode | null;
  readonly maxTurns: number | null;
}

export interface SettingsRequest {
  /** The caller's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Root of the project; null = no project file. */
  readonly project: string | null;
  /** `--config FILE`, absolute: counts as the user's file. */
  readonly configFile: string | null;
  readonly flags: SettingsFlags;
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** What was left out, in words for the person. */
  readonly notices: readonly string[];
}

const readUserFile = async (request: SettingsRequest, home: string): Promise<ConfigFile | null> => {
  const { configFile, env } = request;
  if (configFile === null) return readConfigFile(userConfigFile(env), home);
  const file = await readConfigFile(configFile, home);
  if (file) return file;
  const shown = shownPath(configFile, home);
  throw new ConfigError(
    'config',
    `no such config file (${shown})`,
    'Check the path after --config',
  );
};

/** Bypass lets everything pass, so only the person may choose it. */
const isForbidden = ({ rule, path, value }: ConfigEntry): boolean =>
  rule.userOnly || (path[0] === 'permission_mode' && value !== 'default');

const NO_FILE: ConfigFile = { entries: [], providers: new Map() };

/** The project's entries without what only the person may set; one notice per top-level name. */
const readProjectFile = async (
  file: string,
  home: string,
): Promise<{ readonly entries: readonly ConfigEntry[]; readonly notices: readonly string[] }> => {
  const found = (await readConfigFile(file, home)) ?? NO_FILE;
  const [provider] = found.providers.values();
  const ignored = new Map(provider === undefined ? [] : [['providers', provider]]);
  for (const { path, place } of found.entries.filter(isForbidden))
    if (!ignored.has(path[0] ?? '')) ignored.set(path[0] ?? '', place);
  return {
    entries: found.entries.filter((entry) => !isForbidden(entry)),
    notices: [...ignored].map(
      ([name, place]) =>
        `"${name}" in the project's config is ignored (${place}): it counts only in your own`,
    ),
  };
};

const permissionModeOf = (value: unknown): PermissionMode | null => {
  if (value === undefined) return null;
  return value === 'default' ? 'default' : 'bypass';
};

type Values = (path: string) => unknown;

const limitsOf = (values: Values): Limits => {
  const number = (name: string, factor: number): number | null => {
    const value = values(`limits.${name}`);
    return typeof value === 'number' ? Math.round(value * factor) : null;
  };
  const defaults = DEFAULT_LIMITS;
  return {
    modelStallMs: number('model_stall_s', 1000) ?? defaults.modelStallMs,
    modelAttempts: number('model_attempts', 1) ?? defaults.modelAttempts,
    shellTimeoutMs: number('shell_timeout_s', 1000) ?? defaults.shellTimeoutMs,
    shellConcurrency: number('shell_concurrency', 1) ?? defaults.shellConcurrency,
    toolOutputBytes: number('tool_output_bytes', 1) ?? defaults.toolOutputBytes,
    fileBytesMax: number('file_bytes_max', 1) ?? defaults.fileBytesMax,
  };
};

/** The default model of the first provider whose key is set. */
const modelByKey = (
  providers: Readonly<Record<string, ProviderSettings>>,
  env: SettingsRequest['env'],
): string | null => {
  for (const [name, { defaultModel }] of Object.entries(BUILT_IN_PROVIDERS)) {
    const keyEnv = providers[name]?.keyEnv;
    if (defaultModel !== null && keyEnv && env[keyEnv]?.trim()) return `${name}/${defaultModel}`;
  }
  return null;
};

const chooseModel = (
  request: SettingsRequest,
  values: Values,
  providers: Readonly<Record<string, ProviderSettings>>,
): string | null => {
  const { flags, env } = request;
  if (flags.model !== null) return checkModelName(flags.model, '--model');
  const fromEnv = env['LOOMKIN_MODEL']?.trim();
  if (fromEnv) return checkModelName(fromEnv, 'LOOMKIN_MODEL');
  return (values('model') as string | undefined) ?? modelByKey(providers, env);
};

const settingsOf = (
  request: SettingsRequest,
  entries: readonly ConfigEntry[],
  providers: Settings['providers'],
): Settings => {
  const { flags } = request;
  const merged = new Map(entries.map((entry) => [entry.path.join('.'), entry.value]));
  const values: Values = (path) => merged.get(path);
  const mode = flags.permissionMode ?? permissionModeOf(values('permission_mode'));
  return {
    model: chooseModel(request, values, providers),
    permissionMode: mode ?? 'default',
    maxTurns: flags.maxTurns ?? (values('max_turns') as number | undefined) ?? 0,
    limits: limitsOf(values),
    providers,
    git: { coAuthor: (values('git.co_author') as string | undefined) ?? DEFAULT_CO_AUTHOR },
    shell: { envPass: (values('shell.env_pass') as readonly string[] | undefined) ?? [] },
  };
};

/** Throws `ConfigError`, exit code 2, when a layer can't be understood. */
export const loadSettings = async (request: SettingsRequest): Promise<LoadedSettings> => {
  const { env, project } = request;
  const home = env['HOME'] || homedir();
  const ownFile = request.configFile ?? userConfigFile(env);
  const projectFile = project === null ? ownFile : projectConfigFile(project);
  const [user, stranger] = await Promise.all([
    readUserFile(request, home),
    projectFile === ownFile ? { entries: [], notices: [] } : readProjectFile(projectFile, home),
  ]);
  const entries = [...(user?.entries ?? []), ...stranger.entries];
  const settings = settingsOf(request, entries, providersOf(user, env));
  return { settings, notices: stranger.notices };
};
