/**
 * What the command line says when something fails: what, where, and what to do; and how it exits.
 *
 * Errors of the engine, the daemon and of the arguments all pass through here, told apart by their
 * fields and never by class. What must stay true: one to three lines on stderr, no stack trace unless
 * LOOMKIN_LOG=debug, and nothing on stdout except the error document that `--json` asked for.
 */
import { CommandFailure } from './io.js';
import { jsonLine } from './render/json-line.js';
import { plainText } from './render/plain-text.js';

export interface Failure {
  readonly kind: string;
  readonly message: string;
  readonly cure: string;
  readonly exitCode: number;
}

export const usageError = (message: string, cure: string): CommandFailure =>
  new CommandFailure('usage', message, cure, 2);

export const inputError = (message: string, cure: string): CommandFailure =>
  new CommandFailure('input', message, cure, 42);

const isFailure = (error: unknown): error is Failure => {
  const fields = error as Partial<Record<keyof Failure, unknown>> | null;
  return (
    typeof fields === 'object' &&
    fields !== null &&
    typeof fields.kind === 'string' &&
    typeof fields.message === 'string' &&
    typeof fields.exitCode === 'number'
  );
};

export const failureOf = (error: unknown): Failure => {
  if (isFailure(error)) return { ...pick(error), cure: error.cure ?? '' };
  const message = error instanceof Error ? error.message : String(error);
  const cure = 'Run it again with LOOMKIN_LOG=debug to see where.';
  return { kind: 'internal', message: `unexpected failure: ${message}`, cure, exitCode: 1 };
};

const pick = ({ kind, message, cure, exitCode }: Failure): Failure => ({
  kind,
  message,
  cure,
  exitCode,
});

/** With a full stop; what ends in a quote is a command to be copied. */
const sentence = (words: string): string =>
  /[\p{L}\p{N}`)/_]$/u.test(words) ? `${words}.` : words;

/** `loomkin: WHAT (WHERE). DO`, at most three lines. */
export const failureText = ({ message, cure }: Failure): string => {
  const what = message.trim().replace(/\.$/, '');
  const lines = plainText(`loomkin: ${what}. ${sentence(cure.trim())}`)
    .trim()
    .split('\n');
  return `${lines.slice(0, 3).join('\n')}\n`;
};

export const failureDocument = ({ kind, message, cure }: Failure): string =>
  jsonLine({ error: { kind, message, cure } });
