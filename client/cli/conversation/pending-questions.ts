/**
 * Takes the questions of a session's events to the person, one at a time, and the answers back.
 *
 * A question met in a replay may be long answered, so the daemon is asked before the person is. What
 * must stay true: no question is asked twice by this command, and an answer that comes second is told
 * to the person and changes nothing.
 */
import type { StoredEvent } from '../../../workflows/protocol/events.js';
import type { Connection } from '../daemon/lasting-connection.js';
import { decide, isPending, openQuestions } from '../daemon/session-calls.js';
import { failureOf, failureText } from '../errors.js';
import type { HeldOutput } from '../prompt/output.js';
import { askPermission } from './ask-permission.js';
import type { Answer, Question, Terminal } from './ask-permission.js';
import type { TypedAhead } from './typed-ahead.js';

export interface Asking {
  readonly connection: Connection;
  readonly terminal: Terminal;
  readonly output: HeldOutput;
  /** Keys go to the question alone while it stands. */
  readonly typedAhead: TypedAhead;
  readonly interrupt: () => void;
  readonly quit: () => void;
}

export class PendingQuestions {
  private readonly asking: Asking;
  private readonly open = new Map<string, AbortController>();
  private queue: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(asking: Asking) {
    this.asking = asking;
  }

  note({ event }: StoredEvent): void {
    if (event.kind !== 'approval') return;
    const { approval } = event;
    if (approval.state !== 'pending') return this.open.get(approval.id)?.abort();
    this.enqueue({ ...approval, rule: approval.grant });
  }

  /** Asks what the session waits for already, oldest first. */
  askOpen(sessionId: string): void {
    openQuestions(this.asking.connection, sessionId)
      .then((questions) => questions.forEach((question) => this.enqueue(question)))
      .catch((error: unknown) => {
        if (!this.isClosed) this.fail(error);
      });
  }

  private enqueue(question: Question & { readonly id: string }): void {
    if (this.isClosed || this.open.has(question.id)) return;
    const gone = new AbortController();
    this.open.set(question.id, gone);
    this.queue = this.queue
      .then(() => this.ask(question, gone.signal))
      .catch((error: unknown) => this.fail(error));
  }

  private fail(error: unknown): void {
    this.asking.output.tell(failureText(failureOf(error)));
  }

  /** The prompt has ended: nobody needs answers any more. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.drop();
    await this.queue;
    this.open.clear();
  }

  private drop(): void {
    for (const gone of this.open.values()) gone.abort();
  }

  private async ask(
    question: Question & { readonly id: string },
    gone: AbortSignal,
  ): Promise<void> {
    const { connection, terminal, output, typedAhead, interrupt, quit } = this.asking;
    if (gone.aborted || !(await isPending(connection, question.id))) return;
    output.hold();
    typedAhead.close();
    const answer: Answer = await askPermission(question, terminal, gone);
    typedAhead.open();
    await output.release();
    if (answer === 'gone') return;
    // Whoever leaves one question does not want to be asked the next.
    if (answer === 'interrupt' || answer === 'quit') this.drop();
    if (answer === 'interrupt') return interrupt();
    if (answer === 'quit') return quit();
    await decide(connection, question.id, {
      decision: answer === 'no' ? 'deny' : 'approve',
      always: answer === 'always',
    });
  }
}
