/**
 * Follows one prompt from its acceptance to its result, and prints what the renderer makes of it.
 *
 * Results of other prompts of the session pass by unprinted. What must stay true: exactly one result
 * is printed, it is the one that answers this prompt, and the exit code is the one printed with it.
 */
import type { DeltaEvent, StoredEvent } from '../../../workflows/protocol/events.js';
import type { Connection } from '../daemon/lasting-connection.js';
import { interruptSession } from '../daemon/session-calls.js';
import type { FollowedPrompt } from '../daemon/session-calls.js';
import type { Rendered, Renderer } from '../render/renderer.js';
import type { Interruption } from './interruption.js';
import type { Output } from './output.js';

export interface Following {
  readonly connection: Connection;
  readonly renderer: Renderer;
  readonly output: Output;
  readonly interruption: Interruption;
  /** Told of every stored event after it was printed, e.g. to ask questions. */
  readonly onEvent?: (stored: StoredEvent) => void;
  /** Told once all that was before is printed: what the session waits for now may be older still. */
  readonly onPresent?: (sessionId: string) => void;
}

export const followPrompt = async (
  following: Following,
  { accepted, pastUntil }: FollowedPrompt,
): Promise<number> => {
  const { connection, renderer, output, interruption } = following;
  const { session_id: sessionId, message_id: messageId } = accepted;
  await show(output, renderer.accepted(accepted));
  const failed = watchInterruption(following, sessionId);
  const events = connection.events(sessionId, accepted.from);
  let isPast = true;
  return Promise.race([failed, printUntilResult()]);

  function passed(offset: number): void {
    if (!isPast || offset < pastUntil) return;
    isPast = false;
    following.onPresent?.(sessionId);
  }

  async function printUntilResult(): Promise<number> {
    passed(accepted.from);
    for await (const item of events) {
      if (item.kind === 'delta') {
        await show(output, renderer.delta(item.delta satisfies DeltaEvent));
        continue;
      }
      const exitCode = exitCodeOf(item.stored, messageId, interruption.requested);
      if (exitCode !== null) {
        await show(output, renderer.result(item.stored, exitCode));
        return exitCode;
      }
      await show(output, renderer.event(item.stored));
      following.onEvent?.(item.stored);
      passed(item.stored.offset);
    }
    throw new Error(`the events of session ${sessionId} ended before the result`);
  }
};

/** Rejects when the interrupt can't be delivered; never resolves. */
const watchInterruption = (
  { connection, interruption }: Following,
  sessionId: string,
): Promise<never> =>
  new Promise((_, reject) => {
    interruption.onRequest(() => {
      interruptSession(connection, sessionId).catch(reject);
    });
  });

/** Null unless this event is the result of this prompt. */
const exitCodeOf = (
  { event }: StoredEvent,
  messageId: string,
  requested: number | null,
): number | null => {
  if (event.kind !== 'result' || !event.messages.some((id) => id === messageId)) return null;
  const interrupted = event.outcome === 'interrupted' || event.outcome === 'stopped';
  return interrupted && requested !== null ? requested : event.exitCode;
};

const show = async (output: Output, { out, err }: Rendered): Promise<void> => {
  if (err !== undefined) output.tell(err);
  if (out !== undefined) await output.write(out);
};
