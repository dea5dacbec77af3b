/**
 * Takes the questions of a session's events to the person, one at a time, and the answers back.
 *
 * A question met in a replay may be long answered, so the daemon is asked before the person is. What
 * must stay true: no question is asked twice by this command, and an answer that comes second is told
 * to the person and changes nothing.
 */
import type { Approval } from '../../workflows/protocol/approvals.js';
import type { StoredEvent } from '../../workflows/protocol/events.js';
import type { Connection } from './connection.js';
import { failureOf, failureText } from './errors.js';
import type { HeldOutput } from './output.js';
import { askPermission } from './questions.js';
import type { Answer, Terminal } from './questions.js';
import { decide, isPending } from './session-calls.js';

export interface Asking {
  readonly connection: Connection;
  readonly terminal: Terminal;
  readonly output: HeldOutput;
  readonly interrupt: () => void;
  readonly quit: () => void;
}

export class PendingQuestions {
  private readonly asking: Asking;
  private readonly open = new Map<string, AbortController>();
  private queue: Promise<void> = Promise.resolve();

  constructor(asking: Asking) {
    this.asking = asking;
  }

  note({ event }: StoredEvent): void {
    if (event.kind !== 'approval') return;
    const { approval } = event;
    if (approval.state !== 'pending') return this.open.get(approval.id)?.abort();
    if (this.open.has(approval.id)) return;
    const gone = new AbortController();
    this.open.set(approval.id, gone);
    this.queue = this.queue
      .then(() => this.ask(approval, gone.signal))
      .catch((error: unknown) => this.asking.output.tell(failureText(failureOf(error))));
  }

  /** The prompt has ended: nobody needs answers any more. */
  async close(): Promise<void> {
    this.drop();
    await this.queue;
    this.open.clear();
  }

  private drop(): void {
    for (const gone of this.open.values()) gone.abort();
  }

  private async ask(approval: Approval, gone: AbortSignal): Promise<void> {
    const { connection, terminal, output, interrupt, quit } = this.asking;
    if (gone.aborted || !(await isPending(connection, approval.id))) return;
    output.hold();
    const answer: Answer = await askPermission(approval, terminal, gone);
    await output.release();
    if (answer === 'gone') return;
    // Whoever leaves one question does not want to be asked the next.
    if (answer === 'interrupt' || answer === 'quit') this.drop();
    if (answer === 'interrupt') return interrupt();
    if (answer === 'quit') return quit();
    await decide(connection, approval.id, {
      decision: answer === 'no' ? 'deny' : 'approve',
      always: answer === 'always',
    });
  }
}
