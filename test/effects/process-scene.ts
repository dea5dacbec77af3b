/**
 * A place for process effects: a home with a real store, a project, and the real scripts.
 *
 * What must stay true: the folder of a scene goes at its end together with every process that still
 * carries a mark of its session; nothing else is touched.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { CarriedOut, EffectEnvironment } from '../../activities/effects/effect.js';
import {
  makeProcessEffects,
  type ProcessEffects,
} from '../../activities/effects/process-effect.js';
import type { Store } from '../../activities/stores/store.js';
import { shellTool, type ShellInput } from '../../activities/tools/shell/shell.js';
import type { Tool } from '../../activities/tools/tool.js';
import { bundleForTests } from './bundle.js';
import { makeContext, openHomeStore, performCall, type CallOptions } from './process-call.js';

export const SCRIPTS_DIR = fileURLToPath(
  new URL('../../activities/effects/process', import.meta.url),
);

export interface Scene {
  readonly home: string;
  readonly project: string;
  readonly session: string;
  readonly shellsDir: string;
  readonly store: Store;
  readonly processes: ProcessEffects;
  /** Like `run-tool.ts`: settled, claimed or new. */
  run<Input>(tool: Tool<Input>, input: Input, options?: CallOptions): Promise<CarriedOut>;
  shell(command: string, options?: CallOptions & Omit<ShellInput, 'command'>): Promise<CarriedOut>;
  /** The same with an environment that a test has changed. */
  perform(env: EffectEnvironment): Promise<CarriedOut>;
  environment<Input>(tool: Tool<Input>, input: Input, options?: CallOptions): EffectEnvironment;
}

/** Processes whose environment carries the mark of this session. */
export const markedProcesses = (session: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const isZombie = stat[stat.lastIndexOf(')') + 2] === 'Z';
        return !isZombie && environment.includes(`LOOMKIN_EFFECT=${session}/`);
      } catch {
        return false;
      }
    })
    .map(Number);

const endMarked = (session: string): void => {
  for (const pid of markedProcesses(session))
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
};

let sharedHome: string | null = null;
let shared: Promise<Store> | null = null;

/** One store for all scenes of a test file: they differ in their sessions. */
const sharedStore = (): Promise<Store> => {
  const home = (sharedHome ??= mkdtempSync(join(realpathSync(tmpdir()), 'store-')));
  return (shared ??= bundleForTests().then(({ threadFile }) => openHomeStore(home, threadFile)));
};

afterAll(async () => {
  await (await shared)?.close();
  if (sharedHome) rmSync(sharedHome, { recursive: true, force: true, maxRetries: 5 });
});

export const withScene = async (
  body: (scene: Scene) => Promise<void>,
  options: { readonly concurrency?: number; readonly bootId?: string } = {},
): Promise<void> => {
  const home = mkdtempSync(join(realpathSync(tmpdir()), 'process-'));
  const project = join(home, 'project');
  const shellsDir = join(home, 'shells');
  const session = crypto.randomUUID();
  mkdirSync(project);
  const store = await sharedStore();
  const processes = makeProcessEffects({
    shellsDir,
    scriptsDir: SCRIPTS_DIR,
    concurrency: options.concurrency ?? 4,
    ...(options.bootId !== undefined && { bootId: options.bootId }),
  });
  const environment: Scene['environment'] = (tool, input, call) => ({
    store,
    reachFault: () => undefined,
    tool: tool as Tool,
    input,
    context: makeContext({ project, home, session }, call),
    now: () => new Date().toISOString(),
  });
  const perform: Scene['perform'] = (env) => performCall(processes, env);
  const run: Scene['run'] = (tool, input, call) => perform(environment(tool, input, call));
  const shell: Scene['shell'] = (command, { timeout_ms, background, ...call } = {}) =>
    run(
      shellTool,
      {
        command,
        ...(timeout_ms !== undefined && { timeout_ms }),
        ...(background !== undefined && { background }),
      },
      call,
    );
  try {
    await body({
      home,
      project,
      session,
      shellsDir,
      store,
      processes,
      run,
      perform,
      shell,
      environment,
    });
  } finally {
    endMarked(session);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
};
