/**
 * The benchmark's own client of the Temporal server: starts agents without a session, reads sizes.
 *
 * What must stay true: the agents it starts are ended at once, so that no later row carries them.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client, Connection } from '@temporalio/client';

import {
  agentStatusQuery,
  interruptTurnSignal,
  type AgentStart,
} from '../workflows/protocol/agent.js';
import { agentWorkflowIdOf, LEAD, sessionIdOf } from '../workflows/protocol/ids.js';
import { NAMESPACE, taskQueueOf } from '../workflows/protocol/names.js';
import type { Installation } from './installation.js';

export interface TemporalLook {
  /** Starts an agent that has nothing to do, asks for its status, ends it. Time until the answer. */
  spawnAgent(): Promise<number>;
  /** Of the lead agent of a session. */
  history(sessionId: string): Promise<{ readonly events: number; readonly bytes: number }>;
  close(): Promise<void>;
}

const startOf = (sessionId: string, project: string): AgentStart => ({
  version: 1,
  sessionId: sessionIdOf(sessionId),
  agent: LEAD,
  role: 'lead',
  model: 'openai/mock',
  project,
  title: 'measured by the benchmark',
  turn: 0,
  carry: null,
});

export const openTemporal = async (installation: Installation): Promise<TemporalLook> => {
  const address = installation.runtime().temporal?.address;
  if (address === undefined) throw new Error('the Temporal server is not running');
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace: NAMESPACE });
  const name = readFileSync(join(installation.home, 'installation'), 'utf8').trim();
  const taskQueue = taskQueueOf(name);
  return {
    spawnAgent: async () => {
      const sessionId = randomUUID();
      const workflowId = agentWorkflowIdOf(sessionIdOf(sessionId), LEAD);
      const startedMs = performance.now();
      const handle = await client.workflow.signalWithStart('agentWorkflow', {
        workflowId,
        taskQueue,
        args: [startOf(sessionId, installation.project)],
        // Nothing is in hand, so this one changes nothing.
        signal: interruptTurnSignal,
        signalArgs: [{ requestId: randomUUID() }],
        workflowTaskTimeout: '3s',
      });
      await handle.query(agentStatusQuery);
      const spentMs = performance.now() - startedMs;
      await handle.terminate('measured');
      return spentMs;
    },
    history: async (sessionId) => {
      const workflowId = agentWorkflowIdOf(sessionIdOf(sessionId), LEAD);
      const { historyLength, historySize } = await client.workflow.getHandle(workflowId).describe();
      return { events: historyLength, bytes: historySize ?? Number.NaN };
    },
    close: () => connection.close(),
  };
};
