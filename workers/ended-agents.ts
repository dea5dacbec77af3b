/**
 * Gives a result to prompts whose agent is gone: terminated by hand in Temporal, or never reached.
 *
 * An agent that ends by itself has written its results before. One that was ended from outside can't,
 * and whoever waits for it would wait for ever. What must stay true: only an agent that Temporal says
 * is not running is judged, and a prompt somebody may still be delivering is left alone.
 */
import type { Client } from '@temporalio/client';

import type { RecordOutcomeRequest } from '../workflows/protocol/turn.js';
import {
  agentNameOf,
  agentWorkflowIdOf,
  messageIdOf,
  sessionIdOf,
} from '../workflows/protocol/ids.js';
import type { Store, StoreOperations } from '../activities/stores/store.js';

const LOOK_MS = 30_000;
/** Longer than any command goes on trying to deliver its prompt. */
const UNDELIVERED_MS = 10 * 60_000;

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

/** When the agent's last workflow ended; null while it runs, 'never' when there is none. */
const endOf = async (
  client: Client,
  { sessionId, agent }: Owed,
): Promise<Date | 'never' | null> => {
  const id = agentWorkflowIdOf(sessionIdOf(sessionId), agentNameOf(agent));
  try {
    return (await client.workflow.getHandle(id).describe()).closeTime ?? null;
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError') return 'never';
    throw error;
  }
};

/** Why this prompt will get no result from anybody; null when it still may. */
const whyNever = (owed: Owed, end: Date | 'never' | null, now: Date): string | null => {
  if (end === null) return null;
  const sentAt = new Date(owed.sentAt);
  if (end !== 'never' && end >= sentAt) return ENDED;
  return now.getTime() - sentAt.getTime() > UNDELIVERED_MS ? UNDELIVERED : null;
};

/** The turns that were taken for this prompt: from the one that read it to the last. */
const turnsOf = async (store: Store, { id, sessionId, agent }: Owed) => {
  const rows = await store.call('readTranscript', { sessionId, agent });
  const read = rows.find(({ body }) => body.kind === 'prompt' && body.messageId === id);
  const turn = rows.at(-1)?.turn ?? 0;
  return { turn, numTurns: read ? turn - read.turn + 1 : 0 };
};

const settle = async (parts: EndedAgentsParts, owed: Owed): Promise<void> => {
  const reason = whyNever(owed, await endOf(parts.client, owed), parts.now());
  if (reason === null) return;
  await parts.recordOutcome({
    ...{ sessionId: sessionIdOf(owed.sessionId), agent: agentNameOf(owed.agent) },
    ...(await turnsOf(parts.store, owed)),
    messages: [messageIdOf(owed.id)],
    outcome: 'stopped',
    exitCode: null,
    reason,
    ends: true,
  });
};

/** Looks once. One prompt that can't be judged now does not keep the others waiting. */
export const settleEndedAgents = async (parts: EndedAgentsParts): Promise<void> => {
  for (const owed of await parts.store.call('owedMessages', {}))
    await settle(parts, owed).catch((error: unknown) =>
      console.error(`prompt ${owed.id} of session ${owed.sessionId} can't be judged`, error),
    );
};

/** Looks now and then for as long as the daemon lives; with nothing owed it costs one read. */
export const watchEndedAgents = (parts: EndedAgentsParts): (() => void) => {
  let isLooking = false;
  const look = (): void => {
    if (isLooking) return;
    isLooking = true;
    settleEndedAgents(parts)
      .catch((error: unknown) => console.error(error))
      .finally(() => (isLooking = false));
  };
  look();
  const timer = setInterval(look, LOOK_MS).unref();
  return () => clearInterval(timer);
};
