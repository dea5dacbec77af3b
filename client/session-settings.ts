/**
 * Works out what a prompt runs with: settings of all layers, the session's keys, the model.
 *
 * A start and a prompt for an old session differ in one thing: the old session keeps its model and
 * the keys that the caller did not send. What must stay true: nothing is written here, and no key
 * leaves `secrets`.
 */
import { isAbsolute } from 'node:path';

import type { SessionRow } from '../activities/stores/sessions-store.js';
import { ConfigError } from '../config/config-error.js';
import { loadSettings } from '../config/load.js';
import { requireModel, splitModel } from '../config/model-choice.js';
import { buildSecrets, readSecrets, type SecretsRequest } from '../config/secrets.js';
import type { SessionSecrets } from '../config/settings.js';
import type { PromptSettings } from '../workflows/protocol/agent.js';
import type { CallerContext, PromptOptions } from './http/wire.js';
import { badRequest, type Refusal } from './refusal.js';

export type ModelCheck =
  { readonly ok: true } | { readonly ok: false; readonly message: string; readonly cure: string };

export interface SettingsSources {
  readonly secretsFolder: string;
  readonly toolEnvironment: SecretsRequest['toolEnvironment'];
  /** Whether the model exists as far as can be told without asking its provider. */
  readonly checkModel: (model: string) => Promise<ModelCheck>;
}

export interface PromptRequest {
  readonly sessionId: string;
  /** Real path. */
  readonly project: string;
  /** The session as it is stored; null at its start. */
  readonly session: SessionRow | null;
  /** null: a wrapper that sends none; the session's own stays. */
  readonly caller: CallerContext | null;
  readonly options: PromptOptions;
}

export interface PromptPlan {
  /** To be written; null = they stay as they are. */
  readonly secrets: SessionSecrets | null;
  readonly settings: PromptSettings;
  readonly model: string;
  readonly apiKeySource: string;
  readonly notices: readonly string[];
}

/** Names and values that can be environment variables; others are left out. */
const cleanEnvironment = (env: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      ([name, value]) =>
        /^[^=\0]+$/.test(name) && typeof value === 'string' && !value.includes('\0'),
    ),
  );

const noSecrets = (sessionId: string): Refusal =>
  badRequest(
    'session_damaged',
    `the keys of session ${sessionId} are gone`,
    'Continue it from a shell that has them: loomkin -r ID "…"',
  );

const planWithCaller = async (
  request: PromptRequest & { readonly caller: CallerContext },
  sources: SettingsSources,
  previous: SessionSecrets | null,
): Promise<Omit<PromptPlan, 'apiKeySource' | 'model'> & { readonly model: string | null }> => {
  const { caller, options, project, session } = request;
  if (caller.config_file !== null && !isAbsolute(caller.config_file))
    throw badRequest(
      'usage',
      `not an absolute path: ${caller.config_file}`,
      'Name the file in full',
    );
  const env = cleanEnvironment(caller.env);
  const { settings, notices } = await loadSettings({
    env,
    project,
    configFile: caller.config_file,
    flags: {
      model: options.model,
      permissionMode: options.permission_mode,
      maxTurns: options.max_turns,
    },
  });
  const { toolEnvironment } = sources;
  const secrets = buildSecrets({ settings, env, umask: caller.umask, toolEnvironment, previous });
  const model = session ? (options.model ?? session.model) : settings.model;
  return {
    secrets,
    model,
    notices,
    settings: {
      permissionMode: settings.permissionMode,
      onAsk: options.interactive ? 'park' : 'deny',
      maxTurns: settings.maxTurns,
      model: session ? options.model : null,
    },
  };
};

const planWithoutCaller = ({
  options,
  session,
}: PromptRequest): Omit<PromptPlan, 'apiKeySource' | 'model'> & {
  readonly model: string | null;
} => ({
  secrets: null,
  model: options.model ?? session?.model ?? null,
  notices: [],
  settings: {
    permissionMode: options.permission_mode ?? session?.permissionMode ?? 'default',
    onAsk: options.interactive ? 'park' : 'deny',
    maxTurns: options.max_turns ?? 0,
    model: options.model,
  },
});

/** Throws `ConfigError` or `Refusal` when the prompt can't be run as it is. */
export const planPrompt = async (
  request: PromptRequest,
  sources: SettingsSources,
): Promise<PromptPlan> => {
  const { caller, sessionId } = request;
  const previous = await readSecrets(sources.secretsFolder, sessionId);
  const plan = caller
    ? await planWithCaller({ ...request, caller }, sources, previous)
    : planWithoutCaller(request);
  const secrets = plan.secrets ?? previous;
  if (!secrets) throw noSecrets(sessionId);
  const { model, apiKeySource } = requireModel(plan.model, secrets.providers);
  const check = await sources.checkModel(model);
  if (!check.ok) throw new ConfigError('unknown_model', check.message, check.cure);
  return { ...plan, model, apiKeySource };
};

/** What a session runs with as it stands, for an answer about a prompt of old; never throws. */
export const recallPlan = async (
  session: SessionRow,
  sources: SettingsSources,
): Promise<Omit<PromptPlan, 'secrets'>> => {
  const { model, permissionMode } = session;
  const secrets = await readSecrets(sources.secretsFolder, session.id);
  const { provider } = splitModel(model);
  const settings = { permissionMode, onAsk: 'deny', maxTurns: 0, model: null } as const;
  return {
    settings,
    model,
    apiKeySource: secrets?.providers[provider]?.keyEnv ?? 'none',
    notices: [],
  };
};
