/**
 * Agents as screens see them: state, what they wait for, last progress.
 *
 * The workflow decides, activities write it here on their way; workflows never read it.
 */
import type { Selectable } from 'kysely';

import { agentNameOf } from '../../workflows/protocol/ids.js';
import {
  AGENT_STATES,
  type AgentState,
  type Outcome,
  type WaitingFor,
} from '../../workflows/protocol/states.js';
import { insertEvent } from './event-rows.js';
import type { StoreContext } from './store-context.js';
import type { Tables } from './tables.js';

export interface AgentRow {
  readonly sessionId: string;
  readonly name: string;
  readonly role: string;
  readonly model: string;
  readonly state: AgentState;
  readonly waitingFor: WaitingFor | null;
  readonly outcome: Outcome | null;
  /** Name of the tool that runs, while state is `tool`. */
  readonly tool: string | null;
  readonly turn: number;
  /** Since when it is in this state. */
  readonly since: string;
  readonly lastProgressAt: string;
  /** Sum of known costs so far. */
  readonly costUsd: number;
}

export interface AgentOperations {
  /**
   * Writes the state (creating the row) and, when the state or what it waits for changed, a `state`
   * event. A `turn` smaller than the row's is ignored: a late writer does not turn time back.
   */
  setAgentState(args: {
    readonly sessionId: string;
    readonly name: string;
    readonly role: string;
    readonly model: string;
    readonly state: AgentState;
    readonly waitingFor: WaitingFor | null;
    readonly outcome: Outcome | null;
    readonly tool: string | null;
    readonly turn: number;
    readonly at: string;
  }): void;
  getAgent(args: { readonly sessionId: string; readonly name: string }): AgentRow | null;
  listAgents(args: { readonly sessionIds: readonly string[] }): readonly AgentRow[];
  /** Agents per state, over all sessions that have not ended. */
  countAgentStates(args: Record<never, never>): Readonly<Record<AgentState, number>>;
}

type StateArgs = Parameters<AgentOperations['setAgentState']>[0];
type AgentColumns = Selectable<Tables['agents']>;

const fromRow = (row: AgentColumns): AgentRow => ({
  sessionId: row.session_id,
  name: row.name,
  role: row.role,
  model: row.model,
  state: row.state as AgentState,
  waitingFor: row.waiting_for === null ? null : (JSON.parse(row.waiting_for) as WaitingFor),
  outcome: row.outcome as Outcome | null,
  tool: row.tool,
  turn: row.turn,
  since: row.since,
  lastProgressAt: row.last_progress_at,
  costUsd: row.cost_usd,
});

const findAgent = ({ db }: StoreContext, sessionId: string, name: string) =>
  db.first(
    db.query
      .selectFrom('agents')
      .selectAll()
      .where('session_id', '=', sessionId)
      .where('name', '=', name),
  );

/** What an agent has cost before it had a row: answers are stored before the first state is. */
const costSoFar = ({ db }: StoreContext, sessionId: string, agent: string): number =>
  db.first(
    db.query
      .selectFrom('usage')
      .select((eb) => eb.fn.sum<number | null>('cost_usd').as('cost'))
      .where('session_id', '=', sessionId)
      .where('agent', '=', agent),
  )?.cost ?? 0;

/** A state event is due when the state or the wait changed; a changed tool or turn alone is none. */
const writeRow = (context: StoreContext, args: StateArgs, before: AgentColumns | undefined) => {
  const { db } = context;
  const waitingFor = args.waitingFor === null ? null : JSON.stringify(args.waitingFor);
  const changed = before?.state !== args.state || before.waiting_for !== waitingFor;
  const changes = (before?.changes ?? 0) + (changed ? 1 : 0);
  const columns = {
    role: args.role,
    model: args.model,
    state: args.state,
    waiting_for: waitingFor,
    outcome: args.outcome,
    tool: args.tool,
    turn: args.turn,
    since: before?.state === args.state ? before.since : args.at,
    last_progress_at: args.at,
    changes,
  };
  const key = { session_id: args.sessionId, name: args.name };
  if (before)
    db.change(
      db.query
        .updateTable('agents')
        .set(columns)
        .where('session_id', '=', key.session_id)
        .where('name', '=', key.name),
    );
  else {
    const cost = costSoFar(context, args.sessionId, args.name);
    db.change(db.query.insertInto('agents').values({ ...key, ...columns, cost_usd: cost }));
  }
  return { changed, changes };
};

/** Two statements when nothing changed: it runs several times a turn. */
const setAgentState = (context: StoreContext, args: StateArgs): void => {
  const before = findAgent(context, args.sessionId, args.name);
  if (before && args.turn < before.turn) return;
  const { changed, changes } = writeRow(context, args, before);
  if (!changed) return;
  const { sessionId, name, at, state, waitingFor } = args;
  insertEvent(context, {
    sessionId,
    key: `state/${name}/${changes}`,
    at,
    event: { kind: 'state', agent: agentNameOf(name), state, waitingFor },
  });
};

const listAgents = ({ db }: StoreContext, sessionIds: readonly string[]): readonly AgentRow[] =>
  sessionIds.flatMap((sessionId) =>
    db
      .rows(db.query.selectFrom('agents').selectAll().where('session_id', '=', sessionId))
      .map(fromRow),
  );

/** A session has ended when all its agents have; theirs are not counted. */
const countAgentStates = ({ db }: StoreContext): Record<AgentState, number> => {
  // States that nobody is in are told as 0.
  const counts = Object.fromEntries(AGENT_STATES.map((state) => [state, 0]));
  const alive = db.query
    .selectFrom('agents as other')
    .select('other.session_id')
    .where('other.state', '!=', 'ended');
  const rows = db.rows(
    db.query
      .selectFrom('agents')
      .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
      .where('session_id', 'in', alive)
      .groupBy('state'),
  );
  for (const { state, count } of rows) counts[state] = count;
  return counts as Record<AgentState, number>;
};

/** Called with every answer and result: what the agent has done and cost so far. */
export const noteProgress = (
  { db }: StoreContext,
  args: { sessionId: string; agent: string; at: string; costUsd: number },
): void => {
  db.change(
    db.query
      .updateTable('agents')
      .set((eb) => ({ last_progress_at: args.at, cost_usd: eb('cost_usd', '+', args.costUsd) }))
      .where('session_id', '=', args.sessionId)
      .where('name', '=', args.agent),
  );
};

export const agentOperations = (context: StoreContext): AgentOperations => ({
  setAgentState: (args) => setAgentState(context, args),
  getAgent: ({ sessionId, name }) => {
    const row = findAgent(context, sessionId, name);
    return row ? fromRow(row) : null;
  },
  listAgents: ({ sessionIds }) => listAgents(context, sessionIds),
  countAgentStates: () => countAgentStates(context),
});
