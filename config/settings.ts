/**
 * The settings a session runs with, after all layers are merged: the shape everybody else reads.
 *
 * Parsing, layering and error messages are in `load.ts`; paths of LOOMKIN_HOME in `paths.ts`. What
 * must stay true: settings hold no secret; keys live in `SessionSecrets` alone.
 */
import type { PermissionMode } from '../workflows/protocol/agent.js';

export interface Limits {
  readonly modelStallMs: number;
  readonly modelAttempts: number;
  readonly shellTimeoutMs: number;
  readonly shellConcurrency: number;
  readonly toolOutputBytes: number;
  readonly fileBytesMax: number;
}

export interface ModelPrice {
  /** USD per million tokens. */
  readonly inputUsd: number;
  readonly outputUsd: number;
  readonly cacheReadUsd: number;
  readonly cacheWriteUsd: number;
}

export interface ModelSettings {
  readonly contextTokens: number | null;
  readonly outputTokensMax: number | null;
  readonly price: ModelPrice | null;
}

export interface ProviderSettings {
  readonly api: 'chat';
  readonly baseUrl: string;
  /** Name of the environment variable with the key; null = needs none. */
  readonly keyEnv: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly models: Readonly<Record<string, ModelSettings>>;
}

export interface Settings {
  /** `provider/model` or null when nothing names one. */
  readonly model: string | null;
  readonly permissionMode: PermissionMode;
  /** 0 = none. */
  readonly maxTurns: number;
  readonly limits: Limits;
  readonly providers: Readonly<Record<string, ProviderSettings>>;
  readonly git: { readonly coAuthor: string };
  /** Names of variables that tool processes get although they look like keys. */
  readonly shell: { readonly envPass: readonly string[] };
}

/** What a session needs to act, kept in `secrets/SESSION.json` (0600) and nowhere else. */
export interface SessionSecrets {
  readonly version: 1;
  readonly providers: Readonly<Record<string, ProviderSettings & { readonly key: string | null }>>;
  /** Environment of tool processes as the caller sent it, less keys. */
  readonly toolEnv: Readonly<Record<string, string>>;
  readonly umask: number;
  readonly limits: Limits;
  readonly coAuthor: string;
}
