/**
 * Gives a result to prompts that nobody will answer: their agent was terminated by hand in Temporal, or
 * never heard of them.
 *
 * An agent that ends by itself has written its results before. One that was ended from outside can't,
 * and whoever waits for it would wait for ever. What must stay true: a prompt is judged only when no
 * running agent holds it, and one that somebody may still be delivering is left alone.
 */
import type { Client } from '@temporalio/client';

import { makeRecordOutcome, recordPromptResult } from '../activities/record-outcome.js';
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
  readonly now: () => Date;
}

type Owed = ReturnType<StoreOperations['owedMessages']>[number];

/** Nothing: it is gone, or it was asked and holds nothing. */
const NOTHING: AgentHolds = { messages: [], questions: [] };

interface Found {
  /** First run of its newest chain; null where there never was one. */
  readonly chain: string | null;
  readonly isRunning: boolean;
}

const find = async (client: Client, workflowId: string): Promise<Found> => {
  try {
    const { raw, closeTime } = await client.workflow.getHandle(workflowId).describe();
    const chain = raw.workflowExecutionInfo?.firstRunId ?? '';
    return { chain, isRunning: closeTime === undefined };
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError') return { chain: null, isRunning: false };
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
    const { client } = this.parts;
    const id = agentWorkflowIdOf(sessionIdOf(owed.sessionId), agentNameOf(owed.agent));
    const { chain, isRunning } = await find(client, id);
    const held = `${chain} ${owed.id}`;
    if (isRunning && this.held.has(held)) return;
    const read = await this.turnsOf(owed);
    if (read.numTurns === 0 && !this.isOld(owed.sentAt)) return;
    const holds = isRunning ? await holdsOf(client, id) : NOTHING;
    if (holds.messages.includes(messageIdOf(owed.id))) {
      this.held.add(held);
      return;
    }
    // The list is older than the answer: its agent may have ended the prompt itself meanwhile.
    if (await this.hasResult(owed)) return;
    await this.takeQuestionsBack(owed, holds);
    const reason = read.numTurns === 0 && chain === null ? UNDELIVERED : ENDED;
    await this.record(owed, { ...read, reason, ends: !isRunning });
  }

  private async hasResult({ id: messageId, sessionId }: Owed): Promise<boolean> {
    return (await this.parts.store.call('resultOf', { sessionId, messageId })) !== null;
  }

  /** A running agent says itself what it does. */
  private record(
    { id, sessionId, agent }: Owed,
    what: Pick<RecordOutcomeRequest, 'turn' | 'numTurns' | 'reason' | 'ends'>,
  ): Promise<void> {
    const request: RecordOutcomeRequest = {
      ...{ sessionId: sessionIdOf(sessionId), agent: agentNameOf(agent), ...what },
      ...{ messages: [messageIdOf(id)], outcome: 'stopped', exitCode: null },
    };
    return request.ends
      ? makeRecordOutcome(this.parts)(request)
      : recordPromptResult(this.parts, request);
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
