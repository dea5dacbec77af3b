/**
 * The note a child writes about itself before it becomes the program it is to run.
 *
 * Written by the child and not by us, so that a supervisor killed between start and note leaves no
 * child that nobody can find. What must stay true: a child that can't write its note does not run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { isAlive, startTimeOf, type ProcessMark } from '../../config/runtime-file.js';

/** What the next supervisor must know to adopt the child. */
export type BirthFacts = Readonly<Record<string, string | number | null>>;

export interface BirthNote<Facts extends BirthFacts> {
  readonly mark: ProcessMark;
  readonly facts: Facts;
}

/** `sh -c NOTE_THEN_EXEC NOTEFILE FACTS PROGRAM ARGUMENT…`; field 22 of stat is the start time. */
export const NOTE_THEN_EXEC = [
  `read -r ${'_ '.repeat(21)}start _ 2>/dev/null </proc/$$/stat`,
  'facts=$1; shift',
  'printf \'%s %s %s\\n\' "$$" "${start:-0}" "$facts" >"$0" || exit 74',
  'exec "$@"',
].join('; ');

const readNote = <Facts extends BirthFacts>(file: string): BirthNote<Facts> | null => {
  try {
    const [, pid, start, facts] = /^(\d+) (\d+) (\{.*\})\n$/.exec(readFileSync(file, 'utf8')) ?? [];
    if (facts === undefined) return null;
    const mark = { pid: Number(pid), start_time: Number(start) };
    return { mark, facts: JSON.parse(facts) as Facts };
  } catch {
    return null;
  }
};

/** The note of a child that lives, or null. */
export const readBirthNote = <Facts extends BirthFacts>(file: string): BirthNote<Facts> | null => {
  const note = readNote<Facts>(file);
  return note && isAlive(note.mark) ? note : null;
};

/** What the last child of that name was started with, dead or alive; null when there was none. */
export const lastFacts = <Facts extends BirthFacts>(file: string): Facts | null =>
  readNote<Facts>(file)?.facts ?? null;

/** The note of this very process. */
export const writeOwnNote = (file: string): ProcessMark => {
  const mark = { pid: process.pid, start_time: startTimeOf(process.pid) ?? 0 };
  writeFileSync(file, `${mark.pid} ${mark.start_time} {}\n`, { mode: 0o600 });
  return mark;
};
