/**
 * The one place where keys rest: `secrets/SESSION.json`, readable by its owner alone.
 *
 * Keys come from the caller's environment with each start or resume and go nowhere else: not into
 * Temporal's history, the store, logs or tool processes. What must stay true: the file is replaced as
 * a whole and synced, since an acknowledged session must find its keys after a power cut.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { SessionSecrets, Settings } from './settings.js';

type Environment = Readonly<Record<string, string>>;

export interface SecretsRequest {
  readonly settings: Settings;
  /** The caller's environment, as it was sent. */
  readonly env: Environment;
  readonly umask: number;
  /** Takes the keys out of an environment: what tool processes may see. */
  readonly toolEnvironment: (
    env: Environment,
    keyEnvs: readonly string[],
    pass: readonly string[],
  ) => Environment;
  /** What the session has so far; null at its start. */
  readonly previous: SessionSecrets | null;
}

type ProviderSecrets = SessionSecrets['providers'][string];

/** A key and the address it is for stay together: an old key is never sent to a new address. */
const mergeProvider = (
  fresh: ProviderSecrets,
  previous: ProviderSecrets | undefined,
): ProviderSecrets => {
  const isMissing = fresh.keyEnv !== null && fresh.key === null;
  if (!isMissing || !previous || previous.key === null) return fresh;
  return { ...previous, models: fresh.models };
};

/** Keys found in the environment replace the session's; keys absent keep what it has. */
export const buildSecrets = (request: SecretsRequest): SessionSecrets => {
  const { settings, env, umask, toolEnvironment, previous } = request;
  const providers: Record<string, ProviderSecrets> = { ...previous?.providers };
  for (const [name, provider] of Object.entries(settings.providers)) {
    const key = (provider.keyEnv === null ? '' : (env[provider.keyEnv] ?? '')).trim();
    const fresh = { ...provider, key: key === '' ? null : key };
    providers[name] = mergeProvider(
      fresh,
      previous && Object.hasOwn(previous.providers, name) ? previous.providers[name] : undefined,
    );
  }
  const keyEnvs = Object.values(providers).flatMap(({ keyEnv }) =>
    keyEnv === null ? [] : [keyEnv],
  );
  return {
    version: 1,
    providers,
    toolEnv: toolEnvironment(env, keyEnvs, settings.shell.envPass),
    umask,
    limits: settings.limits,
    coAuthor: settings.git.coAuthor,
  };
};

const secretsFile = (folder: string, sessionId: string): string =>
  join(folder, `${sessionId}.json`);

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

export const writeSecrets = async (
  folder: string,
  sessionId: string,
  secrets: SessionSecrets,
): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temp = join(folder, `.${sessionId}.${randomBytes(4).toString('hex')}`);
  try {
    const handle = await open(temp, 'wx', 0o600);
    try {
      await handle.writeFile(JSON.stringify(secrets));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temp, secretsFile(folder, sessionId));
  } catch (error) {
    await rm(temp, { force: true });
    throw error;
  }
  await syncFolder(folder);
};

/** The session's secrets, or null when there are none or the file is damaged. */
export const readSecrets = async (
  folder: string,
  sessionId: string,
): Promise<SessionSecrets | null> => {
  const text = await readFile(secretsFile(folder, sessionId), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    },
  );
  try {
    const secrets = JSON.parse(text) as SessionSecrets;
    return secrets.version === 1 ? secrets : null;
  } catch {
    return null;
  }
};
