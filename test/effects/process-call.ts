/**
 * One call of a tool as `run-tool.ts` makes it: settled, claimed or new. Free of Jest, so that a child
 * process can use it, too.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { CarriedOut, EffectEnvironment } from '../../activities/effects/effect.js';
import type { ProcessEffects } from '../../activities/effects/process-effect.js';
import { openStore } from '../../activities/stores/open-store.js';
import type { Store } from '../../activities/stores/store.js';
import type { ToolContext } from '../../activities/tools/tool.js';
import {
  agentNameOf,
  effectKeyOf,
  sessionIdOf,
  toolCallIdOf,
} from '../../workflows/protocol/ids.js';

export interface CallOptions {
  readonly agent?: string;
  readonly turn?: number;
  readonly index?: number;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly outputBytesMax?: number;
  readonly shellTimeoutMs?: number;
  readonly umask?: number;
}

export const TEST_ENV = { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), LANG: 'C.UTF-8' };

export const makeContext = (
  place: { readonly project: string; readonly home: string; readonly session: string },
  options: CallOptions = {},
): ToolContext => {
  const session = sessionIdOf(place.session);
  const agent = agentNameOf(options.agent ?? 'lead');
  const callId = toolCallIdOf(agent, options.turn ?? 1, options.index ?? 0);
  return {
    sessionId: session,
    agent,
    callId,
    effectKey: effectKeyOf(session, callId),
    project: place.project,
    baseCommit: null,
    umask: options.umask ?? 0o022,
    env: options.env ?? TEST_ENV,
    limits: {
      outputBytesMax: options.outputBytesMax ?? 32768,
      fileBytesMax: 10485760,
      shellTimeoutMs: options.shellTimeoutMs ?? 20_000,
    },
    coAuthor: 'Loomkin <noreply@loomkin.dev>',
    scratch: join(place.home, 'scratch', place.session),
    signal: options.signal ?? new AbortController().signal,
    changedPaths: async () => [],
  };
};

export const performCall = async (
  processes: ProcessEffects,
  env: EffectEnvironment,
): Promise<CarriedOut> => {
  const row = await env.store.call('getEffect', { key: env.context.effectKey });
  if (row) return processes.recover(row, env);
  const plan = await env.tool.plan(env.input, env.context);
  if (plan.kind === 'process') return processes.carryOut(plan, env);
  if (plan.kind === 'file') throw new Error('a file change is not for this scene');
  const note = {
    effect: 'opaque',
    outcome: 'applied',
    recovered: false,
    paths: [],
    commit: null,
  } as const;
  return {
    outcome: { state: 'applied', text: plan.text, isError: plan.isError, note, at: env.now() },
    recovered: false,
  };
};

/** A store as a daemon has it: all earlier ones are fenced out. */
export const openHomeStore = async (home: string, threadFile: string): Promise<Store> => {
  const store = await openStore({
    file: join(home, 'loomkin.db'),
    blobsDir: join(home, 'blobs'),
    backupsDir: join(home, 'backups'),
    threadFile,
  });
  await store.call('takeFence', { pid: process.pid, at: new Date().toISOString() });
  return store;
};
