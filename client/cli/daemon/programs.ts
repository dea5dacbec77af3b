/**
 * Starts the other programs of this build: the supervisor, its taking down, the fetch of Temporal.
 *
 * What must stay true: the supervisor gets its own session and no pipe to us, since it outlives the
 * command and the terminal; it never sees the caller's keys.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { programFile } from '../../../config/dist.js';
import type { HomePaths } from '../../../config/paths.js';
import { plainEnvironment } from '../../../config/plain-environment.js';
import { CommandFailure, type CommandIo } from '../io.js';

export interface StartedSupervisor {
  readonly startedMs: number;
  /** Null while it runs, or when a signal ended it. */
  readonly exitCode: number | null;
  isOver(): boolean;
}

/** The supervisor lives in its home: a path that was written in the caller's folder must be found there. */
export const supervisorEnvironment = (
  env: CommandIo['env'],
  home: string,
): Record<string, string> => {
  const binary = env['LOOMKIN_TEMPORAL_BIN'];
  const full = binary ? { ...env, LOOMKIN_TEMPORAL_BIN: resolve(binary) } : env;
  return plainEnvironment(full, home);
};

export const startSupervisor = (paths: HomePaths, env: CommandIo['env']): StartedSupervisor => {
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  const log = openSync(join(paths.logs, 'supervisor.log'), 'a', 0o600);
  const child = spawn(process.execPath, [programFile('supervisor')], {
    detached: true,
    cwd: paths.home,
    env: supervisorEnvironment(env, paths.home),
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  let isFailed = false;
  child.once('error', () => (isFailed = true));
  return {
    startedMs: Date.now(),
    get exitCode() {
      return child.exitCode;
    },
    isOver: () => isFailed || child.exitCode !== null || child.signalCode !== null,
  };
};

interface ProgramEnd {
  readonly code: number;
  readonly output: string;
}

/** Runs a program to its end; what it says on stderr passes on as it comes. */
const runProgram = (
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  stderr: CommandIo['stderr'],
): Promise<ProgramEnd> =>
  new Promise((resolve, reject) => {
    const isOwn = stderr === process.stderr;
    const child = spawn(process.execPath, [file, ...args], {
      env: { ...env },
      stdio: ['ignore', 'pipe', isOwn ? 'inherit' : 'pipe'],
    });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => (output += part));
    child.stderr?.on('data', (part: Buffer) => stderr.write(part));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });

/** Throws `CommandFailure` when there is no way to get one. */
export const fetchTemporal = async (
  env: CommandIo['env'],
  stderr: CommandIo['stderr'],
): Promise<void> => {
  const end = await runProgram(programFile('fetch-temporal'), [], env, stderr);
  if (end.code === 0) return;
  const reason = parseReason(end.output);
  throw new CommandFailure('temporal_unavailable', reason.message, reason.cure);
};

const parseReason = (output: string): { message: string; cure: string } => {
  try {
    return JSON.parse(output) as { message: string; cure: string };
  } catch {
    return { message: 'the fetch of Temporal was interrupted', cure: 'Run the command again.' };
  }
};

/** Ends supervisor, daemon and server of a home; throws `CommandFailure` when something is left. */
export const takeDown = async (
  paths: HomePaths,
  env: CommandIo['env'],
  stderr: CommandIo['stderr'],
): Promise<void> => {
  const plain = plainEnvironment(env, paths.home);
  const end = await runProgram(programFile('supervisor'), ['--down'], plain, stderr);
  if (end.code !== 0)
    throw new CommandFailure(
      'down_failed',
      `something still runs in ${paths.home}`,
      'Find it with ps, end it, and run loomkin down again.',
    );
};
