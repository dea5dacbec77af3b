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

/** USD per million tokens. */
export interface ModelRates {
  readonly inputUsd: number;
  readonly outputUsd: number;
  readonly cacheReadUsd: number;
  readonly cacheWriteUsd: number;
}

export interface ModelPrice extends ModelRates {
  /** Rates of a whole call whose input, cached or not, is above so many tokens; ascending. */
  readonly tiers?: readonly (ModelRates & { readonly inputTokensAbove: number })[];
}

export interface ModelSettings {
  readonly contextTokens: number | null;
  readonly outputTokensMax: number | null;
  readonly price: ModelPrice | null;
}

/** How a key is sent, where that differs from the API's own way. */
export type KeyHeader = 'bearer' | 'api-key';

export interface ProviderSettings {
  readonly api: 'chat' | 'responses' | 'anthropic';
  readonly baseUrl: string;
  /** Name of the environment variable with the key; null = needs none. */
  readonly keyEnv: string | null;
  readonly keyHeader?: KeyHeader;
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
