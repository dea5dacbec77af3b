/**
 * The only file of the client side that talks to Temporal: product verbs in, signals out.
 *
 * `prompt-intake.ts` and `decisions.ts` say in which order things become durable; here is how an agent
 * is reached while its server may be restarting. What must stay true: a signal is repeated until it is
 * acknowledged, and a failure of the engine becomes one clear refusal that names the session.
 */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';

import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

import type { SessionRow } from '../activities/stores/sessions-store.js';
import type { Store } from '../activities/stores/store.js';
import {
  deliverMessageSignal,
  interruptTurnSignal,
  resolveApprovalSignal,
  stopAgentSignal,
  type AgentStart,
} from '../workflows/protocol/agent.js';
import { agentWorkflowIdOf, LEAD, sessionIdOf, type SessionId } from '../workflows/protocol/ids.js';
import { mayPass, untilAcknowledged } from './acknowledge.js';
import type { AgentLine, Told } from './agent-line.js';
import { makeDecisions } from './decisions.js';
import type {
  AcceptedBody,
  DecideBody,
  DecidedBody,
  SendMessageBody,
  StartSessionBody,
} from './http/wire.js';
import { makeInterruption } from './interruption.js';
import { cutToBytes } from './prompt-check.js';
import { makePromptIntake } from './prompt-intake.js';
import { unavailable } from './refusal.js';
import { findSession, listSessions, type SessionQuery } from './session-lookup.js';
import type { SettingsSources } from './session-settings.js';

export interface GatewayDeps extends SettingsSources {
  readonly client: Client;
  readonly store: Store;
  readonly taskQueue: string;
  /** Ends the activities of this process at once; the durable word has gone before. */
  readonly turnSignals: { aim(sessionId: string, agent: string): () => void };
  readonly toolNames: readonly string[];
  /** Commit that HEAD names; null outside git and before the first commit. */
  readonly readGitHead: (project: string) => Promise<string | null>;
  readonly now: () => Date;
  /** How long a caller is kept waiting for the engine; 15 s unless told. */
  readonly patienceMs?: number;
}

export interface Gateway {
  startSession(body: StartSessionBody): Promise<AcceptedBody>;
  sendMessage(sessionId: string, body: SendMessageBody): Promise<AcceptedBody>;
  /** Ends the turn in hand; a session that rests does not mind. */
  interrupt(sessionId: string, requestId?: string): Promise<void>;
  stop(sessionId: string, requestId?: string): Promise<void>;
  decide(approvalId: string, body: DecideBody): Promise<DecidedBody>;
  /** Says once more what was answered while nobody could be told; for the start of a daemon. */
  repeatDecisions(): Promise<void>;
  /** The answer that the newest prompt of a session got; null before the first one. */
  newestPrompt(session: SessionRow): Promise<AcceptedBody | null>;
  /** A session by its id or a prefix of it (≥ 4) that no other has. */
  findSession(idOrPrefix: string): Promise<SessionRow>;
  listSessions(query: SessionQuery): Promise<readonly SessionRow[]>;
  close(): void;
}

/** Agent workflows by name: their code is not loaded here. */
const AGENT_WORKFLOW = 'agentWorkflow';
const PATIENCE_MS = 15_000;
const ATTEMPT_MS = 5_000;
/** The server takes 400 bytes; quotes and escapes count. */
const SUMMARY_BYTES_MAX = 380;
const KEYWORD_BYTES_MAX = 250;

const keywordKey = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const KEYS = {
  sessionId: keywordKey('SessionId'),
  role: keywordKey('AgentRole'),
  state: keywordKey('AgentState'),
  project: keywordKey('Project'),
  model: keywordKey('Model'),
};

const attributesOf = ({ sessionId, role, project, model }: AgentStart) => [
  { key: KEYS.sessionId, value: sessionId },
  { key: KEYS.role, value: role },
  { key: KEYS.state, value: 'thinking' },
  { key: KEYS.project, value: cutToBytes(basename(project), KEYWORD_BYTES_MAX) },
  { key: KEYS.model, value: model },
];

const isNotFound = (error: unknown): boolean =>
  error instanceof Error && error.name === 'WorkflowNotFoundError';

const makeAgentLine = (deps: GatewayDeps, closing: AbortSignal): AgentLine => {
  const { client, taskQueue, patienceMs = PATIENCE_MS } = deps;

  const send = async <Result>(
    session: SessionId,
    budgetMs: number,
    call: () => Promise<Result>,
  ): Promise<Result> => {
    const attempt = (leftMs: number): Promise<Result> =>
      client.withDeadline(Date.now() + Math.min(leftMs, ATTEMPT_MS), call);
    try {
      return await untilAcknowledged(attempt, { budgetMs, signal: closing });
    } catch (error) {
      if (!closing.aborted && !mayPass(error)) throw error;
      throw unavailable(
        'engine_unavailable',
        `the Temporal server does not answer (session ${session})`,
        'It is being restarted; repeat the command, or look at `loomkin status`',
      );
    }
  };

  const tell = async (
    session: SessionId,
    budgetMs: number,
    call: (handle: ReturnType<Client['workflow']['getHandle']>) => Promise<void>,
  ): Promise<Told> => {
    const handle = client.workflow.getHandle(agentWorkflowIdOf(session, LEAD));
    try {
      await send(session, budgetMs, () => call(handle));
      return 'told';
    } catch (error) {
      if (isNotFound(error)) return 'absent';
      throw error;
    }
  };

  return {
    deliver: (session, item) =>
      tell(session, patienceMs, (handle) => handle.signal(deliverMessageSignal, item)),
    interrupt: (session, requestId) =>
      tell(session, patienceMs, (handle) => handle.signal(interruptTurnSignal, { requestId })),
    stop: (session, requestId) =>
      tell(session, patienceMs, (handle) => handle.signal(stopAgentSignal, { requestId })),
    decide: (session, decision) =>
      tell(session, Infinity, (handle) => handle.signal(resolveApprovalSignal, decision)),
    begin: async (start, item) => {
      await send(start.sessionId, patienceMs, () =>
        client.workflow.signalWithStart(AGENT_WORKFLOW, {
          workflowId: agentWorkflowIdOf(start.sessionId, start.agent),
          taskQueue,
          args: [start],
          signal: deliverMessageSignal,
          signalArgs: [item],
          // What a dead worker holds is given to the next one after this long.
          workflowTaskTimeout: '3s',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: cutToBytes(start.title, SUMMARY_BYTES_MAX),
          memo: { title: start.title },
          typedSearchAttributes: attributesOf(start),
        }),
      );
    },
  };
};

export const makeGateway = (deps: GatewayDeps): Gateway => {
  const { store, turnSignals } = deps;
  const closing = new AbortController();
  const line = makeAgentLine(deps, closing.signal);
  const intake = makePromptIntake(deps, line);
  const interruption = makeInterruption({ line, turnSignals });
  const decisions = makeDecisions({ store, line, now: deps.now });

  const known = async (sessionId: string): Promise<SessionId> =>
    sessionIdOf((await findSession(store, sessionId)).id);

  return {
    startSession: intake.startSession,
    sendMessage: intake.sendMessage,
    newestPrompt: intake.newestPrompt,
    interrupt: async (sessionId, requestId = randomUUID()) =>
      interruption('interrupt', await known(sessionId), requestId),
    stop: async (sessionId, requestId = randomUUID()) =>
      interruption('stop', await known(sessionId), requestId),
    decide: decisions.decide,
    repeatDecisions: decisions.repeatAll,
    findSession: (idOrPrefix) => findSession(store, idOrPrefix),
    listSessions: (query) => listSessions(store, query, deps.now()),
    close: () => closing.abort(),
  };
};
