/**
 * Where things lie below LOOMKIN_HOME and in the shared cache. Nothing here touches the disk.
 *
 * What must stay true: two different LOOMKIN_HOMEs share nothing but the cached Temporal binary.
 */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** A folder of the XDG specification, which has relative ones ignored: each process would see another. */
const xdgFolder = (env: Environment, name: string, ...fallback: readonly string[]): string => {
  const folder = env[name] ?? '';
  return isAbsolute(folder) ? folder : join(env['HOME'] || homedir(), ...fallback);
};

/** `$LOOMKIN_HOME`, else the XDG data folder's `loomkin`. */
export const loomkinHome = (env: Environment): string =>
  resolve(
    env['LOOMKIN_HOME'] || join(xdgFolder(env, 'XDG_DATA_HOME', '.local', 'share'), 'loomkin'),
  );

/** The user's own config file. */
export const userConfigFile = (env: Environment): string =>
  join(xdgFolder(env, 'XDG_CONFIG_HOME', '.config'), 'loomkin', 'config.toml');

export const projectConfigFile = (project: string): string =>
  join(project, '.loomkin', 'config.toml');

/** Cache shared by all installations of this user. */
export const cacheFolder = (env: Environment): string =>
  join(xdgFolder(env, 'XDG_CACHE_HOME', '.cache'), 'loomkin');

export interface HomePaths {
  readonly home: string;
  readonly installation: string;
  readonly runtime: string;
  /** Written by a daemon or supervisor that can't start: `StartupError` of runtime-file.ts. */
  readonly startupError: string;
  readonly temporalDb: string;
  readonly database: string;
  readonly blobs: string;
  readonly secrets: string;
  readonly logs: string;
  readonly shells: string;
  /** Locks and birth notes of supervisor, daemon and server. */
  readonly processes: string;
  readonly backups: string;
  readonly scratch: string;
  readonly faultsLog: string;
}

export const homePaths = (home: string): HomePaths => ({
  home,
  installation: join(home, 'installation'),
  runtime: join(home, 'runtime.json'),
  startupError: join(home, 'startup-error.json'),
  temporalDb: join(home, 'temporal.db'),
  database: join(home, 'loomkin.db'),
  blobs: join(home, 'blobs'),
  secrets: join(home, 'secrets'),
  logs: join(home, 'logs'),
  shells: join(home, 'shells'),
  processes: join(home, 'processes'),
  backups: join(home, 'backups'),
  scratch: join(home, 'scratch'),
  faultsLog: join(home, 'faults.log'),
});
