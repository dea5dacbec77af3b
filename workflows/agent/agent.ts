/**
 * The agent as an object between turns: what it holds, what it shows, how it takes a turn and settles.
 *
 * `agent.workflow.ts` wires it to signals and decides when; here is the how. What must stay true:
 * all that must outlive a run is in `carry`, and every prompt taken into a turn is settled once.
 */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  CancellationScope,
  patched,
  proxySinks,
  setCurrentDetails,
  upsertSearchAttributes,
} from '@temporalio/workflow';

import { recordActivities } from '../activity-proxies.js';
import type {
  AgentCarry,
  AgentHolds,
  AgentStart,
  AgentStatus,
  ApprovalDecision,
} from '../protocol/agent.js';
import type { ApprovalId } from '../protocol/ids.js';
import type { AgentSinks } from '../protocol/sinks.js';
import type { AgentState, Outcome, WaitingFor } from '../protocol/states.js';
import { describeAgent } from './details.js';
import { endingOf, INTERRUPTED_NOTICE, LOOP_NOTICE, type PromptEnd } from './ending.js';
import type { GateHost } from './gate.js';
import {
  addCost,
  addGrant,
  beginTurn,
  closePrompts,
  dropInbox,
  hasHeard,
  initialCarry,
  interruptWaiting,
  noteCalls,
  noteHeard,
  noteInterrupt,
  REPEATS_ENDED,
  REPEATS_TOLD,
  type TurnInput,
} from './state.js';
import { takeTurn, type TurnEnd } from './turn.js';

const agentStateKey = defineSearchAttributeKey('AgentState', SearchAttributeType.KEYWORD);
const costKey = defineSearchAttributeKey('CostUsd', SearchAttributeType.DOUBLE);
const sinks = proxySinks<AgentSinks>();

/**
 * Rules that sessions begun by older builds do without.
 * - An interrupt or a stop means what was there when it came; before, later prompts shared its end.
 * - A question that stays open keeps its agent parked; before, the first answer of several ended that.
 */
const MEANS_WHAT_WAS_THERE = 'interrupt-means-what-was-there';
const PARKED_BY_EACH = 'parked-by-each-question';

/** Search attributes tell working, parked and resting apart; finer states would cost an event a turn. */
const shownState = (state: AgentState): AgentState => (state === 'tool' ? 'thinking' : state);

export class Agent implements GateHost {
  carry: AgentCarry;
  readonly decisions = new Map<ApprovalId, ApprovalDecision>();
  private readonly start: AgentStart;
  /** Questions that wait for a person, oldest first, with the time they were asked at. */
  private readonly questions = new Map<ApprovalId, string>();
  private state: AgentState = 'idle';
  private outcome: Outcome | null;
  private turnScope: CancellationScope | null = null;
  private isSettling = false;

  constructor(start: AgentStart) {
    this.start = start;
    this.carry = initialCarry(start);
    this.outcome = this.carry.outcome ?? null;
    this.describe();
  }

  get isWorking(): boolean {
    return this.carry.open.length > 0 || this.carry.inbox.length > 0;
  }

  get status(): AgentStatus {
    const { state, waitingFor, outcome, carry } = this;
    return { state, waitingFor, outcome, turn: carry.turn, queued: carry.inbox.length };
  }

  get holds(): AgentHolds {
    const { open, inbox } = this.carry;
    const waiting = inbox.map(({ messageId }) => messageId);
    return { messages: [...open, ...waiting], questions: [...this.questions.keys()] };
  }

  /** What a fresh run goes on from. */
  get handover(): AgentCarry {
    return { ...this.carry, outcome: this.outcome };
  }

  /** Ends the turn in hand, never the workflow. What waits while a result is written is not meant. */
  interrupt(requestId: string | null): void {
    if (!this.isNews('interrupt', requestId)) return;
    if (this.turnScope) this.turnScope.cancel();
    else if (this.isWorking && !this.isSettling) this.interruptBeginning();
  }

  stop(requestId: string | null): void {
    if (!this.isNews('stop', requestId)) return;
    if (patched(MEANS_WHAT_WAS_THERE)) this.carry = dropInbox(this.carry);
    else if (!this.turnScope && !this.isSettling) this.interruptBeginning();
    this.carry = { ...this.carry, stopping: true };
    this.turnScope?.cancel();
  }

  /** The first answer to a question counts. */
  decide(decision: ApprovalDecision): void {
    if (!this.decisions.has(decision.approvalId)) this.decisions.set(decision.approvalId, decision);
  }

  parked(id: ApprovalId, since: string | null): void {
    if (since === null) this.questions.delete(id);
    else this.questions.set(id, since);
    if (since === null && this.questions.size > 0 && patched(PARKED_BY_EACH)) this.describe();
    else this.show(since === null ? 'tool' : 'parked');
  }

  grant(rule: string): void {
    this.carry = addGrant(this.carry, rule);
  }

  /** Takes one turn with all that is in the inbox. Returns how the prompts end, null = another turn. */
  async takeTurn(): Promise<PromptEnd | null> {
    const { interruptNext } = this.carry;
    const begun = beginTurn(this.carry);
    this.carry = begun.carry;
    this.outcome = null;
    this.show('thinking');
    const { sessionId, agent } = this.start;
    const turn = { sessionId, agent, turn: this.carry.turn };
    this.turnScope = new CancellationScope();
    if (interruptNext) this.turnScope.cancel();
    const end = await this.turnScope.run(() => takeTurn(this, turn, begun.input));
    this.turnScope = null;
    sinks.faults.reach('turn.end');
    return this.note(end, begun.input);
  }

  /**
   * Writes the one result of all open prompts; a stopped agent answers its inbox with it, too. Returns
   * whether the agent ended with it: a stop that comes meanwhile is not in what was written.
   */
  async settle(end: PromptEnd): Promise<boolean> {
    this.isSettling = true;
    if (this.carry.stopping && !patched(MEANS_WHAT_WAS_THERE)) this.carry = dropInbox(this.carry);
    const { open, promptTurns, stopping, turn } = this.carry;
    // One that comes from here on is another stop, of what comes meanwhile.
    this.carry = { ...this.carry, stopping: false };
    this.outcome = end.outcome;
    const { sessionId, agent } = this.start;
    const place = { sessionId, agent, turn, messages: open };
    await recordActivities.recordOutcome.executeWithOptions({ summary: `result: ${end.outcome}` }, [
      { ...place, ...end, numTurns: promptTurns, ends: stopping },
    ]);
    this.isSettling = false;
    this.carry = closePrompts(this.carry, open);
    this.show(stopping ? 'ended' : 'idle');
    return stopping;
  }

  private get waitingFor(): WaitingFor | null {
    const [oldest] = this.questions;
    if (oldest === undefined) return null;
    const [id, since] = oldest;
    return { kind: 'approval', id, since, until: null };
  }

  /** False for a word that was heard before: whoever got no answer says it again. */
  private isNews(kind: string, requestId: string | null): boolean {
    if (requestId === null) return true;
    const word = `${kind} ${requestId}`;
    if (hasHeard(this.carry, word) && patched(MEANS_WHAT_WAS_THERE)) return false;
    this.carry = noteHeard(this.carry, word);
    return true;
  }

  private interruptBeginning(): void {
    if (patched(MEANS_WHAT_WAS_THERE)) this.carry = interruptWaiting(this.carry);
    else if (this.carry.inbox.length > 0) this.carry = { ...this.carry, interruptNext: true };
  }

  private note(end: TurnEnd, input: TurnInput): PromptEnd | null {
    if (end.kind !== 'failed') this.carry = addCost(this.carry, end.costUsd);
    if (end.kind === 'called') this.carry = noteCalls(this.carry, end.calls, end.results);
    const { repeats } = this.carry.guard;
    const ending = endingOf(end, this.carry, repeats >= REPEATS_ENDED);
    if (end.kind === 'interrupted')
      this.carry = noteInterrupt(this.carry, end.isRead ? [] : input.messages, INTERRUPTED_NOTICE);
    // Told while the work goes on only: it would be a false word to the next prompt.
    else if (ending === null && repeats >= REPEATS_TOLD)
      this.carry = { ...this.carry, notices: [LOOP_NOTICE] };
    return ending;
  }

  private show(next: AgentState): void {
    if (shownState(next) !== shownState(this.state))
      upsertSearchAttributes([
        { key: agentStateKey, value: shownState(next) },
        { key: costKey, value: this.carry.costUsd },
      ]);
    this.state = next;
    this.describe();
  }

  private describe(): void {
    setCurrentDetails(describeAgent(this.start, this.carry, this.status));
  }
}
