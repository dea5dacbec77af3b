/**
 * Asks the person at the terminal whether a tool call may go ahead: y, n, or always in this session.
 *
 * What must stay true: only what was typed after the question was shown can answer it; a question
 * that was answered elsewhere, or that nobody needs any more, goes away by itself.
 */
import { createInterface } from 'node:readline';

import { oneLine, plainText } from '../render/plain-text.js';
import type { Colours } from '../render/terminal.js';
import type { Keyboard } from './keyboard.js';

export interface Question {
  readonly tool: string;
  readonly subject: string;
  /** The rule that "always" would grant. */
  readonly rule: string;
}

export type Answer = 'yes' | 'no' | 'always' | 'interrupt' | 'quit' | 'gone';

export interface Terminal {
  readonly keyboard: Keyboard;
  readonly stdout: NodeJS.WritableStream;
  readonly colours: Colours;
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  y: 'yes',
  yes: 'yes',
  n: 'no',
  no: 'no',
  a: 'always',
  always: 'always',
};
/** What arrives sooner was typed before anybody could read the question. */
const TYPED_BEFORE_MS = 250;

/** `Bash(npm test *)`, as the gate makes it of a program and its subcommand. */
const START_RULE = /^Bash\(([\w.+/-]+ [a-z][a-z0-9-]*) \*\)$/;

const grantText = (rule: string): string => {
  const start = START_RULE.exec(rule)?.[1];
  const what = start === undefined ? 'exactly this command' : `whatever begins with "${start}"`;
  return `${what}, ${plainText(rule)}`;
};

export const questionText = (question: Question, colours: Colours): string => {
  const subject = plainText(question.subject).trimEnd();
  const tool = oneLine(question.tool);
  const body = subject.includes('\n')
    ? `${tool}:\n${subject.replace(/^/gm, '    ')}`
    : `${tool}: ${subject}`;
  return [
    `${colours.yellow('?')} ${colours.bold(`May it run ${body}`)}`,
    colours.dim('  y = yes, once   n = no'),
    colours.dim(`  a = always in this session: ${grantText(question.rule)}`),
    '',
  ].join('\n');
};

export const askPermission = (
  question: Question,
  terminal: Terminal,
  gone: AbortSignal,
): Promise<Answer> =>
  new Promise((resolve) => {
    const { keyboard, stdout: output } = terminal;
    if (gone.aborted) return resolve('gone');
    const input = keyboard.reader();
    output.write(questionText(question, terminal.colours));
    const lines = createInterface({ input, output, terminal: true, prompt: '  [y/n/a] ' });
    const shownAt = performance.now();
    const clearTyped = setTimeout(
      () => lines.write(null, { ctrl: true, name: 'u' }),
      TYPED_BEFORE_MS,
    );
    const settle = (answer: Answer): void => {
      clearTimeout(clearTyped);
      gone.removeEventListener('abort', onGone);
      lines.off('close', onClose).close();
      resolve(answer);
    };
    const onClose = (): void => settle('quit');
    const onGone = (): void => {
      output.write('\n');
      settle('gone');
    };
    gone.addEventListener('abort', onGone);
    lines.on('SIGINT', () => {
      output.write('\n');
      settle('interrupt');
    });
    lines.on('close', onClose);
    lines.on('line', (line) => {
      const answer = ANSWERS[line.trim().toLowerCase()];
      if (answer !== undefined && performance.now() - shownAt >= TYPED_BEFORE_MS) settle(answer);
      else lines.prompt();
    });
    lines.prompt();
  });
