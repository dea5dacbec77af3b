/**
 * What crosses between an agent workflow and its activities: ids, hashes, counters, short summaries.
 *
 * Bodies (prompts, answers, arguments, results) are in the store and are named here, not carried.
 * What must stay true: every argument and result here stays under 2 KB a tool call, and every
 * activity may run twice with the same argument.
 */
import type { PermissionClass, PermissionMode } from './agent.js';
import type { AgentName, ApprovalId, MessageId, SessionId } from './ids.js';
import type { Outcome } from './states.js';

export interface TurnRef {
  readonly sessionId: SessionId;
  readonly agent: AgentName;
  readonly turn: number;
}

export interface CallModelRequest extends TurnRef {
  readonly model: string;
  /** Prompts drained from the inbox for this turn; appended to the transcript before the call. */
  readonly messages: readonly MessageId[];
  /** Words of the host to the model (loop warning, interruption), appended after the prompts. */
  readonly notices: readonly string[];
}

export interface ToolCallSummary {
  readonly index: number;
  readonly name: string;
  readonly permission: PermissionClass;
  /** What rules and people judge: paths, command, host. ≤ 1 KB. */
  readonly subject: string;
  /** SHA-256 of the canonical JSON of the arguments; `runTool` refuses any other. */
  readonly argumentsHash: string;
  /** Changes nothing and is done in milliseconds: carried out beside the decision, not as a round of its own. */
  readonly isQuick?: true;
}

export interface CallModelResult {
  readonly kind: 'answered' | 'interrupted';
  readonly calls: readonly ToolCallSummary[];
  /** Cost of this call in USD; null = price unknown. */
  readonly costUsd: number | null;
}

/** The gate's decision travels to `runTool`, which records a refusal as the call's result. */
export type GateDecision =
  { readonly kind: 'allowed' } | { readonly kind: 'denied'; readonly reason: string };

export interface RunToolRequest extends TurnRef {
  readonly call: ToolCallSummary;
  readonly gate: GateDecision;
  readonly permissionMode: PermissionMode;
  /** Asked again after an interrupt whose attempt died: end what runs and say how far it came. */
  readonly interrupted: boolean;
}

export interface RunToolResult {
  readonly index: number;
  readonly isError: boolean;
  /** SHA-256 of what the model gets to see: the loop guard compares these. */
  readonly resultHash: string;
  readonly interrupted: boolean;
}

export interface RequestApprovalRequest extends TurnRef {
  readonly approvalId: ApprovalId;
  readonly call: ToolCallSummary;
  /** What "always" would allow, shown with the question. */
  readonly grant: string;
}

export interface SettleApprovalRequest {
  readonly sessionId: SessionId;
  readonly agent: AgentName;
  readonly approvalId: ApprovalId;
}

export interface RecordOutcomeRequest extends TurnRef {
  /** Prompts this outcome answers; each gets exactly one result. */
  readonly messages: readonly MessageId[];
  readonly outcome: Outcome;
  /** Overrides the outcome's exit code (2: unknown model, no key); null keeps it. */
  readonly exitCode: number | null;
  /** Why it ended, for people; null when done. */
  readonly reason: string | null;
  readonly numTurns: number;
  /** True when the agent ends with it (stop). */
  readonly ends: boolean;
}

/** The activities an agent may ask for. The implementation is `activities/index.ts`. */
export interface AgentActivities {
  /** One answer of the model for this turn; a stored answer is returned, never bought again. */
  callModel(request: CallModelRequest): Promise<CallModelResult>;
  /** One tool call: claim, act, outcome; a stored result is returned. */
  runTool(request: RunToolRequest): Promise<RunToolResult>;
  /** Writes the question where people look for it; idempotent by approval id. */
  requestApproval(request: RequestApprovalRequest): Promise<void>;
  /** Cancels a question nobody needs answered any more (interrupt, stop). */
  cancelApproval(request: SettleApprovalRequest): Promise<void>;
  /** Writes the one result of these prompts and the agent's idle or ended state. */
  recordOutcome(request: RecordOutcomeRequest): Promise<void>;
}
