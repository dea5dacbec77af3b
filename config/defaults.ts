/**
 * What holds where nobody says anything: limits, the built-in provider, the model chosen by its key.
 *
 * What must stay true: a default is written here and nowhere else.
 */
import { CO_AUTHOR } from '../workflows/protocol/names.js';
import type { Limits, ProviderSettings } from './settings.js';

export const DEFAULT_LIMITS: Limits = {
  modelStallMs: 120_000,
  modelAttempts: 10,
  shellTimeoutMs: 120_000,
  shellConcurrency: 4,
  toolOutputBytes: 32_768,
  fileBytesMax: 10_485_760,
};

export const DEFAULT_CO_AUTHOR: string = CO_AUTHOR;

/** Shown where a model's name was not understood; OpenAI's default. */
export const EXAMPLE_MODEL = 'openai/gpt-5.1';

export interface BuiltInProvider extends ProviderSettings {
  readonly keyEnv: string;
  /** Variable that replaces the base URL. */
  readonly baseUrlEnv: string;
  /** Model used when nothing else names one and the key is set. */
  readonly defaultModel: string;
}

/** In the order in which their keys choose the default model. */
export const BUILT_IN_PROVIDERS: Readonly<Record<string, BuiltInProvider>> = {
  openai: {
    api: 'chat',
    baseUrl: 'https://api.openai.com/v1',
    keyEnv: 'OPENAI_API_KEY',
    baseUrlEnv: 'OPENAI_BASE_URL',
    defaultModel: EXAMPLE_MODEL,
    headers: {},
    models: {},
  },
};

/** Plays scripts instead of asking a model; needs neither address nor key. */
export const SCRIPTED_PROVIDER = 'scripted';
