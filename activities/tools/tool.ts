/**
 * The port of a tool: what it is called, what it takes, what it wants done.
 *
 * A tool decides and describes; it does not act on the world. `plan` reads whatever it needs and
 * returns an answer, or an intent (change this file, run this process) that `effects/` carries out
 * exactly once.
 * - `plan` may run again after a crash as long as nothing was claimed, so it has no effects.
 * - An error meant for the model is a `ToolResult` with `isError`; what is thrown is our bug, or the
 *   machine's.
 * - A tool reaches files, processes and the store through its context alone.
 */
import type { PermissionClass } from '../../workflows/protocol/agent.js';
import type { EffectKey, ToolCallId } from '../../workflows/protocol/ids.js';
import type { FileSignature } from '../stores/effects-store.js';

export type EffectKind = 'pure' | 'reconcilable' | 'opaque';

/** What the model gets to see of a call. Longer texts are cut by `run-tool.ts` with a handle to the rest. */
export interface ToolResult {
  readonly text: string;
  readonly isError: boolean;
}

export interface ToolLimits {
  /** Bytes of one result shown to the model (`limits.tool_output_bytes`). */
  readonly outputBytesMax: number;
  /** Largest file a file tool reads or edits (`limits.file_bytes_max`). */
  readonly fileBytesMax: number;
  /** Default time limit of a command (`limits.shell_timeout_s`). */
  readonly shellTimeoutMs: number;
  /** Commands at once in this daemon (`limits.shell_concurrency`). */
  readonly shellConcurrency?: number;
}

export interface ToolContext {
  readonly sessionId: string;
  readonly agent: string;
  readonly callId: ToolCallId;
  readonly effectKey: EffectKey;
  /** Real path of the project's root; no path leaves it. */
  readonly project: string;
  /** Commit that HEAD named when the session started; null outside git. */
  readonly baseCommit: string | null;
  /** Tree of the project as the session found it, uncommitted changes included; null when there is none. */
  readonly baseTree?: () => Promise<string | null>;
  /** The user's umask: new files get 0666 less this. */
  readonly umask: number;
  /** Environment of tool processes, keys already stripped; without the effect mark. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: ToolLimits;
  /** `Co-Authored-By` of commits; "" = none. */
  readonly coAuthor: string;
  /** Folder of ours that tools may read besides the project: outputs too long to show. */
  readonly scratch: string;
  /** Folder of commands' outputs; of these a session may read its own. */
  readonly shells?: string;
  /** Our own data folder: should it lie in the project, file tools leave it alone. */
  readonly home?: string;
  /** Aborted when the turn is interrupted or the daemon shuts down. */
  readonly signal: AbortSignal;
  /** Absolute paths of files this session's applied effects changed so far. */
  changedPaths(): Promise<readonly string[]>;
}

/** Put `content` at `path`, provided the target still is what was read. */
export interface FileChange {
  readonly kind: 'file';
  /** Absolute path inside the project; its folder may not exist yet. */
  readonly path: string;
  /** What was read; null = the file must not exist. */
  readonly before: {
    readonly content: Uint8Array;
    readonly signature: FileSignature;
    readonly mode: number;
  } | null;
  readonly content: Uint8Array;
  /** What the model is told once it is done. */
  readonly text: string;
}

/** Run this process, detached, under the wrapper that claims the right to run. */
export interface ProcessRun {
  readonly kind: 'process';
  /** A script for bash; runs in `cwd`. */
  readonly script: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** True: answer at once with the handle, leave it running. */
  readonly background: boolean;
  /** True: starts with the working folder and exported variables that the agent's last such process left, and leaves its own. */
  readonly keepsEnvironment?: boolean;
}

export type ToolPlan = ({ readonly kind: 'answer' } & ToolResult) | FileChange | ProcessRun;

/** How a process ended, as far as the world can tell. */
export interface ProcessEnd {
  readonly kind: 'exited' | 'timed_out' | 'cancelled' | 'running' | 'unknown';
  /** Exit code; null unless exited. */
  readonly code: number | null;
  /** Leader of its session, while `running`. */
  readonly pid?: number;
  /** Output, stdout and stderr as they came; head and tail when it was long. */
  readonly output: string;
  /** Bytes of the whole output. */
  readonly outputBytes: number;
  /** File with the whole output. */
  readonly outputPath: string;
  readonly durationMs: number;
  /** For `unknown`: what is known (times, log tail) in words for the model. */
  readonly evidence: string | null;
}

export interface ProcessConclusion extends ToolResult {
  readonly state: 'applied' | 'failed' | 'unknown';
  /** Commit made, if one was. */
  readonly commit: string | null;
  readonly paths: readonly string[];
}

export interface Tool<Input = unknown> {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments, as sent to every provider. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Outer time limit of one call in ms, effects included. */
  readonly timeLimitMs: number;
  /** Parses arguments at the edge. The error is for the model: which field, what was expected. */
  parse(
    input: unknown,
  ): { readonly ok: true; readonly input: Input } | { readonly ok: false; readonly error: string };
  /** May depend on the input: `git status` reads, `git commit` executes. */
  permission(input: Input): PermissionClass;
  effect(input: Input): EffectKind;
  /** Every call is `pure` and ends within milliseconds, so that a workflow task may wait for it. */
  readonly isQuick?: true;
  /** What rules and people judge, ≤ 1 KB: path, command. */
  subject(input: Input): string;
  plan(input: Input, context: ToolContext): Promise<ToolPlan>;
  /** Turns the end of a `ProcessRun` into a result; runs again with the same end after a crash. */
  conclude?(input: Input, end: ProcessEnd, context: ToolContext): Promise<ProcessConclusion>;
  /** Looks for the effect in the world when the process can't tell (a commit by its trailer). Null = not found. */
  probe?(input: Input, context: ToolContext): Promise<ProcessConclusion | null>;
}
