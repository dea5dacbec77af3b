/**
 * Gives a result to prompts that nobody will answer: their agent was terminated by hand in Temporal, or
 * never heard of them.
 *
 * An agent that ends by itself has written its results before. One that was ended from outside can't,
 * and whoever waits for it would wait for ever. What must stay true: a prompt is judged only when no
 * running agent holds it, and one that somebody may still be delivering is left alone.
 */
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';

import type { Store, StoreOperations } from '../activities/stores/store.js';
import { agentHoldsQuery, type AgentHolds } from '../workflows/protocol/agent.js';
import {
  agentNameOf,
  agentWorkflowIdOf,
  messageIdOf,
  sessionIdOf,
} from '../workflows/protocol/ids.js';
import type { RecordOutcomeRequest } from '../workflows/protocol/turn.js';

const LOOK_MS = 30_000;
const QUERY_MS = 5_000;
/** Longer than any command goes on trying to deliver its prompt, or an activity to ask its question. */
const UNDER_WAY_MS = 120_000;

const ENDED =
  'its agent was ended from outside (terminated in Temporal); send a prompt to this session to go on';
const UNDELIVERED = 'no agent ever took it up; send it again';

export interface EndedAgentsParts {
  readonly store: Store;
  readonly client: Client;
  /** Writes the one result of prompts; idempotent. */
  readonly recordOutcome: (request: RecordOutcomeRequest) => Promise<void>;
  readonly now: () => Date;
}

type Owed = ReturnType<StoreOperations['owedMessages']>[number];

/** Nothing: it is gone, or it was asked and holds nothing. */
const NOTHING: AgentHolds = { messages: [], questions: [] };

const describe = async (
  client: Client,
  workflowId: string,
): Promise<WorkflowExecutionDescription | null> => {
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError') return null;
    throw error;
  }
};

const holdsOf = (client: Client, workflowId: string): Promise<AgentHolds> =>
  client.withDeadline(Date.now() + QUERY_MS, () =>
    client.workflow.getHandle(workflowId).query(agentHoldsQuery),
  );

export class EndedAgents {
  private readonly parts: EndedAgentsParts;
  /** Prompts that a chain of runs was found to hold: it never lets go of one without a result. */
  private readonly held = new Set<string>();

  constructor(parts: EndedAgentsParts) {
    this.parts = parts;
  }

  /** Looks once. One prompt that can't be judged now does not keep the others waiting. */
  async settle(): Promise<void> {
    for (const owed of await this.parts.store.call('owedMessages', {}))
      await this.judge(owed).catch((error: unknown) =>
        console.error(`prompt ${owed.id} of session ${owed.sessionId} can't be judged`, error),
      );
  }

  private async judge(owed: Owed): Promise<void> {
    const { client, recordOutcome } = this.parts;
    const id = agentWorkflowIdOf(sessionIdOf(owed.sessionId), agentNameOf(owed.agent));
    const found = await describe(client, id);
    const isRunning = found !== null && found.closeTime === undefined;
    const held = `${found?.raw.workflowExecutionInfo?.firstRunId} ${owed.id}`;
    if (isRunning && this.held.has(held)) return;
    const read = await this.turnsOf(owed);
    if (read.numTurns === 0 && !this.isOld(owed.sentAt)) return;
    const holds = isRunning ? await holdsOf(client, id) : NOTHING;
    if (holds.messages.includes(messageIdOf(owed.id))) {
      this.held.add(held);
      return;
    }
    await this.takeQuestionsBack(owed, holds);
    await recordOutcome({
      ...{ sessionId: sessionIdOf(owed.sessionId), agent: agentNameOf(owed.agent), ...read },
      messages: [messageIdOf(owed.id)],
      outcome: 'stopped',
      exitCode: null,
      reason: read.numTurns === 0 && found === null ? UNDELIVERED : ENDED,
      ends: !isRunning,
    });
  }

  private isOld(at: string): boolean {
    return this.parts.now().getTime() - new Date(at).getTime() > UNDER_WAY_MS;
  }

  /** The turns taken for this prompt: from the one that read it to the next prompt's; 0 = nobody read it. */
  private async turnsOf({ id, sessionId, agent }: Owed) {
    const rows = await this.parts.store.call('readTranscript', { sessionId, agent });
    const from = rows.find(({ body }) => body.kind === 'prompt' && body.messageId === id)?.turn;
    if (from === undefined) return { turn: rows.at(-1)?.turn ?? 0, numTurns: 0 };
    const next = rows.find(({ turn, body }) => turn > from && body.kind === 'prompt')?.turn;
    const last = rows.filter(({ turn }) => next === undefined || turn < next).at(-1)?.turn ?? from;
    return { turn: last, numTurns: last - from + 1 };
  }

  /** Questions of the agent that is gone; those of its successor are its own. */
  private async takeQuestionsBack({ sessionId, agent }: Owed, holds: AgentHolds): Promise<void> {
    const { store, now } = this.parts;
    const at = now().toISOString();
    const pending = await store.call('listApprovals', { pendingOnly: true });
    for (const { id, askedAt, ...asked } of pending) {
      if (asked.sessionId !== sessionId || asked.agent !== agent) continue;
      const isItsOwn = holds.questions.includes(id) || !this.isOld(askedAt);
      if (holds !== NOTHING && isItsOwn) continue;
      await store.call('settleApproval', { id, state: 'cancelled', answer: null, at });
    }
  }
}

/** Looks now and then for as long as the daemon lives; with nothing owed it costs one read. */
export const watchEndedAgents = (parts: EndedAgentsParts): (() => void) => {
  const agents = new EndedAgents(parts);
  let isLooking = false;
  const look = (): void => {
    if (isLooking) return;
    isLooking = true;
    agents
      .settle()
      .catch((error: unknown) => console.error(error))
      .finally(() => (isLooking = false));
  };
  look();
  const timer = setInterval(look, LOOK_MS).unref();
  return () => clearInterval(timer);
};
