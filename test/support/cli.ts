/**
 * The command line as a real process, and a stand-in for the daemon at its HTTP edge.
 *
 * The stand-in speaks `client/http/wire.ts` over a real socket and plays events that a test hands it;
 * its runtime file names this process, so that the command line finds it as it finds a daemon. What
 * must stay true: nothing of it outlives the test, and no process is touched but those started here.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import type { AcceptedBody, SessionDocument } from '../../client/http/wire.js';
import { startTimeOf } from '../../config/runtime-file.js';
import type { SessionEvent, StoredEvent } from '../../workflows/protocol/events.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface BuiltCli {
  readonly file: string;
  remove(): void;
}

/** Bundles the command line into a folder of its own, as the build does. */
export const buildCli = async (): Promise<BuiltCli> => {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'loomkin-cli-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  await build({
    absWorkingDir: root,
    entryPoints: { cli: 'client/cli/main.ts' },
    outdir: join(folder, 'dist', 'test'),
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
    define: { LOOMKIN_BUILD: '"test"', LOOMKIN_VERSION: '"9.9.9"' },
  });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return {
    file: join(folder, 'dist', 'test', 'cli.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

export interface CliRun {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when stdout holds the text (so many times). */
  printed(text: string, times?: number): Promise<void>;
  /** Resolves when what was printed passes the test. */
  until(passes: (stdout: string) => boolean): Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** Text to send and close; `null` closes at once; `'open'` leaves the pipe open and silent. */
export type Stdin = string | Buffer | null | 'open' | 'ignore';

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: Stdin;
}

/** Everything the command line gets to see of its surroundings is given here. */
export const startCli = (file: string, args: readonly string[], options: CliOptions = {}): CliRun =>
  startProcess([process.execPath, file, ...args], options);

/** The same on a terminal of 80 columns; what is typed goes to `child.stdin`. */
export const startOnTerminal = (
  file: string,
  args: readonly string[],
  options: CliOptions = {},
): CliRun => {
  const words = [process.execPath, file, ...args].map((word) => `'${word}'`).join(' ');
  const command = `stty cols 80 rows 24; exec ${words}`;
  const env = { TERM: 'xterm', ...options.env };
  return startProcess(['script', '-qefc', command, '/dev/null'], {
    ...options,
    env,
    stdin: 'open',
  });
};

const startProcess = (words: readonly [string, ...string[]], options: CliOptions): CliRun => {
  const stdin = options.stdin ?? 'ignore';
  const [program, ...args] = words;
  const child = spawn(program, args, {
    cwd: options.cwd ?? tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...options.env },
    stdio: [stdin === 'ignore' ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      texts[name] += chunk;
      for (const listener of listeners) listener();
    });
  child.stdin?.on('error', () => undefined);
  if (stdin === null) child.stdin?.end();
  else if (stdin !== 'open' && stdin !== 'ignore') child.stdin?.end(stdin);
  const until: CliRun['until'] = (passes) =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!passes(texts.stdout)) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
    });
  return {
    child,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    printed: (text, times = 1) => until((stdout) => stdout.split(text).length > times),
    until,
    ended: once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as string | null,
    })),
  };
};

/** One JSON object a line; a line that is none throws. */
export const jsonLines = (text: string): readonly Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
}

type Reply = { readonly status: number; readonly body: unknown } | 'cut' | 'silence' | null;

const SESSION = '11111111-2222-4333-8444-555555555555';

export class StandInDaemon {
  readonly folder = mkdtempSync(join(realpathSync(tmpdir()), 'loomkin-home-'));
  readonly home = join(this.folder, 'home');
  readonly project = join(this.folder, 'project');
  readonly requests: SeenRequest[] = [];
  /** What a test says to a request before the stand-in does; null = as usual. */
  intercept: (request: SeenRequest) => Reply = () => null;
  /** Told of every prompt that is accepted for the first time. */
  onPrompt: (prompt: { readonly messageId: string; readonly text: string }) => void = () =>
    undefined;
  accepted: Partial<AcceptedBody> = {};
  sessions: SessionDocument[] = [];
  lastPrompt: AcceptedBody | null = null;
  pendingApprovals: string[] = [];
  private readonly events: StoredEvent[] = [];
  private readonly prompts = new Set<string>();
  private readonly streams = new Set<ServerResponse>();
  private readonly waiting = new Set<() => void>();
  private server: Server | null = null;

  async start(): Promise<this> {
    mkdirSync(this.home, { recursive: true });
    mkdirSync(join(this.project, '.git'), { recursive: true });
    this.server = createServer((request, response) => void this.answer(request, response));
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.writeRuntime(process.pid);
    return this;
  }

  /** As a daemon that dies: every connection breaks and nobody listens. */
  async die(): Promise<void> {
    const server = this.server;
    this.server = null;
    server?.closeAllConnections();
    await new Promise<void>((resolve) =>
      server === null ? resolve() : server.close(() => resolve()),
    );
    this.streams.clear();
  }

  takeRuntimeAway(): void {
    rmSync(join(this.home, 'runtime.json'), { force: true });
  }

  async remove(): Promise<void> {
    await this.die();
    rmSync(this.folder, { recursive: true, force: true });
  }

  env(extra: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
    return { LOOMKIN_HOME: this.home, LOOMKIN_TEMPORAL_BIN: '/bin/true', ...extra };
  }

  /** Appends an event and sends it to whoever is attached. */
  emit(event: SessionEvent): StoredEvent {
    const offset = 100 + this.events.length;
    const uuid = `00000000-0000-5000-8000-${String(offset).padStart(12, '0')}`;
    const stored: StoredEvent = { offset, uuid, at: '2026-01-01T00:00:00.000Z', event };
    this.events.push(stored);
    for (const stream of this.streams) stream.write(frame(stored));
    return stored;
  }

  delta(turn: number, attempt: number, text: string): void {
    const data = JSON.stringify({ kind: 'delta', agent: 'lead', turn, attempt, text });
    for (const stream of this.streams) stream.write(`event: delta\ndata: ${data}\n\n`);
  }

  /** Raw bytes to whoever is attached. */
  say(text: string): void {
    for (const stream of this.streams) stream.write(text);
  }

  breakStreams(): void {
    for (const stream of this.streams) stream.destroy();
    this.streams.clear();
  }

  /** Resolves when `count` requests of this kind have come. */
  async seen(method: string, path: RegExp, count = 1): Promise<readonly SeenRequest[]> {
    for (;;) {
      const found = this.requests.filter((r) => r.method === method && path.test(r.path));
      if (found.length >= count) return found;
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  /** Resolves when nobody is attached any more. */
  async allLeft(): Promise<void> {
    while (this.streams.size > 0) await new Promise<void>((resolve) => this.waiting.add(resolve));
  }

  /** Id of the first prompt that was sent. */
  async promptId(): Promise<string> {
    const [first] = await this.seen('POST', /sessions$|messages$/);
    return String(first?.body['message_id']);
  }

  private writeRuntime(pid: number): void {
    const mark = { pid, start_time: startTimeOf(pid), started_at: '2026-01-01T00:00:00.000Z' };
    const { port } = this.server?.address() as AddressInfo;
    const runtime = {
      version: '9.9.9',
      build: 'test',
      token: 'secret',
      supervisor: mark,
      daemon: { ...mark, port, restarts: 0, last_exit: null },
      temporal: null,
    };
    writeFileSync(join(this.home, 'runtime.json'), JSON.stringify(runtime));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    const seen = { method: request.method ?? '', path: request.url ?? '', body };
    if (seen.path === '/v1/health') return send(response, 200, this.health());
    if (request.headers.authorization !== 'Bearer secret') return send(response, 401, {});
    const reply = this.intercept(seen);
    this.requests.push(seen);
    this.wake();
    if (reply === 'cut') return void request.socket.destroy();
    if (reply === 'silence') return;
    if (reply !== null) return send(response, reply.status, reply.body);
    this.route(seen, response);
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }

  private health() {
    return { ok: true, version: '9.9.9', build: 'test', pid: process.pid };
  }

  private route(seen: SeenRequest, response: ServerResponse): void {
    const url = new URL(seen.path, 'http://127.0.0.1');
    const [, , noun, id, verb] = url.pathname.split('/');
    const key = `${seen.method} ${noun}${id === undefined ? '' : '/ID'}${verb === undefined ? '' : `/${verb}`}`;
    switch (key) {
      case 'POST sessions':
      case 'POST sessions/ID/messages':
        return this.accept(seen, response);
      case 'GET sessions':
        return send(response, 200, { sessions: this.found(url.searchParams) });
      case 'GET sessions/ID':
        return send(response, 200, { session: this.sessions[0], last_prompt: this.lastPrompt });
      case 'GET sessions/ID/events':
        return this.stream(Number(url.searchParams.get('from')), response);
      case 'GET approvals':
        return send(response, 200, {
          approvals: this.pendingApprovals.map((approval) => ({ id: approval, state: 'pending' })),
        });
      default:
        return send(response, 202, {});
    }
  }

  private found(query: URLSearchParams): readonly SessionDocument[] {
    const [prefix, project] = [query.get('prefix') ?? '', query.get('project')];
    return this.sessions.filter(
      (session) =>
        session.id.startsWith(prefix) && (project ?? session.project) === session.project,
    );
  }

  /** The same id twice is one prompt. */
  private accept({ body }: SeenRequest, response: ServerResponse): void {
    const messageId = String(body['message_id']);
    const from = this.events.at(-1)?.offset ?? 0;
    send(response, 202, acceptedBody({ ...this.accepted, message_id: messageId, from }));
    if (this.prompts.has(messageId)) return;
    this.prompts.add(messageId);
    this.onPrompt({ messageId, text: String(body['text']) });
  }

  private stream(from: number, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    for (const stored of this.events.filter(({ offset }) => offset > from))
      response.write(frame(stored));
    this.streams.add(response);
    response.on('close', () => {
      this.streams.delete(response);
      this.wake();
    });
  }
}

const frame = (stored: StoredEvent): string =>
  `id: ${stored.offset}\nevent: ${stored.event.kind}\ndata: ${JSON.stringify(stored)}\n\n`;

const send = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

export const acceptedBody = (fields: Partial<AcceptedBody> = {}): AcceptedBody => ({
  session_id: SESSION,
  message_id: 'message-1',
  from: 0,
  model: 'scripted/demo',
  project: '/code/project',
  permission_mode: 'default',
  tools: ['read', 'write', 'edit', 'shell', 'git'],
  api_key_source: 'none',
  notices: [],
  ...fields,
});

export const refusal = (exitCode: number, message: string, cure = 'Do something else.') => ({
  error: { kind: 'refused', message, cure, exit_code: exitCode },
});

export const sessionDocument = (fields: Partial<SessionDocument> = {}): SessionDocument => ({
  id: SESSION,
  title: 'Refactor the auth module',
  project: '/code/project',
  state: 'idle',
  waiting_for: null,
  outcome: 'done',
  model: 'scripted/demo',
  turns: 3,
  cost_usd: 0.0123,
  created_at: '2026-01-01T00:00:00.000Z',
  last_progress_at: '2026-01-01T00:01:00.000Z',
  attached: 0,
  agents: [],
  ...fields,
});
