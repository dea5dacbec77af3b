/**
 * The agent as an object between turns: what it holds, what it shows, how it takes a turn and settles.
 *
 * `agent.workflow.ts` wires it to signals and decides when; here is the how. What must stay true:
 * all that must outlive a run is in `carry`, and every prompt taken into a turn is settled once.
 */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  CancellationScope,
  proxySinks,
  setCurrentDetails,
  upsertSearchAttributes,
} from '@temporalio/workflow';

import { recordActivities } from '../activity-proxies.js';
import type { AgentCarry, AgentStart, AgentStatus, ApprovalDecision } from '../protocol/agent.js';
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
  initialCarry,
  noteCalls,
  noteInterrupt,
  REPEATS_ENDED,
  REPEATS_TOLD,
  type TurnInput,
} from './state.js';
import { takeTurn, type TurnEnd } from './turn.js';

const agentStateKey = defineSearchAttributeKey('AgentState', SearchAttributeType.KEYWORD);
const costKey = defineSearchAttributeKey('CostUsd', SearchAttributeType.DOUBLE);
const sinks = proxySinks<AgentSinks>();

/** Search attributes tell working, parked and resting apart; finer states would cost an event a turn. */
const shownState = (state: AgentState): AgentState => (state === 'tool' ? 'thinking' : state);

export class Agent implements GateHost {
  carry: AgentCarry;
  readonly decisions = new Map<ApprovalId, ApprovalDecision>();
  private readonly start: AgentStart;
  private state: AgentState = 'idle';
  private waitingFor: WaitingFor | null = null;
  private outcome: Outcome | null = null;
  private turnScope: CancellationScope | null = null;
  private isSettling = false;

  constructor(start: AgentStart) {
    this.start = start;
    this.carry = initialCarry(start);
    this.describe();
  }

  get isWorking(): boolean {
    return this.carry.open.length > 0 || this.carry.inbox.length > 0;
  }

  get status(): AgentStatus {
    const { state, waitingFor, outcome, carry } = this;
    return { state, waitingFor, outcome, turn: carry.turn, queued: carry.inbox.length };
  }

  /**
   * Ends the turn in hand, never the workflow. A prompt whose turn has not begun is interrupted at its
   * beginning; one that waits while another is settled is not meant.
   */
  interrupt(): void {
    if (this.turnScope) this.turnScope.cancel();
    else if (this.carry.inbox.length > 0 && !this.isSettling)
      this.carry = { ...this.carry, interruptNext: true };
  }

  stop(): void {
    this.carry = { ...this.carry, stopping: true };
    this.interrupt();
  }

  /** The first answer to a question counts. */
  decide(decision: ApprovalDecision): void {
    if (!this.decisions.has(decision.approvalId)) this.decisions.set(decision.approvalId, decision);
  }

  parked(id: ApprovalId, since: string | null): void {
    this.waitingFor = since === null ? null : { kind: 'approval', id, since, until: null };
    this.show(since === null ? 'tool' : 'parked');
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
    if (this.carry.stopping) this.carry = dropInbox(this.carry);
    const { open, promptTurns, stopping, turn } = this.carry;
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

  private note(end: TurnEnd, input: TurnInput): PromptEnd | null {
    if (end.kind === 'answered' || end.kind === 'called')
      this.carry = addCost(this.carry, end.costUsd);
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
