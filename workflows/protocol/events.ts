/**
 * The event stream of a session: what attached clients see, in order, by offset.
 *
 * Stored events are rows with an offset and survive everything; deltas are passing and have none.
 * What must stay true: a stored event has a key that is unique in its session, so that writing it
 * twice is one event, and its uuid is derived from that key: the same line after a reconnect.
 */
import type { Approval } from './approvals.js';
import type { AgentName, MessageId, ToolCallId } from './ids.js';
import type { AgentState, Outcome, WaitingFor } from './states.js';

/** Anthropic's names, as Claude's stream has them. */
export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

export type AnswerBlock =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'thinking'; readonly text: string }
  | {
      readonly kind: 'tool_call';
      readonly callId: ToolCallId;
      readonly name: string;
      /** Parsed arguments; null when what the model sent was not a JSON object. */
      readonly input: Readonly<Record<string, unknown>> | null;
      /** The arguments word for word, as the model sent them. */
      readonly raw: string;
    };

export type SessionEvent =
  | {
      readonly kind: 'prompt';
      readonly agent: AgentName;
      readonly messageId: MessageId;
      readonly text: string;
    }
  | {
      readonly kind: 'answer';
      readonly agent: AgentName;
      readonly turn: number;
      readonly model: string;
      readonly blocks: readonly AnswerBlock[];
      readonly usage: Usage | null;
      readonly stopReason: string | null;
    }
  | {
      readonly kind: 'tool_result';
      readonly agent: AgentName;
      readonly turn: number;
      readonly callId: ToolCallId;
      readonly text: string;
      readonly isError: boolean;
    }
  | {
      readonly kind: 'state';
      readonly agent: AgentName;
      readonly state: AgentState;
      readonly waitingFor: WaitingFor | null;
    }
  | {
      readonly kind: 'effect';
      readonly agent: AgentName;
      readonly callId: ToolCallId;
      readonly effect: 'pure' | 'reconcilable' | 'opaque';
      readonly outcome: 'applied' | 'failed' | 'unknown';
      /** True when a retry found out what an earlier attempt had done. */
      readonly recovered: boolean;
      readonly paths: readonly string[];
    }
  | { readonly kind: 'approval'; readonly agent: AgentName; readonly approval: Approval }
  | {
      readonly kind: 'retry';
      readonly agent: AgentName;
      readonly reason: string;
      readonly attempt: number;
      readonly until: string | null;
    }
  | { readonly kind: 'notice'; readonly agent: AgentName; readonly text: string }
  | ({ readonly kind: 'result'; readonly agent: AgentName } & PromptResult);

/** The one result of a prompt; times in ms, money in USD, unknown = null. */
export interface PromptResult {
  readonly messages: readonly MessageId[];
  readonly outcome: Outcome;
  readonly exitCode: number;
  /** Last words of the model, or the reason of the ending. */
  readonly text: string;
  readonly reason: string | null;
  readonly numTurns: number;
  readonly durationMs: number;
  readonly durationApiMs: number;
  readonly usage: Usage;
  readonly costUsd: number | null;
  readonly costEstimatedUsd: number | null;
  readonly permissionDenials: readonly { readonly toolName: string; readonly callId: ToolCallId }[];
  readonly filesChanged: readonly string[];
  readonly commits: readonly string[];
}

/** An event as it travels: `offset` orders all stored events of an installation. */
export interface StoredEvent {
  readonly offset: number;
  readonly uuid: string;
  readonly at: string;
  readonly event: SessionEvent;
}

/** Passing, never stored: text of an answer as it comes. A new attempt starts its text anew. */
export interface DeltaEvent {
  readonly kind: 'delta';
  readonly agent: AgentName;
  readonly turn: number;
  readonly attempt: number;
  readonly text: string;
}
