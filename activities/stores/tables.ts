/**
 * The rows of loomkin.db as the query builder sees them; the migrations create them.
 *
 * Types only. What must stay true: a column here is a column there (a test runs every operation
 * against the migrated database); booleans are 0 and 1, times are ISO 8601 UTC text, and what is
 * called JSON is text that only its own store file reads.
 */
import type { Generated } from 'kysely';

type Flag = 0 | 1;
type Json = string;

export interface Tables {
  installation: {
    id: 1;
    fence: number;
    pid: number | null;
    taken_at: string | null;
  };
  sessions: {
    id: string;
    project: string;
    title: string;
    model: string;
    permission_mode: string;
    created_at: string;
    base_commit: string | null;
    last_message_at: string | null;
  };
  agents: {
    session_id: string;
    name: string;
    role: string;
    model: string;
    state: string;
    waiting_for: Json | null;
    outcome: string | null;
    tool: string | null;
    turn: number;
    since: string;
    last_progress_at: string;
    cost_usd: number;
    /** State events written so far: the counter in their keys. */
    changes: number;
  };
  messages: {
    id: string;
    session_id: string;
    agent: string;
    text: string;
    sent_at: string;
  };
  transcript: {
    session_id: string;
    agent: string;
    turn: number;
    row_index: number;
    at: string;
    kind: string;
    body: Json;
    /** The provider's own message, apart from the body so that screens need not read it. */
    native: Json | null;
    /** What a settled call tells the event stream. */
    effect: Json | null;
  };
  usage: {
    session_id: string;
    agent: string;
    turn: number;
    at: string;
    model: string;
    input_tokens: number;
    output_tokens: number;
    cache_creation_input_tokens: number;
    cache_read_input_tokens: number;
    cost_usd: number | null;
    estimated: Flag;
    duration_ms: number;
  };
  model_failures: {
    session_id: string;
    agent: string;
    turn: number;
    count: number;
  };
  effects: {
    key: string;
    session_id: string;
    tool: string;
    effect: string;
    state: string;
    claim: Json;
    /** Of a file claim; unique among open claims. */
    path: string | null;
    claimed_at: string;
    settled_at: string | null;
    deaths: number;
    text: string | null;
    is_error: Flag;
    note: Json | null;
    /** Hashes of blobs. */
    pre_image: string | null;
    post_image: string | null;
  };
  blobs: {
    hash: string;
    size: number;
    /** null = a file below `blobs/`. */
    bytes: Uint8Array | null;
  };
  events: {
    offset: Generated<number>;
    session_id: string;
    key: string;
    at: string;
    kind: string;
    agent: string;
    /** With `row_index`: the transcript row that holds the body; null = the body is here. */
    turn: number | null;
    row_index: number | null;
    body: Json | null;
  };
  result_messages: {
    session_id: string;
    message_id: string;
    offset: number;
  };
  approvals: {
    id: string;
    session_id: string;
    kind: string;
    agent: string;
    call_id: string;
    tool: string;
    summary: string;
    subject: string;
    grant_rule: string;
    state: string;
    asked_at: string;
    answered_at: string | null;
    answer: string | null;
  };
  in_flight: {
    activity_key: string;
    task_token: Uint8Array;
    workflow_id: string;
    activity_type: string;
    effect_key: string | null;
  };
}
