/**
 * The words in which a model is told how a process ended.
 *
 * Pure, and the same words for the same end: the loop guard compares results, so nothing that differs
 * from run to run (durations, dates) is in the text of an ordinary end. What must stay true: an end
 * that can't be found out is called "outcome unknown" and nothing else.
 */
import type { ProcessConclusion, ProcessEnd } from './tool.js';

const framed = (output: string, line: string): string =>
  output === '' ? line : `${output}${output.endsWith('\n') ? '' : '\n'}${line}`;

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

/** `what` names the process to the model, e.g. `the command`. */
const unknownText = (what: string, end: ProcessEnd): string =>
  framed(
    end.output,
    `[outcome unknown: the machine or the wrapper of ${what} died while it ran, so it may have happened ` +
      `wholly, partly or not at all. It was not run again and nothing of it runs any more.\n${end.evidence ?? ''}\n` +
      `Check what it was to change before you decide whether to run it again.]`,
  );

/** `timeoutMs`: the limit it ran under, for the words of a time-out. */
export const concludeProcess = (
  what: string,
  end: ProcessEnd,
  timeoutMs: number,
): ProcessConclusion => {
  const told = (
    text: string,
    isError: boolean,
    state: ProcessConclusion['state'] = 'applied',
  ): ProcessConclusion => ({ text, isError, state, commit: null, paths: [] });
  switch (end.kind) {
    case 'exited':
      return end.code === 0
        ? told(end.output === '' ? '(no output)' : end.output, false)
        : told(framed(end.output, `[exit code ${end.code}]`), true);
    case 'timed_out':
      return told(
        framed(
          end.output,
          `[timed out after ${seconds(timeoutMs)}: ${what} and all it had started were ended]`,
        ),
        true,
      );
    case 'cancelled':
      return told(
        framed(end.output, `[interrupted] ${what} and all it had started were ended`),
        true,
      );
    case 'running':
      return told(
        framed(
          end.output,
          `[runs in the background, pid ${end.pid ?? 'unknown'}; its output goes to ${end.outputPath}` +
            (end.pid ? `; to end it: kill -- -${end.pid}]` : ']'),
        ),
        false,
      );
    case 'unknown':
      return told(unknownText(what, end), true, 'unknown');
  }
};
