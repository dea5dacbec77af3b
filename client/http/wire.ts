/**
 * The bodies that travel between command line and daemon over loopback HTTP.
 *
 * Both sides import these types and nothing else of each other. What must stay true: a request that
 * carries a message id may be sent again, and the same id twice is one message.
 */
import type { PermissionMode } from '../../workflows/protocol/agent.js';

/** What the caller wants with a prompt; null = not said, the lower layer decides. */
export interface PromptOptions {
  readonly model: string | null;
  readonly permission_mode: PermissionMode | null;
  readonly max_turns: number | null;
  /** A person is at a terminal who can answer questions. */
  readonly interactive: boolean;
}

/** The caller's surroundings; keys in `env` replace the session's and go to secrets/ alone. */
export interface CallerContext {
  readonly env: Readonly<Record<string, string>>;
  readonly umask: number;
  /** `--config FILE`, absolute; null = the user's file. */
  readonly config_file: string | null;
}

/** `POST /v1/sessions` */
export interface StartSessionBody extends CallerContext, PromptOptions {
  readonly session_id: string;
  readonly message_id: string;
  readonly text: string;
  /** Absolute path. */
  readonly project: string;
}

/** `POST /v1/sessions/ID/messages`; context and options may be left out by wrappers. */
export interface SendMessageBody extends Partial<CallerContext>, Partial<PromptOptions> {
  readonly message_id: string;
  readonly text: string;
}

/** Answer to both: the prompt is durable. */
export interface AcceptedBody {
  readonly session_id: string;
  readonly message_id: string;
  /** Offset to stream from: events of this prompt come after it. */
  readonly from: number;
  readonly model: string;
  readonly project: string;
  readonly permission_mode: PermissionMode;
  readonly tools: readonly string[];
  /** Where the key came from: its variable's name, or "none". */
  readonly api_key_source: string;
  /** Words for the person, e.g. "not a git repository". */
  readonly notices: readonly string[];
}

/** Every error answer. `exit_code` is what the command line ends with. */
export interface ErrorBody {
  readonly error: {
    readonly kind: string;
    readonly message: string;
    readonly cure: string;
    readonly exit_code: number;
  };
}

/** `GET /v1/health`, the one route without a token. */
export interface HealthBody {
  readonly ok: boolean;
  readonly version: string;
  readonly build: string;
  readonly pid: number;
}

/** `GET /v1/sessions/ID`: one session, and its last prompt as if it had been accepted just now. */
export interface SessionBody {
  readonly session: SessionDocument;
  /**
   * Answer that the last prompt got; `from` lies before that prompt's first event, so that streaming
   * from there shows it whole, up to its result if it has one. Null before the first prompt.
   */
  readonly last_prompt: AcceptedBody | null;
  /** Offset of its last event so far; a daemon of an earlier build does not tell it. */
  readonly last_offset?: number;
}

/** How late timers of the daemon were, beyond the time they were set for. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** `GET /v1/status` */
export interface DaemonStatusBody {
  readonly sessions: Readonly<
    Record<'thinking' | 'tool' | 'waiting' | 'parked' | 'idle' | 'ended', number>
  >;
  readonly store: { readonly schema: number; readonly bytes: number };
  /** Since the last look at the status; null when that is over a minute ago. */
  readonly event_loop_delay_ms: LoopDelay | null;
}

/** `GET /v1/sessions?all=1&project=DIR&prefix=P`: INTERFACES' `ps` document. */
export interface SessionsBody {
  readonly sessions: readonly SessionDocument[];
}

export interface SessionDocument {
  readonly id: string;
  readonly title: string;
  readonly project: string;
  readonly state: string;
  readonly waiting_for: unknown;
  readonly outcome: string | null;
  readonly model: string;
  readonly turns: number;
  readonly cost_usd: number | null;
  readonly created_at: string;
  readonly last_progress_at: string;
  readonly attached: number;
  readonly agents: readonly AgentDocument[];
}

export interface AgentDocument {
  readonly name: string;
  readonly role: string;
  readonly model: string;
  readonly state: string;
  readonly waiting_for: unknown;
  readonly tool: string | null;
  readonly task_id: string | null;
  readonly turn: number;
  readonly since: string;
  readonly last_progress_at: string;
  readonly cost_usd: number | null;
  readonly parent: string | null;
}

/** `POST …/interrupt` and `…/stop`: the session knows. */
export interface ToldBody {
  readonly session_id: string;
}

/** `GET /v1/approvals?all=1`: the `approvals` document. */
export interface ApprovalsBody {
  readonly approvals: readonly ApprovalDocument[];
}

export interface ApprovalDocument {
  readonly id: string;
  readonly kind: string;
  readonly session_id: string;
  readonly agent: string;
  readonly call_id: string;
  readonly tool: string;
  readonly summary: string;
  readonly subject: string;
  readonly reason: string | null;
  /** What answering "always" allows for the rest of the session. */
  readonly rule: string;
  readonly options: readonly string[];
  readonly state: string;
  readonly asked_at: string;
  readonly expires_at: string | null;
  readonly answer: string | null;
  readonly answered_at: string | null;
  readonly answered_by: string | null;
}

/** `POST /v1/approvals/ID` */
export interface DecideBody {
  readonly decision: 'approve' | 'deny';
  readonly reason?: string;
  readonly always?: boolean;
}

/** Answer to it; a second answer is refused with 409. */
export interface DecidedBody {
  readonly id: string;
  readonly state: 'approved' | 'denied';
}
