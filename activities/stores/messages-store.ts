/**
 * Prompts as they were sent, before and after a model reads them.
 *
 * What must stay true: a message is here before it is signalled and acknowledged, and the same id
 * stored twice is one message (a different text under a used id is refused).
 */
export interface MessageRow {
  readonly id: string;
  readonly sessionId: string;
  readonly agent: string;
  readonly text: string;
  readonly sentAt: string;
}

export interface MessageOperations {
  /** Returns false when it was there already. Throws REFUSED when the id holds another text. */
  storeMessage(args: MessageRow): boolean;
  getMessages(args: { readonly ids: readonly string[] }): readonly MessageRow[];
  /** When the first message of these was sent; for durations. */
  firstSentAt(args: { readonly ids: readonly string[] }): string | null;
}
