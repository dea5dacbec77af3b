/**
 * Notes on stderr that a session waits for an answer, where nobody can be asked for it.
 *
 * A question met in a replay may be long answered, so the daemon is asked first. What must stay true: each
 * question is noted once, and a note that can't be had holds up nothing.
 */
import type { StoredEvent } from '../../../workflows/protocol/events.js';
import type { Connection } from '../daemon/lasting-connection.js';
import { openQuestions } from '../daemon/session-calls.js';
import { noticeText } from '../render/notice.js';
import { oneLine } from '../render/plain-text.js';
import type { Output } from './output.js';

export class WaitingNotes {
  private readonly connection: Connection;
  private readonly output: Output;
  private readonly noted = new Set<string>();

  constructor(connection: Connection, output: Output) {
    this.connection = connection;
    this.output = output;
  }

  note({ event }: StoredEvent): void {
    if (event.kind === 'approval' && event.approval.state === 'pending')
      this.look(event.approval.sessionId);
  }

  look(sessionId: string): void {
    this.tell(sessionId).catch(() => undefined);
  }

  private async tell(sessionId: string): Promise<void> {
    for (const { id, summary } of await openQuestions(this.connection, sessionId)) {
      if (this.noted.has(id)) continue;
      this.noted.add(id);
      const what = `${oneLine(summary)} (${id})`;
      this.output.tell(
        noticeText(
          `the session waits for an answer: ${what}. Answer it with loomkin -c in a terminal`,
        ),
      );
    }
  }
}
