/**
 * The port of a renderer: what happened goes in, what to print comes out.
 *
 * Renderers are plain functions of what they were told, so that a format is tested without a process.
 * - `accepted` comes first and once; `event` in order, each once; exactly one of `result` and
 *   `broken` ends it.
 * - `result` gets the exit code of the process, which the printed document must agree with.
 */
import type { DeltaEvent, StoredEvent } from '../../../workflows/protocol/events.js';
import type { AcceptedBody } from '../../http/wire.js';
import type { Failure } from '../errors.js';

export interface Rendered {
  /** For stdout. */
  readonly out?: string;
  /** For stderr. */
  readonly err?: string;
}

export interface Renderer {
  accepted(accepted: AcceptedBody): Rendered;
  event(stored: StoredEvent): Rendered;
  delta(delta: DeltaEvent): Rendered;
  result(stored: StoredEvent, exitCode: number): Rendered;
  /** No result will come: this command leaves, the session may go on. */
  broken(failure: Failure): Rendered;
}

export const NOTHING: Rendered = {};
