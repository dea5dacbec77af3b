/**
 * The wire of an agent workflow: what starts it, what it may be told, what it may be asked.
 *
 * Signals, because a prompt, an interrupt or an approval must be accepted while no worker runs.
 * What must stay true: every payload is plain JSON, has exactly one argument, stays under 2 KB
 * (bodies are in the store), and a field is added, never renamed.
 */
import { defineQuery, defineSignal } from '@temporalio/workflow';

import type { AgentName, ApprovalId, MessageId, SessionId } from './ids.js';
import type { AgentState, Outcome, WaitingFor } from './states.js';

export type PermissionMode = 'default' | 'bypass';
/** `execute` covers every process; git's reading operations are `read`. */
export type PermissionClass = 'read' | 'edit' | 'execute' | 'network' | 'coordinate';

/** What `agentWorkflow` is started with. Everything that grows travels in `AgentCarry`. */
export interface AgentStart {
  readonly version: 1;
  readonly sessionId: SessionId;
  readonly agent: AgentName;
  readonly role: string;
  /** `provider/model` */
  readonly model: string;
  /** Absolute path of the project's root. */
  readonly project: string;
  /** First line of the first prompt, at most 120 characters: the title in the Web UI. */
  readonly title: string;
  /** Turns already in the store: a workflow started anew goes on counting from here. */
  readonly turn: number;
  readonly carry: AgentCarry | null;
}

/** One prompt in the inbox; its text is the store's `messages` row of that id. */
export interface InboxItem {
  readonly messageId: MessageId;
  /** What the caller asked for with this prompt; the newest of a batch counts. */
  readonly settings: PromptSettings;
}

export interface PromptSettings {
  readonly permissionMode: PermissionMode;
  /** `park`: a person is there to answer; `deny`: refuse with a message. */
  readonly onAsk: 'park' | 'deny';
  /** Turns this prompt may take; 0 = no limit. */
  readonly maxTurns: number;
  /** `provider/model`; null keeps the session's. */
  readonly model: string | null;
}

/** State carried over continue-as-new; versioned, plain JSON, ≤ 16 KB. */
export interface AgentCarry {
  readonly version: 1;
  readonly turn: number;
  readonly inbox: readonly InboxItem[];
  /** Ring of the last message ids accepted, so that a retried signal is one message. */
  readonly seen: readonly MessageId[];
  /** Prompts being worked on, in order; their results are still owed. */
  readonly open: readonly MessageId[];
  readonly promptTurns: number;
  readonly settings: PromptSettings;
  readonly model: string;
  readonly guard: { readonly signature: string; readonly repeats: number };
  /** Session grants ("always"), as rules of `permission.ts`. */
  readonly grants: readonly string[];
  readonly costUsd: number;
  /** Prompts of an interrupted turn that no model has read; the next turn takes them along. */
  readonly unread: readonly MessageId[];
  /** An interrupt came after a prompt and before its turn began. */
  readonly interruptNext: boolean;
  /** Words of the host that the model reads before its next answer. */
  readonly notices: readonly string[];
  readonly stopping: boolean;
  /** Ring of the last interrupts and stops heard, so that one that is said again is one. */
  readonly heard?: readonly string[];
  /** How the last prompt ended, for screens. */
  readonly outcome?: Outcome | null;
}

export interface ApprovalDecision {
  readonly approvalId: ApprovalId;
  readonly decision: 'approve' | 'deny';
  /** Approve, and everything like it for the rest of the session. */
  readonly always: boolean;
  readonly reason: string | null;
}

export interface AgentStatus {
  readonly state: AgentState;
  readonly waitingFor: WaitingFor | null;
  readonly outcome: Outcome | null;
  readonly turn: number;
  readonly queued: number;
}

/** What an agent has in hand: prompts it still owes a result, questions it waits to have answered. */
export interface AgentHolds {
  readonly messages: readonly MessageId[];
  readonly questions: readonly ApprovalId[];
}

/** A signal, since it must be accepted without a worker; sent with start, so the first one creates the agent. */
export const deliverMessageSignal = defineSignal<[InboxItem]>('deliverMessage');
/** Cancels the turn in hand, never the workflow. */
export const interruptTurnSignal = defineSignal<[{ readonly requestId: string }]>('interruptTurn');
/** Interrupts and ends the agent; a later prompt starts it anew. */
export const stopAgentSignal = defineSignal<[{ readonly requestId: string }]>('stopAgent');
/** A signal rather than an update: an answer must not be lost because no worker ran. */
export const resolveApprovalSignal = defineSignal<[ApprovalDecision]>('resolveApproval');
export const agentStatusQuery = defineQuery<AgentStatus>('agentStatus');
export const agentHoldsQuery = defineQuery<AgentHolds>('agentHolds');
