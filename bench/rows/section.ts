/**
 * What the sections of the benchmark are given, and the limits they are held to.
 *
 * What must stay true: every limit stands here once, beside the others, so that the table of budgets
 * can be read in one place.
 */
import type { Limit } from '../figures.js';
import type { Installation } from '../installation.js';
import type { ModelServer } from '../model-server.js';

export interface Bench {
  /** The checkout. */
  readonly root: string;
  readonly installation: Installation;
  readonly model: ModelServer;
  readonly quick: boolean;
}

export const LIMITS = {
  warm: [{ of: 'median', max: 1, per: 'floor' }],
  cold: [{ of: 'median', max: 2_500 }],
  turnOverhead: [
    { of: 'median', max: 30 },
    { of: 'p95', max: 70 },
  ],
  sessionCpu: [{ of: 'median', max: 2.5, per: 'floor' }],
  idleCpu: [{ of: 'max', max: 4 }],
  spawnToQuery: [{ of: 'p95', max: 60 }],
  message: [{ of: 'p95', max: 25 }],
  idleMemory: [{ of: 'max', max: 450 }],
  crowdMemory: [{ of: 'max', max: 700 }],
  crowdLost: [{ of: 'max', max: 0 }],
  loopDelay: [{ of: 'p95', max: 50 }],
  promptTokens: [{ of: 'max', max: 3_000 }],
  recovery: [
    { of: 'median', max: 3_000 },
    { of: 'max', max: 6_000 },
  ],
  bundle: [{ of: 'max', max: 700 }],
  turnEvents: [{ of: 'max', max: 15 }],
  turnBytes: [{ of: 'max', max: 12 * 1024 }],
} as const satisfies Readonly<Record<string, readonly Limit[]>>;
