/**
 * An installation of its own for the benchmark: home, project, and the commands that work on them.
 *
 * Everything runs the build that was current at the start, through the launcher as a user does. What
 * must stay true: nothing outside its temp folder is touched, and `close` leaves no process behind.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { cacheFolder } from '../config/paths.js';
import { readRuntimeFile, type RuntimeFile } from '../config/runtime-file.js';
import { projectFile, type ModelServer } from './model-server.js';

const FILES = 20;

export interface CommandEnd {
  readonly spawnedAtMs: number;
  readonly stdout: string;
}

export interface Installation {
  readonly home: string;
  readonly project: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs `loomkin`; throws unless it exits with 0. */
  loomkin(...args: readonly string[]): Promise<CommandEnd>;
  floor(prompt: string): Promise<CommandEnd>;
  runtime(): RuntimeFile;
  close(): Promise<void>;
}

const nowMs = (): number => performance.timeOrigin + performance.now();

const makeProject = (folder: string): void => {
  mkdirSync(join(folder, 'src'), { recursive: true });
  writeFileSync(join(folder, 'README.md'), '# A project to measure with\n');
  for (let n = 0; n < FILES; n += 1)
    writeFileSync(join(folder, projectFile(n)), `part ${n}\n`.repeat(40));
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, stdio: 'ignore' });
  git('init', '-q', '-b', 'main');
  git('config', 'user.name', 'Somebody');
  git('config', 'user.email', 'somebody@example.org');
  git('add', '-A');
  git('commit', '-q', '-m', 'first');
};

/** The user's cache is shared, so that a Temporal that was fetched before is not fetched again. */
const environment = (folder: string, baseUrl: string): Record<string, string> => {
  const { PATH, LOOMKIN_TEMPORAL_BIN } = process.env;
  return {
    PATH: PATH ?? '',
    HOME: join(folder, 'user'),
    LANG: 'C.UTF-8',
    XDG_CACHE_HOME: dirname(cacheFolder(process.env)),
    LOOMKIN_HOME: join(folder, 'home'),
    ...(LOOMKIN_TEMPORAL_BIN ? { LOOMKIN_TEMPORAL_BIN } : {}),
    OPENAI_BASE_URL: baseUrl,
    OPENAI_API_KEY: 'sk-bench-0123456789',
    LOOMKIN_MODEL: 'openai/mock',
  };
};

const run = async (
  command: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<CommandEnd> => {
  const [program = '', ...args] = command;
  const spawnedAtMs = nowMs();
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command.join(' ')}: exit ${code}\n${stderr}${stdout}`);
  return { spawnedAtMs, stdout };
};

const environOf = (pid: string): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return [];
  }
};

const processesOf = (home: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => environOf(pid).includes(`LOOMKIN_HOME=${home}`))
    .map(Number);

const endAll = (home: string): void => {
  for (const pid of processesOf(home))
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
};

export const openInstallation = (root: string, model: ModelServer): Installation => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-bench-'));
  const project = join(folder, 'project');
  const home = join(folder, 'home');
  mkdirSync(join(folder, 'user'));
  makeProject(project);
  const env = environment(folder, model.baseUrl);
  const loomkin = (...args: readonly string[]): Promise<CommandEnd> =>
    run([join(root, 'loomkin'), ...args], { cwd: project, env });
  return {
    home,
    project,
    env,
    loomkin,
    floor: (prompt) =>
      run([process.execPath, join(root, 'bench', 'floor.mjs'), model.baseUrl, prompt], {
        cwd: project,
        env,
      }),
    runtime: () => {
      const runtime = readRuntimeFile(join(home, 'runtime.json'));
      if (!runtime) throw new Error(`no runtime file in ${home}`);
      return runtime;
    },
    close: async () => {
      try {
        await loomkin('down');
      } finally {
        endAll(home);
        rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      }
    },
  };
};
