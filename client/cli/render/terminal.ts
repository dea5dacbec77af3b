/**
 * The conversation on a terminal: text as it streams, one line per tool call, how it ended, its cost.
 *
 * What must stay true: an answer's text shows once however it came (streamed, replayed, or streamed
 * and cut by a new attempt, which is announced), and everything foreign passes `plainText`.
 */
import type { AnswerBlock, SessionEvent, StoredEvent } from '../../../workflows/protocol/events.js';
import { failureText } from '../errors.js';
import { callSummary } from './call-summary.js';
import { finishedLength, oneLine, plainText, shorten } from './plain-text.js';
import type { Renderer } from './renderer.js';
import type { ResultEvent } from './result-document.js';
import { endingText, retryText, shortId } from './text.js';

export interface Colours {
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
}

export interface TerminalOptions {
  readonly colours: Colours;
  readonly columns: () => number;
  /** Lines may be taken back (not on a dumb terminal). */
  readonly erasable: boolean;
}

type EventOf<Kind extends SessionEvent['kind']> = Extract<SessionEvent, { readonly kind: Kind }>;

const ERROR_LINES_MAX = 6;

export const terminalRenderer = (options: TerminalOptions): Renderer => {
  const screen = new Screen(options);
  let session = '';
  return {
    accepted: (body) => {
      const known = session === body.session_id;
      session = body.session_id;
      return { out: known ? '' : screen.opening(body) };
    },
    event: (stored) => ({ out: screen.event(stored) }),
    delta: (delta) => ({ out: screen.delta(delta) }),
    result: ({ event }, exitCode) => ({ out: screen.result(event as ResultEvent, exitCode) }),
    broken: (failure) => ({ err: screen.lines([failureText(failure).trimEnd()]) }),
  };
};

class Screen {
  private readonly options: TerminalOptions;
  /** Text of the answer in hand that is already on the screen. */
  private streamed = { turn: -1, attempt: 0, text: '' };
  /** Its end, as long as that can't be judged without what comes next. */
  private held = '';
  private readonly calls = new Map<string, string>();
  /** Those that have no result yet. */
  private readonly running = new Set<string>();
  private atLineStart = true;
  private transient = false;

  constructor(options: TerminalOptions) {
    this.options = options;
  }

  opening(body: {
    readonly session_id: string;
    readonly model: string;
    readonly project: string;
    readonly permission_mode: string;
    readonly notices: readonly string[];
  }): string {
    const { dim } = this.options.colours;
    const { model, project, permission_mode: mode } = body;
    const head = `session ${shortId(body.session_id)} · ${model} · mode ${mode} · ${project}`;
    const notes = body.notices.map((text) => dim(`note: ${plainText(text)}`));
    return this.lines([dim(oneLine(head)), ...notes]);
  }

  delta(delta: { readonly turn: number; readonly attempt: number; readonly text: string }): string {
    const before = this.streamed;
    const same = delta.turn === before.turn && delta.attempt === before.attempt;
    const again = delta.turn === before.turn && !same && before.text !== '';
    const mark = again ? this.lines([this.options.colours.yellow('↻ the answer starts anew')]) : '';
    this.streamed = {
      turn: delta.turn,
      attempt: delta.attempt,
      text: (same ? before.text : '') + delta.text,
    };
    const text = (same ? this.held : '') + delta.text;
    const length = finishedLength(text);
    this.held = text.slice(length);
    return mark + this.text(text.slice(0, length));
  }

  event({ event, at }: StoredEvent): string {
    switch (event.kind) {
      case 'answer':
        return this.answer(event);
      case 'tool_result':
        return this.toolResult(event);
      case 'retry':
        return this.lines([this.options.colours.yellow(`… ${plainText(retryText(event, at))}`)]);
      case 'notice':
        return this.lines([this.options.colours.dim(`note: ${plainText(event.text)}`)]);
      case 'effect':
        return this.effect(event);
      case 'approval':
        return this.question(event);
      case 'prompt':
      case 'state':
      case 'result':
        return '';
      default:
        return '';
    }
  }

  /** The last words were shown as an answer; here is how it ended. */
  result(result: ResultEvent, exitCode: number): string {
    this.calls.clear();
    this.running.clear();
    const { dim, red } = this.options.colours;
    const ending = exitCode === 0 ? [] : [red(`✗ ${plainText(endingText(result))}`)];
    return this.lines([...ending, dim(`— ${costLine(result)}`)]);
  }

  /** Whole lines, below whatever is on the screen. */
  lines(lines: readonly string[]): string {
    const shown = lines.filter((line) => line !== '');
    if (shown.length === 0) return '';
    return `${this.freshLine()}${shown.join('\n')}\n`;
  }

  private answer(event: EventOf<'answer'>): string {
    const text = textOf(event.blocks);
    const { turn, text: seen } = this.streamed;
    const [shown, held] = turn === event.turn ? [seen, this.held] : ['', ''];
    const rest = text.startsWith(shown) ? held + text.slice(shown.length) : `\n${text}`;
    this.streamed = { turn: event.turn, attempt: Infinity, text };
    this.held = '';
    const words = this.text(rest);
    const calls = event.blocks.filter((block) => block.kind === 'tool_call');
    for (const call of calls) {
      this.calls.set(call.callId, callSummary(call));
      this.running.add(call.callId);
    }
    return words + (calls.length > 0 ? this.stillRunning() : '');
  }

  /** Others write it: it stands on lines of its own. */
  private question({ approval }: EventOf<'approval'>): string {
    const { callId, summary } = approval;
    if (!this.calls.has(callId)) this.calls.set(callId, oneLine(summary));
    return this.freshLine();
  }

  private toolResult(event: EventOf<'tool_result'>): string {
    const { green, red, dim } = this.options.colours;
    this.running.delete(event.callId);
    const line = shorten(this.nameOf(event.callId), this.options.columns() - 2);
    if (!event.isError) return this.lines([`${green('✓')} ${line}`]) + this.stillRunning();
    const why = plainText(event.text).trim().split('\n');
    const shown = why.slice(0, ERROR_LINES_MAX).map((text) => dim(`  ${text}`));
    const more =
      why.length > shown.length ? [dim(`  … ${why.length - shown.length} more lines`)] : [];
    return this.lines([`${red('✗')} ${line}`, ...shown, ...more]) + this.stillRunning();
  }

  private effect(event: EventOf<'effect'>): string {
    if (event.outcome !== 'unknown' && !event.recovered) return '';
    const found =
      event.outcome === 'unknown'
        ? 'was cut off and its outcome is unknown'
        : `was cut off; found out: ${event.outcome === 'applied' ? 'done' : 'not done'}`;
    return this.lines([this.options.colours.yellow(`↻ ${this.nameOf(event.callId)} ${found}`)]);
  }

  /** Its answer may lie before what this command gets to see. */
  private nameOf(callId: string): string {
    return this.calls.get(callId) ?? 'an earlier call';
  }

  private stillRunning(): string {
    const names = [...this.running].map((callId) => this.nameOf(callId));
    return names.length > 0 ? this.passing(`… ${names.join(', ')}`) : '';
  }

  /** Foreign text as it comes, without a line's end of ours. */
  private text(text: string): string {
    if (text === '') return '';
    const plain = plainText(text);
    const start = this.transient ? this.startLine() : '';
    this.atLineStart = plain.endsWith('\n');
    return start + plain;
  }

  /** A line that the next output takes back. */
  private passing(text: string): string {
    if (!this.options.erasable) return '';
    const start = this.startLine();
    this.transient = true;
    this.atLineStart = false;
    return start + this.options.colours.dim(shorten(text, this.options.columns() - 1));
  }

  private freshLine(): string {
    const start = this.startLine();
    this.atLineStart = true;
    return start;
  }

  private startLine(): string {
    const start = this.transient ? '\r\u001b[K' : this.atLineStart ? '' : '\n';
    this.transient = false;
    return start;
  }
}

const textOf = (blocks: readonly AnswerBlock[]): string =>
  blocks.map((block) => (block.kind === 'text' ? block.text : '')).join('');

const costLine = (result: ResultEvent): string => {
  const turns = `${result.numTurns} ${result.numTurns === 1 ? 'turn' : 'turns'}`;
  const cost = result.costUsd === null ? 'cost unknown' : `$${result.costUsd.toFixed(4)}`;
  const seconds = `${(result.durationMs / 1000).toFixed(1)} s`;
  const changed = result.filesChanged.length;
  const files = changed === 0 ? [] : [`${changed} ${changed === 1 ? 'file' : 'files'} changed`];
  return [turns, cost, seconds, ...files].join(' · ');
};
