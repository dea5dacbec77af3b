/**
 * An agent on a real server with fake activities: what they saw is recorded, what they answer is played.
 *
 * Used by the tests of the workflow and by the recorder of replayed histories.
 */
import { randomUUID } from 'node:crypto';

import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';

import {
  deliverMessageSignal,
  type AgentStart,
  type PromptSettings,
} from '../../workflows/protocol/agent.js';
import {
  LEAD,
  messageIdOf,
  sessionIdOf,
  type ApprovalId,
  type SessionId,
} from '../../workflows/protocol/ids.js';
import { SEARCH_ATTRIBUTES } from '../../workflows/protocol/names.js';
import type {
  AgentActivities,
  CallModelRequest,
  CallModelResult,
  RecordOutcomeRequest,
  RequestApprovalRequest,
  RunToolRequest,
  ToolCallSummary,
} from '../../workflows/protocol/turn.js';
import { startTestServer, workflowBundle, type TestServer } from './temporal.js';

const SETTINGS: PromptSettings = {
  permissionMode: 'bypass',
  onAsk: 'deny',
  maxTurns: 0,
  model: null,
};
export const ANSWER: CallModelResult = { kind: 'answered', calls: [], costUsd: 0.5 };
export const READ: ToolCallSummary = {
  index: 0,
  name: 'read',
  permission: 'read',
  subject: 'a.txt',
  argumentsHash: 'h'.repeat(64),
};
export const SHELL: ToolCallSummary = {
  ...READ,
  name: 'shell',
  permission: 'execute',
  subject: 'npm test',
};
export const calling = (...calls: ToolCallSummary[]): CallModelResult => ({
  kind: 'answered',
  calls,
  costUsd: null,
});

/** What the fakes saw, and a way to wait for the next of each kind. */
export class Recorder {
  readonly models: CallModelRequest[] = [];
  readonly tools: RunToolRequest[] = [];
  readonly outcomes: RecordOutcomeRequest[] = [];
  readonly questions: RequestApprovalRequest[] = [];
  readonly cancelled: ApprovalId[] = [];
  private readonly watchers = new Set<() => void>();

  note<Item>(list: Item[], item: Item): void {
    list.push(item);
    for (const watcher of this.watchers) watcher();
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (!condition()) return;
        this.watchers.delete(watcher);
        resolve();
      };
      this.watchers.add(watcher);
      watcher();
    });
  }
}

export interface Play {
  readonly model?: (request: CallModelRequest) => CallModelResult | Promise<CallModelResult>;
  readonly tool?: (request: RunToolRequest) => string | Promise<string>;
  /** Holds the activity that writes a question. */
  readonly question?: (request: RequestApprovalRequest) => Promise<void>;
  /** Holds the activity that records an outcome. */
  readonly outcome?: (request: RecordOutcomeRequest) => Promise<void>;
  /** What happens before any worker polls. */
  readonly early?: (life: Life) => Promise<void>;
  /** What the agent is started with, instead of what the product says. */
  readonly start?: Partial<AgentStart>;
}

const fakeActivities = (recorder: Recorder, play: Play): AgentActivities => ({
  async callModel(request) {
    recorder.note(recorder.models, request);
    return play.model ? play.model(request) : ANSWER;
  },
  async runTool(request) {
    recorder.note(recorder.tools, request);
    const resultHash = (await play.tool?.(request)) ?? randomUUID();
    return { index: request.call.index, isError: false, resultHash, interrupted: false };
  },
  async requestApproval(request) {
    recorder.note(recorder.questions, request);
    await play.question?.(request);
  },
  async cancelApproval({ approvalId }) {
    recorder.note(recorder.cancelled, approvalId);
  },
  async recordOutcome(request) {
    recorder.note(recorder.outcomes, request);
    await play.outcome?.(request);
  },
});

export interface Life {
  readonly handle: WorkflowHandle;
  readonly recorder: Recorder;
  send(id: string, settings?: Partial<PromptSettings>): Promise<void>;
}

type LifeServer = TestServer & { stop(): Promise<void> };

const activitiesOf = new Map<SessionId, AgentActivities>();
/** The activities of whichever agent asks: one worker plays them all. */
const named =
  <Name extends keyof AgentActivities>(name: Name) =>
  async (request: { readonly sessionId: SessionId }): Promise<unknown> =>
    (activitiesOf.get(request.sessionId)?.[name] as (request: unknown) => unknown)(request);
const dispatching = {
  callModel: named('callModel'),
  runTool: named('runTool'),
  requestApproval: named('requestApproval'),
  cancelApproval: named('cancelApproval'),
  recordOutcome: named('recordOutcome'),
};

const makeWorker = async (server: TestServer, taskQueue: string): Promise<Worker> => {
  const faults = { reach: { fn: () => undefined, callDuringReplay: false } };
  return Worker.create({
    connection: server.native,
    taskQueue,
    workflowBundle: await workflowBundle(),
    activities: dispatching,
    sinks: { faults },
    shutdownGraceTime: 0,
  });
};

interface SharedWorker {
  readonly taskQueue: string;
  stop(): Promise<void>;
}
const shared = new WeakMap<TestServer, Promise<SharedWorker>>();

const startShared = async (server: TestServer): Promise<SharedWorker> => {
  const taskQueue = randomUUID();
  const worker = await makeWorker(server, taskQueue);
  const ended = worker.run();
  const stop = async (): Promise<void> => {
    worker.shutdown();
    await ended;
  };
  return { taskQueue, stop };
};

/** A server with our search attributes; `flags` are the server's own. */
const startLifeServer = async (...flags: string[]): Promise<LifeServer> => {
  const server = await startTestServer(flags);
  await server.client.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  const stop = async (): Promise<void> => {
    await (await shared.get(lifeServer))?.stop();
    await server.stop();
  };
  const lifeServer = { ...server, stop };
  return lifeServer;
};

/** One such server for a test file, and agents on it; `settings` are dynamic config of the server. */
export const useLifeServer = (...settings: string[]) => {
  let server: LifeServer;
  beforeAll(async () => {
    server = await startLifeServer(
      ...settings.flatMap((setting) => ['--dynamic-config-value', setting]),
    );
  });
  afterAll(() => server.stop());
  return {
    server: (): LifeServer => server,
    withAgent: (play: Play, body: (life: Life) => Promise<void>): Promise<void> =>
      withAgent(server, play, body),
  };
};

const beginLife = (server: TestServer, taskQueue: string, play: Play): Life => {
  const recorder = new Recorder();
  const sessionId = sessionIdOf(randomUUID());
  activitiesOf.set(sessionId, fakeActivities(recorder, play));
  const start: AgentStart = {
    version: 1,
    sessionId,
    agent: LEAD,
    role: 'lead',
    model: 'scripted/x',
    project: '/p',
    title: 'a title',
    turn: 0,
    carry: null,
    ...play.start,
  };
  const workflowId = `agent-${sessionId}-lead`;
  const send = async (id: string, settings: Partial<PromptSettings> = {}): Promise<void> => {
    await server.client.workflow.signalWithStart('agentWorkflow', {
      workflowId,
      taskQueue,
      args: [start],
      signal: deliverMessageSignal,
      signalArgs: [{ messageId: messageIdOf(id), settings: { ...SETTINGS, ...settings } }],
      workflowTaskTimeout: '3s',
    });
  };
  return { handle: server.client.workflow.getHandle(workflowId), recorder, send };
};

/** One agent's life; it ends with the body. A worker of its own only where none may poll at first. */
const withAgent = async (
  server: TestServer,
  play: Play,
  body: (life: Life) => Promise<void>,
): Promise<void> => {
  const live = async (life: Life): Promise<void> => {
    try {
      await body(life);
    } finally {
      await life.handle.terminate().catch(() => undefined);
    }
  };
  if (!play.early) {
    if (!shared.has(server)) shared.set(server, startShared(server));
    const { taskQueue } = (await shared.get(server)) as SharedWorker;
    return live(beginLife(server, taskQueue, play));
  }
  const taskQueue = randomUUID();
  const life = beginLife(server, taskQueue, play);
  const worker = await makeWorker(server, taskQueue);
  await play.early(life);
  await worker.runUntil(() => live(life));
};

export const endedTimes = (recorder: Recorder, count: number) => (): boolean =>
  recorder.outcomes.length >= count;

/** Blocks like a model that streams, until it is told to stop. */
export const untilCancelled = (): Promise<CallModelResult> => {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 100);
  return new Promise((resolve) =>
    context.cancellationSignal.addEventListener('abort', () => {
      clearInterval(beat);
      resolve({ kind: 'interrupted', calls: [], costUsd: null });
    }),
  );
};

/** A promise to let something wait for, and the word that lets it go on. */
export const hold = (): { readonly held: Promise<void>; release(): void } => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  return { held, release: () => release() };
};
