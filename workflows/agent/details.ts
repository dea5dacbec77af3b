/**
 * The Markdown an agent shows in the Temporal Web UI ("current details"), anew at each turn. Pure.
 *
 * What must stay true: it alone tells a person what the agent is doing, and stays small.
 */
import type { AgentCarry, AgentStart, AgentStatus } from '../protocol/agent.js';
import type { WaitingFor } from '../protocol/states.js';

const waiting = (waitingFor: WaitingFor): string =>
  ` · waiting for ${waitingFor.kind} ${waitingFor.id ?? ''} since ${waitingFor.since}`;

export const describeAgent = (start: AgentStart, carry: AgentCarry, status: AgentStatus): string =>
  [
    `### ${start.title}`,
    '',
    `**${status.state}**` +
      (status.outcome ? ` · ended last time: ${status.outcome}` : '') +
      (status.waitingFor ? waiting(status.waitingFor) : ''),
    '',
    '| agent | model | turn | queued prompts | cost |',
    '| --- | --- | --- | --- | --- |',
    `| ${start.agent} (${start.role}) | ${carry.model} | ${carry.turn} | ${carry.inbox.length} | $${carry.costUsd.toFixed(4)} |`,
    '',
    `Project \`${start.project}\` · session \`${start.sessionId}\``,
  ].join('\n');
