/**
 * What holds where nobody says anything: limits and names; the providers are in
 * `catalogue-providers.ts`.
 *
 * What must stay true: a default is written in one of these two and nowhere else.
 */
import { CO_AUTHOR } from '../workflows/protocol/names.js';
import type { Limits } from './settings.js';

export const DEFAULT_LIMITS: Limits = {
  modelStallMs: 120_000,
  modelAttempts: 10,
  shellTimeoutMs: 120_000,
  shellConcurrency: 4,
  toolOutputBytes: 32_768,
  fileBytesMax: 10_485_760,
};

export const DEFAULT_CO_AUTHOR: string = CO_AUTHOR;

/** Shown where a model's name was not understood. */
export const EXAMPLE_MODEL = 'openai/gpt-5.1';

/** Plays scripts instead of asking a model; needs neither address nor key. */
export const SCRIPTED_PROVIDER = 'scripted';
