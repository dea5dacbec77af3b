/**
 * The whole product as a user has it: a home, a git project, a model server over HTTP, the command line.
 *
 * Callback style. When the body ends everything is taken down, and a process that still carries this
 * home in its environment fails the test. What must stay true: processes are ended by their ids alone.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { readRuntimeFile, type RuntimeFile } from '../../config/runtime-file.js';
import { startChatServer, type ChatScript, type ChatServer } from './chat-server.js';
import { findTemporal } from './temporal-binary.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const CLI = join(ROOT, 'dist', 'current', 'cli.js');

/** One line of stream-json. */
export type Line = Readonly<Record<string, unknown>> & { readonly type: string };

export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly Line[];
}

export interface Command {
  readonly child: ChildProcess;
  readonly lines: readonly Line[];
  /** Resolves with the first line that fits, past or future; rejects when the command ends without. */
  until(fits: (line: Line) => boolean): Promise<Line>;
  readonly end: Promise<CommandEnd>;
}

export interface Rig {
  readonly home: string;
  readonly project: string;
  readonly env: NodeJS.ProcessEnv;
  readonly chat: ChatServer;
  /** Runs a command to its end or watches it on the way; `change` is laid over its environment. */
  command(args: readonly string[], input?: string, change?: NodeJS.ProcessEnv): Command;
  /** A headless prompt in stream-json with everything allowed. */
  prompt(text: string, ...args: string[]): Command;
  runtime(): RuntimeFile;
  git(...args: string[]): string;
  /** Writes a file of the project. */
  writeFile(name: string, text: string): void;
}

export interface RigOptions {
  readonly script?: ChatScript;
  /** Added to the environment of every command; LOOMKIN_* reaches the daemon. */
  readonly env?: NodeJS.ProcessEnv;
  /** Files of the project besides README.md. */
  readonly files?: Readonly<Record<string, string>>;
}

const parseLine = (text: string): Line | null => {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
};

const watch = (child: ChildProcess): Command => {
  const lines: Line[] = [];
  const news = new EventEmitter().setMaxListeners(0);
  let stdout = '';
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  reader.on('line', (text) => {
    stdout += `${text}\n`;
    const line = parseLine(text);
    if (line) lines.push(line);
    if (line) news.emit('news');
  });
  const closed = Promise.all([once(child, 'close'), once(reader, 'close')]);
  const end = closed.then(([[code]]) => ({ code: code as number | null, stdout, stderr, lines }));
  void end.then(() => news.emit('ended'));
  const until = async (fits: (line: Line) => boolean): Promise<Line> => {
    for (;;) {
      const found = lines.find(fits);
      if (found) return found;
      const next = await Promise.race([once(news, 'news').then(() => null), end]);
      const late = lines.find(fits);
      if (late) return late;
      if (next)
        throw new Error(`ended with ${next.code} before that line came: ${stderr}\n${stdout}`);
    }
  };
  return { child, lines, until, end };
};

/** A git project with one commit. */
export const makeProject = (folder: string, files: Readonly<Record<string, string>>): void => {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries({ 'README.md': '# A project\n', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, stdio: 'ignore' });
  git('init', '-q', '-b', 'main');
  git('config', 'user.name', 'Somebody');
  git('config', 'user.email', 'somebody@example.org');
  git('add', '-A');
  git('commit', '-q', '-m', 'first');
};

/** Ids of the processes that carry this home in their environment. */
export const processesOf = (home: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1')
          .split('\0')
          .includes(`LOOMKIN_HOME=${home}`);
      } catch {
        return false;
      }
    })
    .map(Number);

const takeDown = async (rig: Rig): Promise<void> => {
  await rig.command(['down']).end;
  const left = processesOf(rig.home);
  for (const pid of left)
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  if (left.length > 0) throw new Error(`left behind: processes ${left.join(', ')} of ${rig.home}`);
};

export const withRig = async (
  options: RigOptions,
  body: (rig: Rig) => Promise<void>,
): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-rig-'));
  const home = join(folder, 'home');
  const project = join(folder, 'project');
  makeProject(project, options.files ?? {});
  const chat = await startChatServer(options.script ?? { replies: [{ text: 'done' }] });
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: join(folder, 'user'),
    LANG: 'C.UTF-8',
    LOOMKIN_HOME: home,
    LOOMKIN_TEMPORAL_BIN: findTemporal(),
    OPENAI_BASE_URL: chat.baseUrl,
    OPENAI_API_KEY: 'sk-rig-0123456789',
    ...options.env,
  };
  mkdirSync(join(folder, 'user'));
  const command: Rig['command'] = (args, input, change = {}) => {
    const child = spawn(process.execPath, [CLI, ...args], {
      env: { ...env, ...change },
      cwd: project,
    });
    child.stdin.end(input);
    return watch(child);
  };
  const rig: Rig = {
    home,
    project,
    env,
    chat,
    command,
    prompt: (text, ...args) =>
      command([
        ...['-p', '--output-format', 'stream-json', '--permission-mode', 'bypass'],
        ...['--model', 'openai/mock', '--project', project, ...args, text],
      ]),
    runtime: () => {
      const runtime = readRuntimeFile(join(home, 'runtime.json'));
      if (!runtime) throw new Error(`no runtime file in ${home}`);
      return runtime;
    },
    writeFile: (name, text) => {
      mkdirSync(dirname(join(project, name)), { recursive: true });
      writeFileSync(join(project, name), text);
    },
    git: (...args) => execFileSync('git', args, { cwd: project, encoding: 'utf8' }),
  };
  try {
    await body(rig);
  } finally {
    try {
      await takeDown(rig);
    } finally {
      await chat.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
};
