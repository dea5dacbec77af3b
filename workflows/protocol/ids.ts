/**
 * The identifiers everything else is keyed by, and the one way each of them is written.
 *
 * An id is a plain string on every wire; here it carries a brand so that a session can't be passed
 * where an agent is meant. What must stay true: every id below is derived from workflow state alone,
 * so that a retry, a replay and a second daemon all arrive at the same one.
 */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** UUIDv4, lower case. */
export type SessionId = Branded<'SessionId'>;
/** Name of an agent, unique in its session; the first is `lead`. */
export type AgentName = Branded<'AgentName'>;
/** Caller-chosen id of a prompt; the same id delivered twice is one prompt. */
export type MessageId = Branded<'MessageId'>;
/** `lead.12`: one model call and the tool calls it asked for; turns count from 1. */
export type TurnId = Branded<'TurnId'>;
/** `lead.12.0`: one tool call; calls of a turn count from 0, in the model's order. */
export type ToolCallId = Branded<'ToolCallId'>;
/** `SESSION/lead.12.0`: the identity of what a tool call does to the world. */
export type EffectKey = Branded<'EffectKey'>;
/** `q-` and 8 hex digits. */
export type ApprovalId = Branded<'ApprovalId'>;

export const sessionIdOf = (text: string): SessionId => text as SessionId;
export const agentNameOf = (text: string): AgentName => text as AgentName;
export const messageIdOf = (text: string): MessageId => text as MessageId;
export const approvalIdOf = (text: string): ApprovalId => text as ApprovalId;

/** The first agent of every session. */
export const LEAD = agentNameOf('lead');

export const turnIdOf = (agent: AgentName, turn: number): TurnId => `${agent}.${turn}` as TurnId;

export const toolCallIdOf = (agent: AgentName, turn: number, index: number): ToolCallId =>
  `${agent}.${turn}.${index}` as ToolCallId;

export const effectKeyOf = (session: SessionId, call: ToolCallId): EffectKey =>
  `${session}/${call}` as EffectKey;

/** Workflow id of an agent on a Temporal server that is ours alone. */
export const agentWorkflowIdOf = (session: SessionId, agent: AgentName): string =>
  `agent-${session}-${agent}`;
