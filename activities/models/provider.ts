/**
 * The port of a model API: our messages out, one answer back, everything else translated to a failure.
 *
 * - `answer` makes exactly one request; retries are Temporal's business.
 * - It throws `ModelError` and nothing else; no provider type leaves its file.
 * - Text is reported as it streams; what was reported is void when it throws.
 * - It stops within 200 ms when `signal` aborts, by throwing kind `aborted`.
 */
import type { Usage } from '../../workflows/protocol/events.js';

export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

/** The conversation in our words; a provider turns it into its own. */
export type ModelMessage =
  | { readonly role: 'user'; readonly text: string }
  | {
      readonly role: 'assistant';
      readonly text: string;
      readonly calls: readonly {
        readonly id: string;
        readonly name: string;
        readonly raw: string;
      }[];
      /** The provider's own message when the same model wrote it, to be sent back word for word. */
      readonly native: unknown;
    }
  | {
      readonly role: 'tool';
      readonly callId: string;
      readonly text: string;
      readonly isError: boolean;
    };

export interface ModelRequest {
  /** Model name as the provider knows it (without our `provider/`). */
  readonly model: string;
  readonly system: string;
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolDefinition[];
  /** Most tokens an answer of this model may have; null = not known. */
  readonly outputTokensMax: number | null;
  /** Goes on the wire as `Idempotency-Key`; the same for every attempt of a turn. */
  readonly idempotencyKey: string;
  /** No byte for this long = stalled. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
  onText(delta: string): void;
}

export interface ModelAnswer {
  readonly text: string;
  readonly thinking: string;
  /** In the model's order; `raw` is word for word what it sent, JSON or not. */
  readonly calls: readonly { readonly name: string; readonly raw: string }[];
  readonly stopReason: string | null;
  /** null when the provider sent none. */
  readonly usage: Usage | null;
  /** The provider's message to send back word for word next time. */
  readonly native: unknown;
}

/**
 * - `unavailable`: 408, 409, 429, 5xx, 529, connection trouble, a cut stream, a stall, an empty reply: passes.
 * - `unauthorized`, `unknown_model`, `rejected`: don't ask again as it is.
 * - `script`: the scripted model's script is wrong. `aborted`: we stopped it.
 */
export type ModelErrorKind =
  'unavailable' | 'unauthorized' | 'unknown_model' | 'rejected' | 'script' | 'aborted';

export class ModelError extends Error {
  readonly kind: ModelErrorKind;
  /** What the provider asked us to wait, in ms; null = it did not say. */
  readonly retryAfterMs: number | null;
  /** Short name of what happened, for the retry line: "429", "cut stream", "stall". */
  readonly reason: string;
  constructor(
    kind: ModelErrorKind,
    reason: string,
    message: string,
    retryAfterMs: number | null = null,
  ) {
    super(message);
    this.name = 'ModelError';
    this.kind = kind;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Told by name, since tests load modules more than once. */
export const isModelError = (error: unknown): error is ModelError =>
  error instanceof Error && error.name === 'ModelError';

export interface Provider {
  answer(request: ModelRequest): Promise<ModelAnswer>;
  /** Names the provider offers, for "did you mean"; empty when it can't say. */
  listModels(signal: AbortSignal): Promise<readonly string[]>;
}
