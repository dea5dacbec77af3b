/**
 * The Markdown an agent shows in the Temporal Web UI ("current details"), anew at each turn. Pure.
 *
 * What must stay true: it alone tells a person what the agent is doing, stays small, and holds no line
 * that a title, a path or a model's name could have written itself.
 */
import type { AgentCarry, AgentStart, AgentStatus } from '../protocol/agent.js';
import type { WaitingFor } from '../protocol/states.js';
import { codeLine, plainLine } from './shown-text.js';

const TITLE_CHARS_MAX = 120;
const NAME_CHARS_MAX = 80;
const PATH_CHARS_MAX = 300;

const waiting = (waitingFor: WaitingFor): string =>
  ` · waiting for ${waitingFor.kind} ${waitingFor.id ?? ''} since ${waitingFor.since}`;

/** Nothing is free: a sum of nothing is an unknown price, or none was paid yet. */
const cost = (costUsd: number): string => (costUsd === 0 ? '–' : `$${costUsd.toFixed(4)}`);

const name = (text: string): string => plainLine(text, NAME_CHARS_MAX);

export const describeAgent = (start: AgentStart, carry: AgentCarry, status: AgentStatus): string =>
  [
    `### ${plainLine(start.title, TITLE_CHARS_MAX)}`,
    '',
    `**${status.state}**` +
      (status.outcome ? ` · ended last time: ${status.outcome}` : '') +
      (status.waitingFor ? waiting(status.waitingFor) : ''),
    '',
    '| agent | model | turn | queued prompts | cost |',
    '| --- | --- | --- | --- | --- |',
    `| ${name(start.agent)} (${name(start.role)}) | ${name(carry.model)} | ${carry.turn} | ${carry.inbox.length} | ${cost(carry.costUsd)} |`,
    '',
    `Project ${codeLine(start.project, PATH_CHARS_MAX)} · session \`${start.sessionId}\``,
  ].join('\n');
