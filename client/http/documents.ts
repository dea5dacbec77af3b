/**
 * Turns rows of the store into the documents that `ps` and `status` print.
 *
 * What must stay true: unknown is null and never 0, and a session's state is that of its liveliest
 * agent, `parked` only when nothing else goes on.
 */
import type { AgentRow } from '../../activities/stores/agents-store.js';
import type { SessionRow } from '../../activities/stores/sessions-store.js';
import type { Store } from '../../activities/stores/store.js';
import { AGENT_STATES } from '../../workflows/protocol/states.js';
import type { AgentDocument, DaemonStatusBody, LoopDelay, SessionDocument } from './wire.js';

/** A session whose agent wrote nothing for this long after its start is not just starting. */
const STARTING_MS = 60_000;

const costOf = async (store: Store, agent: AgentRow): Promise<number | null> => {
  const { sessionId, name } = agent;
  const { costUsd } = await store.call('sumUsage', { sessionId, agent: name, fromTurn: 1 });
  return costUsd;
};

const agentDocument = (agent: AgentRow, costUsd: number | null): AgentDocument => ({
  name: agent.name,
  role: agent.role,
  model: agent.model,
  state: agent.state,
  waiting_for: agent.waitingFor,
  tool: agent.tool,
  task_id: null,
  turn: agent.turn,
  since: agent.since,
  last_progress_at: agent.lastProgressAt,
  cost_usd: costUsd,
  parent: null,
});

const sum = (costs: readonly (number | null)[]): number | null =>
  costs.reduce<number | null>(
    (total, cost) => (total === null || cost === null ? null : total + cost),
    0,
  );

const liveliest = (agents: readonly AgentRow[]): AgentRow | undefined =>
  agents.toSorted((a, b) => AGENT_STATES.indexOf(a.state) - AGENT_STATES.indexOf(b.state))[0];

export interface SessionSources {
  readonly store: Store;
  /** Clients that watch a session right now. */
  readonly attachedTo: (sessionId: string) => number;
  readonly now: () => Date;
}

const sessionDocument = async (
  session: SessionRow,
  agents: readonly AgentRow[],
  { store, attachedTo, now }: SessionSources,
): Promise<SessionDocument> => {
  const costs = await Promise.all(agents.map((agent) => costOf(store, agent)));
  const first = liveliest(agents);
  const isStarting = now().getTime() - Date.parse(session.createdAt) < STARTING_MS;
  const progress = agents.map(({ lastProgressAt }) => lastProgressAt).toSorted();
  return {
    id: session.id,
    title: session.title,
    project: session.project,
    state: first?.state ?? (isStarting ? 'thinking' : 'lost'),
    waiting_for: first?.waitingFor ?? null,
    outcome: first?.outcome ?? null,
    model: session.model,
    turns: agents.reduce((turns, agent) => turns + agent.turn, 0),
    cost_usd: sum(costs),
    created_at: session.createdAt,
    last_progress_at: progress.at(-1) ?? session.createdAt,
    attached: attachedTo(session.id),
    agents: agents.map((agent, index) => agentDocument(agent, costs[index] ?? null)),
  };
};

export const sessionDocuments = async (
  sessions: readonly SessionRow[],
  sources: SessionSources,
): Promise<readonly SessionDocument[]> => {
  if (sessions.length === 0) return [];
  const agents = await sources.store.call('listAgents', {
    sessionIds: sessions.map(({ id }) => id),
  });
  return Promise.all(
    sessions.map((session) =>
      sessionDocument(
        session,
        agents.filter((agent) => agent.sessionId === session.id),
        sources,
      ),
    ),
  );
};

export const statusDocument = async (
  store: Store,
  loopDelay: LoopDelay | null,
): Promise<DaemonStatusBody> => {
  const [counts, facts] = await Promise.all([
    store.call('countAgentStates', {}),
    store.call('storeFacts', {}),
  ]);
  const { thinking, tool, waiting, parked, idle, ended } = counts;
  return {
    sessions: { thinking, tool, waiting, parked, idle, ended },
    store: { schema: facts.schema, bytes: facts.bytes },
    event_loop_delay_ms: loopDelay,
  };
};
