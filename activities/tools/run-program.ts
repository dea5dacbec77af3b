/**
 * Runs a short program that only reads, or writes nothing but what is ours, and returns its output.
 *
 * What changes the user's world goes through a `ProcessRun` instead, so that it happens once. What
 * must stay true: time and output are bounded, and at the limit the whole process group is ended.
 */
import { spawn } from 'node:child_process';

export interface ProgramOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly outputBytesMax: number;
  readonly input?: string;
  readonly signal?: AbortSignal;
}

export interface ProgramEnd {
  /** Null when it did not exit by itself. */
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Why it was ended by us, or could not be started; null when neither. */
  readonly cut: 'timeout' | 'output' | 'interrupted' | 'not_started' | null;
}

const ERROR_BYTES_MAX = 16 * 1024;

const killGroup = (pid: number | undefined): void => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
};

export const runProgram = (
  program: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramEnd> =>
  new Promise((resolve) => {
    const { cwd, env, timeoutMs, outputBytesMax, input, signal } = options;
    const child = spawn(program, args, { cwd, env: { ...env }, detached: true });
    const parts: Buffer[] = [];
    let bytes = 0;
    let stderr = '';
    let cut: ProgramEnd['cut'] = null;
    const stop = (why: NonNullable<ProgramEnd['cut']>): void => {
      cut ??= why;
      killGroup(child.pid);
      // What left the group may hold them open; nobody waits for its words.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const interrupt = (): void => stop('interrupted');
    const timer = setTimeout(() => stop('timeout'), timeoutMs);
    const end = (code: number | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', interrupt);
      const stdout = Buffer.concat(parts).subarray(0, outputBytesMax);
      resolve({ code: cut === null ? code : null, stdout, stderr, cut });
    };
    signal?.addEventListener('abort', interrupt, { once: true });
    if (signal?.aborted) interrupt();
    child.stdout.on('data', (part: Buffer) => {
      bytes += part.length;
      parts.push(part);
      if (bytes > outputBytesMax) stop('output');
    });
    child.stderr.on('data', (part: Buffer) => {
      if (stderr.length < ERROR_BYTES_MAX) stderr += part.toString();
    });
    child.once('error', (error) => {
      cut = 'not_started';
      stderr = error.message;
      end(null);
    });
    child.once('close', end);
    // A program that ends without reading its input breaks the pipe, which is its right.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
