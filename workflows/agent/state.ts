/**
 * An agent's state between turns, as plain functions from state and event to state.
 *
 * It is what continue-as-new carries, so it is one versioned JSON object. What must stay true: no
 * Temporal import here, and a message id that was accepted once is never accepted again.
 */
import type { AgentCarry, AgentStart, InboxItem, PromptSettings } from '../protocol/agent.js';
import type { MessageId } from '../protocol/ids.js';
import type { RunToolResult, ToolCallSummary } from '../protocol/turn.js';

/** Accepted message ids that are remembered; older retries are caught by the store. */
const SEEN_MAX = 200;
/** Interrupts and stops that are remembered: whoever got no answer says them again within seconds. */
const HEARD_MAX = 20;
/** The same calls with the same results: told at the second time, ended at the third. */
export const REPEATS_TOLD = 2;
export const REPEATS_ENDED = 3;

const NO_SETTINGS: PromptSettings = {
  permissionMode: 'default',
  onAsk: 'deny',
  maxTurns: 0,
  model: null,
};

export const initialCarry = (start: AgentStart): AgentCarry =>
  start.carry ?? {
    version: 1,
    turn: start.turn,
    inbox: [],
    seen: [],
    open: [],
    promptTurns: 0,
    settings: NO_SETTINGS,
    model: start.model,
    guard: { signature: '', repeats: 0 },
    grants: [],
    costUsd: 0,
    unread: [],
    interruptNext: false,
    notices: [],
    stopping: false,
  };

const isAccepted = ({ seen, inbox, open }: AgentCarry, id: MessageId): boolean =>
  // The ring may have forgotten one that still waits in a long queue.
  seen.includes(id) || open.includes(id) || inbox.some(({ messageId }) => messageId === id);

/** Puts a message in the inbox; one that was accepted before changes nothing. */
export const acceptMessage = (carry: AgentCarry, item: InboxItem): AgentCarry =>
  isAccepted(carry, item.messageId)
    ? carry
    : {
        ...carry,
        inbox: [...carry.inbox, item],
        seen: [...carry.seen, item.messageId].slice(-SEEN_MAX),
      };

export const hasHeard = ({ heard = [] }: AgentCarry, word: string): boolean => heard.includes(word);

export const noteHeard = (carry: AgentCarry, word: string): AgentCarry => ({
  ...carry,
  heard: [...(carry.heard ?? []), word].slice(-HEARD_MAX),
});

const idsIn = (inbox: readonly InboxItem[]): readonly MessageId[] =>
  inbox.map(({ messageId }) => messageId);

/** What waits becomes work in hand, under the newest settings. */
const takeInbox = (carry: AgentCarry): AgentCarry => {
  const settings = carry.inbox.at(-1)?.settings ?? carry.settings;
  return {
    ...carry,
    inbox: [],
    open: [...carry.open, ...idsIn(carry.inbox)],
    settings,
    model: settings.model ?? carry.model,
  };
};

/**
 * An interrupt before a turn means what that turn would have been about: the prompt in hand, or else
 * what waits now. What comes later is not meant, unless it is interrupted itself.
 */
export const interruptWaiting = (carry: AgentCarry): AgentCarry =>
  carry.open.length > 0 && !carry.interruptNext
    ? { ...carry, interruptNext: true }
    : {
        ...takeInbox(carry),
        unread: [...carry.unread, ...idsIn(carry.inbox)],
        interruptNext: true,
      };

export interface TurnInput {
  readonly messages: readonly MessageId[];
  readonly notices: readonly string[];
}

/**
 * Begins a turn: takes inbox and notices along, but nothing new into a turn that is interrupted already.
 * Turns count from the oldest prompt that is open; a new prompt gives the loop guard a fresh start.
 */
export const beginTurn = (
  carry: AgentCarry,
): { readonly carry: AgentCarry; readonly input: TurnInput } => {
  const isCutShort = carry.interruptNext && carry.open.length > 0;
  const messages = isCutShort ? [] : idsIn(carry.inbox);
  return {
    input: { messages: [...carry.unread, ...messages], notices: carry.notices },
    carry: {
      ...(isCutShort ? carry : takeInbox(carry)),
      unread: [],
      interruptNext: false,
      notices: [],
      turn: carry.turn + 1,
      promptTurns: carry.open.length === 0 ? 1 : carry.promptTurns + 1,
      guard: messages.length > 0 ? { signature: '', repeats: 0 } : carry.guard,
    },
  };
};

export const addCost = (carry: AgentCarry, costUsd: number | null): AgentCarry =>
  costUsd === null ? carry : { ...carry, costUsd: carry.costUsd + costUsd };

export const addGrant = (carry: AgentCarry, grant: string): AgentCarry =>
  carry.grants.includes(grant) ? carry : { ...carry, grants: [...carry.grants, grant] };

/** What the loop guard compares: the calls of a turn with their results, whatever their order. */
const signatureOf = (
  calls: readonly ToolCallSummary[],
  results: readonly RunToolResult[],
): string =>
  calls
    .map((call) => {
      const result = results.find((candidate) => candidate.index === call.index);
      return `${call.name}:${call.argumentsHash.slice(0, 16)}:${result?.resultHash.slice(0, 16) ?? ''}`;
    })
    .sort()
    .join('|');

/** Counts how often running turns asked for the same and got the same. */
export const noteCalls = (
  carry: AgentCarry,
  calls: readonly ToolCallSummary[],
  results: readonly RunToolResult[],
): AgentCarry => {
  const signature = signatureOf(calls, results);
  const repeats = signature === carry.guard.signature ? carry.guard.repeats + 1 : 1;
  return { ...carry, guard: { signature, repeats } };
};

/**
 * An interrupted turn: the model is told, and prompts it may not have read are kept for it. One that
 * it has read all the same is not written twice: the transcript knows it by its id.
 */
export const noteInterrupt = (
  carry: AgentCarry,
  unread: readonly MessageId[],
  notice: string,
): AgentCarry => ({ ...carry, unread, notices: [notice] });

/** These prompts are answered. */
export const closePrompts = (carry: AgentCarry, answered: readonly MessageId[]): AgentCarry => ({
  ...carry,
  open: carry.open.filter((id) => !answered.includes(id)),
  promptTurns: 0,
});

/** Answered and never to be read: what a stopped agent still had in its inbox. */
export const dropInbox = (carry: AgentCarry): AgentCarry => ({
  ...carry,
  open: [...carry.open, ...idsIn(carry.inbox)],
  inbox: [],
  interruptNext: false,
});
