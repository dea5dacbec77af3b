/**
 * A table to call models at: the real store, the real activity, a mock server, one project.
 *
 * What must stay true: closing it leaves neither a process nor a folder behind.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ActivityScope } from '../../activities/activity-scope.js';
import type { ReachFault } from '../../activities/effects/faults.js';
import { makeCallModel, type CallModelDeps } from '../../activities/models/call-model.js';
import { describeRepository } from '../../activities/tools/git/describe-repository.js';
import { contextBlock } from '../../activities/models/context-block.js';
import { openStore } from '../../activities/stores/open-store.js';
import type { Store } from '../../activities/stores/store.js';
import type { TranscriptRow } from '../../activities/stores/transcript-store.js';
import type { Tool } from '../../activities/tools/tool.js';
import { makeTurnSignals } from '../../activities/turn-signals.js';
import { programFile } from '../../config/dist.js';
import type { Limits, ModelPrice } from '../../config/settings.js';
import type { DeltaEvent } from '../../workflows/protocol/events.js';
import { LEAD, messageIdOf, sessionIdOf } from '../../workflows/protocol/ids.js';
import type { CallModelRequest } from '../../workflows/protocol/turn.js';
import { startChatServer, type ChatScript, type ChatServer } from '../support/chat-server.js';
import { sessionFacts } from './session-facts.js';

export const SESSION = sessionIdOf('11111111-2222-4333-8444-555555555555');
export const REF = { sessionId: SESSION, agent: LEAD };
export const PRICE: ModelPrice = {
  inputUsd: 2,
  outputUsd: 10,
  cacheReadUsd: 0.2,
  cacheWriteUsd: 3,
};
export const NO_FAULT: ReachFault = () => undefined;

/** A tool of the test's own: its real neighbours are not what is tested here. */
export const toolOf = (name: string, permission: 'read' | 'edit' = 'read'): Tool => ({
  name,
  description: `The tool ${name}.`,
  inputSchema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
  timeLimitMs: 1_000,
  parse: (input) =>
    typeof (input as { path?: unknown }).path === 'string'
      ? { ok: true, input }
      : { ok: false, error: 'path must be a text' },
  permission: () => permission,
  effect: () => 'pure',
  subject: (input) => (input as { path: string }).path,
  plan: () => Promise.resolve({ kind: 'answer', text: 'ok', isError: false }),
});

export interface TableOptions {
  readonly script?: ChatScript;
  readonly limits?: Partial<Limits>;
  readonly tools?: readonly Tool[];
}

export class Table {
  readonly deltas: DeltaEvent[] = [];
  readonly turnSignals = makeTurnSignals();
  readonly folder: string;
  readonly project: string;
  readonly server: ChatServer;
  readonly options: TableOptions;
  store: Store;
  private prompts = 0;

  private constructor(folder: string, server: ChatServer, store: Store, options: TableOptions) {
    this.folder = folder;
    this.project = join(folder, 'project');
    this.server = server;
    this.store = store;
    this.options = options;
  }

  static async open(options: TableOptions = {}): Promise<Table> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'loomkin-models-')));
    for (const name of ['project', 'blobs', 'backups', 'scripts']) mkdirSync(join(folder, name));
    const server = await startChatServer(options.script ?? { replies: [{ text: 'hello there' }] });
    const table = new Table(folder, server, await openIn(folder), options);
    await table.store.call('createSession', {
      id: SESSION,
      project: table.project,
      title: 'test',
      model: 'mock/one',
      permissionMode: 'default',
      createdAt: new Date().toISOString(),
      baseCommit: null,
    });
    return table;
  }

  /** As after a crash: another store over the same files. */
  async restart(): Promise<void> {
    await this.store.close();
    this.store = await openIn(this.folder);
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.server.close();
    rmSync(this.folder, { recursive: true });
  }

  writeScript(name: string, script: unknown): void {
    writeFileSync(join(this.folder, 'scripts', `${name}.json`), JSON.stringify(script));
  }

  /** A prompt as the gateway leaves it. */
  async prompt(text: string) {
    const id = messageIdOf(`message-${(this.prompts += 1)}`);
    const sentAt = new Date().toISOString();
    await this.store.call('storeMessage', { id, ...REF, text, sentAt });
    return id;
  }

  async request(turn: number, change: Partial<CallModelRequest> = {}): Promise<CallModelRequest> {
    const messages = change.messages ?? (turn === 1 ? [await this.prompt('do it')] : []);
    return { ...REF, turn, model: 'mock/one', notices: [], ...change, messages };
  }

  activity(change: Partial<CallModelDeps> = {}) {
    const { limits, tools } = this.options;
    const secrets = {
      api: 'chat' as const,
      baseUrl: this.server.baseUrl,
      keyEnv: 'MOCK_KEY',
      key: 'sk-mock-key',
      headers: {},
      models: { one: { contextTokens: null, outputTokensMax: null, price: PRICE } },
    };
    const providers = { mock: secrets, keyless: { ...secrets, key: null } };
    const toolEnv = { PATH: process.env['PATH'] ?? '', HOME: this.folder };
    const facts = sessionFacts({
      project: this.project,
      providers,
      toolEnv,
      ...(limits && { limits }),
    });
    return makeCallModel({
      store: this.store,
      readSession: () => Promise.resolve(facts),
      reachFault: NO_FAULT,
      publishDelta: (_session, delta) => void this.deltas.push(delta),
      turnSignals: this.turnSignals,
      tools: tools ?? [toolOf('read'), toolOf('edit', 'edit')],
      scriptsDir: [join(this.folder, 'scripts')],
      now: () => new Date(),
      contextBlock: (session) =>
        contextBlock(session, {
          now: new Date('2025-03-09T12:00:00Z'),
          describeGit: describeRepository,
        }),
      ...change,
    });
  }

  /** One attempt of a turn. */
  async call(
    turn: number,
    change: Partial<CallModelRequest> = {},
    scope: Partial<ActivityScope> = {},
  ) {
    return this.activity()(await this.request(turn, change), scopeOf(scope));
  }

  rows(): Promise<readonly TranscriptRow[]> {
    return this.store.call('readTranscript', REF);
  }

  async kinds(): Promise<string[]> {
    return (await this.rows()).map(({ turn, body }) => `${turn} ${body.kind}`);
  }

  /** Stores a result for every call of a turn, as `runTool` does. */
  async answerCalls(turn: number, text = 'ok'): Promise<void> {
    const row = await this.store.call('readAnswer', { ...REF, turn });
    const blocks = row?.body.kind === 'answer' ? row.body.blocks : [];
    const calls = blocks.flatMap((block) => (block.kind === 'tool_call' ? [block] : []));
    for (const [index, { callId, name }] of calls.entries())
      await this.store.call('appendResult', {
        ...REF,
        effect: null,
        row: {
          turn,
          index: 200_000 + index,
          at: new Date().toISOString(),
          body: {
            ...{ kind: 'result', callId, tool: name, text, isError: false },
            ...{ resultHash: 'x', interrupted: false, denied: false },
          },
        },
      });
  }
}

const openIn = async (folder: string): Promise<Store> => {
  const store = await openStore({
    file: join(folder, 'loomkin.db'),
    blobsDir: join(folder, 'blobs'),
    backupsDir: join(folder, 'backups'),
    threadFile: programFile('store-thread'),
  });
  await store.call('takeFence', { pid: process.pid, at: new Date().toISOString() });
  return store;
};

export const scopeOf = (change: Partial<ActivityScope> = {}): ActivityScope => ({
  signal: new AbortController().signal,
  heartbeat: () => undefined,
  attempt: 1,
  runId: 'run-1',
  ...change,
});

/** What an activity throws to Temporal. */
export interface Thrown {
  readonly type: string;
  readonly message: string;
  readonly nonRetryable: boolean;
  readonly nextRetryDelay: number | undefined;
}

export const thrownBy = async (attempt: Promise<unknown>): Promise<Thrown> => {
  try {
    await attempt;
  } catch (error) {
    return error as Thrown;
  }
  throw new Error('the attempt succeeded, it should have failed');
};
