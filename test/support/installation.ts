/**
 * A whole installation of its own for one test: home, user folder, server, daemon, supervisor.
 *
 * Starts what the built programs start, for real. What must stay true: when the callback is over,
 * whatever way, nothing of the installation runs any more, and a test that left something fails.
 */
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureEngine } from '../../client/cli/daemon/ensure-engine.js';
import type { Engine } from '../../client/cli/daemon/find-engine.js';
import type { CommandIo } from '../../client/cli/io.js';
import { takeDown } from '../../client/cli/daemon/programs.js';
import { distFolder, programFile } from '../../config/dist.js';
import { homePaths, type HomePaths } from '../../config/paths.js';
import { readRuntimeFile, type RuntimeFile } from '../../config/runtime-file.js';
import { findTemporal } from './temporal-binary.js';

export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Installation {
  /** Removed at the end; holds `home`, the user's folder and whatever the test puts there. */
  readonly folder: string;
  readonly home: string;
  readonly paths: HomePaths;
  readonly env: Record<string, string>;
  /** Starts what is not there, as every command does. */
  engine(): Promise<Engine>;
  runtime(): RuntimeFile;
  /** Runs the built command line to its end. */
  run(...words: readonly string[]): Promise<CommandEnd>;
}

export interface InstallationOptions {
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Program text that stands in for the daemon, for tests of what happens around it; `PLAIN_DAEMON`
   * is one that answers its health route and no more. Default: the real one.
   */
  readonly daemon?: string;
}

export const PLAIN_DAEMON = `
  import { createServer } from 'node:http';
  const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
  const health = { ok: true, version: '0.0.0', build: 'stand-in', pid: process.pid };
  createServer((request, response) => {
    response.statusCode = request.url === '/v1/health' ? 200 : 404;
    response.end(JSON.stringify(health));
  }).listen(port, '127.0.0.1');
  process.on('SIGTERM', () => process.exit(0));
`;

/** The built programs with another daemon among them. */
const copyPrograms = (folder: string, daemon: string): string => {
  const copy = join(folder, 'dist', 'stand-in');
  const isNeeded = (file: string): boolean => !/\.map$|workflow-bundle/.test(file);
  cpSync(distFolder(), copy, { recursive: true, dereference: true, filter: isNeeded });
  writeFileSync(join(copy, 'daemon.js'), daemon);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return copy;
};

/** Runs `use` with other programs in the place of the built ones. */
const withPrograms = async (dist: string, use: () => Promise<void>): Promise<void> => {
  const before = process.env['LOOMKIN_DIST'];
  process.env['LOOMKIN_DIST'] = dist;
  try {
    await use();
  } finally {
    if (before === undefined) delete process.env['LOOMKIN_DIST'];
    else process.env['LOOMKIN_DIST'] = before;
  }
};

/** Every living process that was started for this home. */
export const processesOf = (home: string): { pid: number; command: string }[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const env = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return env.includes(`LOOMKIN_HOME=${home}`) ? [{ pid: Number(pid), command }] : [];
      } catch {
        return [];
      }
    });

/** Runs a program; its standard input is empty. */
export const runToEnd = (
  command: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): Promise<CommandEnd> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
    child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });

/** Surroundings of a command run in this process, and what it wrote. */
export const recordedIo = (
  env: Readonly<Record<string, string>>,
): { io: CommandIo; stdout: () => string; stderr: () => string } => {
  const [out, err]: [string[], string[]] = [[], []];
  const into = (parts: string[]): Writable =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        parts.push(chunk.toString());
        done();
      },
    });
  const stdin = new PassThrough();
  stdin.end();
  return {
    io: { env, cwd: tmpdir(), stdin, stdout: into(out), stderr: into(err) },
    stdout: () => out.join(''),
    stderr: () => err.join(''),
  };
};

/** Looks every 5 ms; fails after `waitMs` with what was waited for. */
export const eventually = async <Value>(
  what: string,
  look: () => Value | null | undefined | false,
  waitMs = 20_000,
): Promise<Value> => {
  const endMs = performance.now() + waitMs;
  for (;;) {
    const value = look();
    if (value) return value;
    if (performance.now() > endMs) throw new Error(`not within ${waitMs} ms: ${what}`);
    await sleep(5);
  }
};

const endAll = async ({ paths, home, env }: Installation): Promise<void> => {
  try {
    await takeDown(paths, env, process.stderr);
  } finally {
    const left = processesOf(home);
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    if (left.length > 0) throw new Error(`left behind: ${JSON.stringify(left)}`);
  }
};

const createInstallation = (folder: string, options: InstallationOptions): Installation => {
  const home = join(folder, 'home');
  const user = join(folder, 'user');
  mkdirSync(user);
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: user,
    TMPDIR: process.env['TMPDIR'] ?? tmpdir(),
    LANG: 'C.UTF-8',
    LOOMKIN_HOME: home,
    LOOMKIN_TEMPORAL_BIN: findTemporal(),
    ...options.env,
  };
  const paths = homePaths(home);
  return {
    folder,
    home,
    paths,
    env,
    engine: () => ensureEngine({ env, stderr: process.stderr }),
    runtime: () => {
      const runtime = readRuntimeFile(paths.runtime);
      if (!runtime) throw new Error(`no runtime file in ${home}`);
      return runtime;
    },
    run: (...words) =>
      runToEnd(process.execPath, [programFile('cli'), ...words], { env, cwd: user }),
  };
};

/** The folder will be gone; what its programs said last is what explains a failure. */
const withLogs = (error: unknown, { logs }: HomePaths): unknown => {
  if (!(error instanceof Error) || !existsSync(logs)) return error;
  for (const name of readdirSync(logs))
    error.stack += `\n--- ${name}\n${readFileSync(join(logs, name), 'utf8').slice(-1500)}`;
  return error;
};

export const withInstallation = async (
  use: (installation: Installation) => Promise<void>,
  options: InstallationOptions = {},
): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-test-'));
  const { daemon } = options;
  const dist = daemon === undefined ? distFolder() : copyPrograms(folder, daemon);
  try {
    await withPrograms(dist, async () => {
      const installation = createInstallation(folder, options);
      try {
        await use(installation);
      } catch (error) {
        throw withLogs(error, installation.paths);
      } finally {
        await endAll(installation);
      }
    });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
};
