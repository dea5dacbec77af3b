/**
 * One agent's whole life: wait for prompts, take turns until the model stops, wait again.
 *
 * Decides, never acts: everything that touches the world is an activity. Handlers are set before any
 * await, so that no early message is turned away; between turns it carries its state over to a fresh
 * run when its history has grown. What must stay true: every accepted prompt gets exactly one result.
 */
import {
  allHandlersFinished,
  condition,
  makeContinueAsNewFunc,
  proxySinks,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

import {
  agentStatusQuery,
  deliverMessageSignal,
  interruptTurnSignal,
  resolveApprovalSignal,
  stopAgentSignal,
  type AgentStart,
} from '../protocol/agent.js';
import type { AgentSinks } from '../protocol/sinks.js';
import { Agent } from './agent.js';
import { STOPPED } from './ending.js';
import { acceptMessage } from './state.js';

/** Events after which a run hands over to a fresh one: replaying it costs 0.55 ms CPU each. */
const HISTORY_EVENTS_SOFT = 600;
const HISTORY_BYTES_SOFT = 1024 * 1024;

const sinks = proxySinks<AgentSinks>();

const setHandlers = (agent: Agent): void => {
  setHandler(deliverMessageSignal, (item) => {
    agent.carry = acceptMessage(agent.carry, item);
  });
  setHandler(interruptTurnSignal, () => agent.interrupt());
  setHandler(stopAgentSignal, () => agent.stop());
  setHandler(resolveApprovalSignal, (decision) => agent.decide(decision));
  setHandler(agentStatusQuery, () => agent.status);
};

const isGrown = (): boolean => {
  const { historyLength, historySize, continueAsNewSuggested } = workflowInfo();
  return (
    historyLength > HISTORY_EVENTS_SOFT ||
    historySize > HISTORY_BYTES_SOFT ||
    continueAsNewSuggested
  );
};

/** Hands over to a fresh run; the memo must be passed along, it falls back to its start otherwise. */
const carryOn = async (start: AgentStart, agent: Agent): Promise<never> => {
  await condition(allHandlersFinished);
  sinks.faults.reach('can.before');
  const next = makeContinueAsNewFunc<typeof agentWorkflow>({ memo: { title: start.title } });
  return next({ ...start, turn: agent.carry.turn, carry: agent.carry });
};

export async function agentWorkflow(start: AgentStart): Promise<void> {
  const agent = new Agent(start);
  setHandlers(agent);
  for (;;) {
    await condition(() => agent.isWorking || agent.carry.stopping);
    const end = agent.carry.stopping ? STOPPED : await agent.takeTurn();
    const hasEnded = end ? await agent.settle(end) : false;
    if (hasEnded) {
      if (agent.carry.inbox.length === 0) return;
      // A prompt that came while the stop was being recorded is a new beginning.
      agent.carry = { ...agent.carry, stopping: false };
    }
    if (isGrown()) await carryOn(start, agent);
  }
}
