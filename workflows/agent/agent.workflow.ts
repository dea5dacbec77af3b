/**
 * One agent's whole life: wait for prompts, take turns until the model stops, wait again.
 *
 * Decides, never acts: everything that touches the world is an activity. Handlers are set before any
 * await, so that no early message is turned away; between turns it carries its state over to a fresh
 * run when its history has grown. What must stay true: every accepted prompt gets exactly one result.
 */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  defineSignal,
  log,
  makeContinueAsNewFunc,
  proxySinks,
  setDefaultSignalHandler,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

import {
  agentHoldsQuery,
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
import { readDecision, readItem, readRequestId } from './heard.js';
import { acceptMessage } from './state.js';

/** Events after which a run hands over to a fresh one: replaying it costs 0.55 ms CPU each. */
const HISTORY_EVENTS_SOFT = 600;
const HISTORY_BYTES_SOFT = 1024 * 1024;

const sinks = proxySinks<AgentSinks>();

const SIGNALS = [deliverMessageSignal, interruptTurnSignal, stopAgentSignal, resolveApprovalSignal];

const acceptItem = (agent: Agent, sent: unknown): boolean => {
  const item = readItem(sent);
  if (item) agent.carry = acceptMessage(agent.carry, item);
  return item !== null;
};

const takeDecision = (agent: Agent, sent: unknown): boolean => {
  const decision = readDecision(sent);
  if (decision) agent.decide(decision);
  return decision !== null;
};

/** False for what is none of the protocol. */
const hear = (agent: Agent, name: string, sent: unknown): boolean => {
  switch (name) {
    case deliverMessageSignal.name:
      return acceptItem(agent, sent);
    case resolveApprovalSignal.name:
      return takeDecision(agent, sent);
    case interruptTurnSignal.name:
      agent.interrupt(readRequestId(sent));
      return true;
    case stopAgentSignal.name:
      agent.stop(readRequestId(sent));
      return true;
    default:
      return false;
  }
};

const setHandlers = (agent: Agent): void => {
  const handle = (signal: string, sent: unknown): void => {
    if (!hear(agent, signal, sent))
      log.warn('a signal was ignored: not of the protocol', { signal });
  };
  // First, and for all kinds at once: what came before this run is heard in the order it came in. Set
  // one by one, all prompts would come before any stop.
  setDefaultSignalHandler(handle);
  for (const { name } of SIGNALS)
    setHandler(defineSignal<[unknown]>(name), (sent) => handle(name, sent));
  setHandler(agentStatusQuery, () => agent.status);
  setHandler(agentHoldsQuery, () => agent.holds);
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
  return next({ ...start, turn: agent.carry.turn, carry: agent.handover });
};

const live = async (start: AgentStart, agent: Agent): Promise<void> => {
  for (;;) {
    await condition(() => agent.isWorking || agent.carry.stopping);
    const end = agent.carry.stopping ? STOPPED : await agent.takeTurn();
    const hasEnded = end ? await agent.settle(end) : false;
    // A prompt that came after the stop is a new beginning.
    if (hasEnded && !agent.isWorking) return;
    if (isGrown()) await carryOn(start, agent);
  }
};

export async function agentWorkflow(start: AgentStart): Promise<void> {
  const agent = new Agent(start);
  setHandlers(agent);
  // A cancel from Temporal's own tools is a stop: the prompts still get their result.
  CancellationScope.current().cancelRequested.catch(() => agent.stop(null));
  await CancellationScope.nonCancellable(() => live(start, agent));
}
