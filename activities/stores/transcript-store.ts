/**
 * The append-only record of an agent: prompts, answers, tool results, words of the host.
 *
 * A row is keyed by (session, agent, turn, index): appending it twice is one row. Screens read here,
 * workflows never do. Order within a turn: what the model read (0 …), its answer (`ANSWER_INDEX`),
 * the results of its calls (`RESULT_INDEX` + index of the call): results keep the model's order
 * however they came in.
 */
import type { AnswerBlock, Usage } from '../../workflows/protocol/events.js';
import type { UsageRow } from './usage-store.js';

export const ANSWER_INDEX = 100_000;
export const RESULT_INDEX = 200_000;

export type TranscriptBody =
  | { readonly kind: 'context'; readonly text: string }
  | { readonly kind: 'prompt'; readonly messageId: string; readonly text: string }
  | { readonly kind: 'notice'; readonly text: string }
  | {
      readonly kind: 'answer';
      readonly model: string;
      readonly blocks: readonly AnswerBlock[];
      readonly stopReason: string | null;
      readonly usage: Usage | null;
      /** The provider's own message, word for word, for the same model; null when there is none. */
      readonly native: unknown;
    }
  | {
      readonly kind: 'result';
      readonly callId: string;
      readonly tool: string;
      readonly text: string;
      readonly isError: boolean;
      /** SHA-256 of text and isError. */
      readonly resultHash: string;
      readonly interrupted: boolean;
      /** True when the gate refused the call. */
      readonly denied: boolean;
    };

export interface TranscriptRow {
  readonly turn: number;
  readonly index: number;
  readonly at: string;
  readonly body: TranscriptBody;
}

export interface AgentRef {
  readonly sessionId: string;
  readonly agent: string;
}

/** What a settled tool call tells the event stream. */
export interface EffectNote {
  readonly effect: 'reconcilable' | 'opaque';
  readonly outcome: 'applied' | 'failed' | 'unknown';
  readonly recovered: boolean;
  readonly paths: readonly string[];
  /** Commit made by the call; null when none. */
  readonly commit: string | null;
}

export interface TranscriptOperations {
  /** Inputs of a turn (context, prompts, notices), each with its event; rows that are there stay as they are. */
  appendInputs(args: AgentRef & { readonly rows: readonly TranscriptRow[] }): void;
  /** The answer of a turn with its event and its usage row, in one transaction. False when there was one already. */
  appendAnswer(args: AgentRef & { readonly row: TranscriptRow; readonly usage: UsageRow }): boolean;
  /** The result of a call with its `tool_result` and `effect` events. False when there was one already. */
  appendResult(
    args: AgentRef & { readonly row: TranscriptRow; readonly effect: EffectNote | null },
  ): boolean;
  readTranscript(args: AgentRef): readonly TranscriptRow[];
  readAnswer(args: AgentRef & { readonly turn: number }): TranscriptRow | null;
  readResult(
    args: AgentRef & { readonly turn: number; readonly call: number },
  ): TranscriptRow | null;
  /** Highest turn that has a row; 0 when there is none. */
  lastTurn(args: AgentRef): number;
  /** Answers stored for this agent so far (the scripted model's only counter). */
  countAnswers(args: AgentRef): number;
  /** Distinct paths of applied effects and commits made, over the turns from `fromTurn` on. */
  changesSince(args: AgentRef & { readonly fromTurn: number }): {
    readonly paths: readonly string[];
    readonly commits: readonly string[];
  };
}
