/**
 * One rig for all tests of a file, since starting everything costs more than what most of them do.
 *
 * Each test works in a project of its own, so that the newest session there is its own. What must stay
 * true: the rig is taken down when the file is over, whatever happened.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  makeProject,
  withRig,
  type Command,
  type CommandEnd,
  type Line,
  type Rig,
  type RigOptions,
} from '../support/rig.js';

/** To be called where tests are declared; the answer gives the rig once they run. */
export const openRig = (options: RigOptions): (() => Rig) => {
  let rig: Rig | undefined;
  let close = (): void => undefined;
  let life: Promise<void> | undefined;
  beforeAll(async () => {
    await new Promise<void>((opened, failed) => {
      life = withRig(options, (made) => {
        rig = made;
        opened();
        return new Promise((resolve) => (close = resolve));
      });
      life.catch(failed);
    });
  });
  afterAll(() => {
    close();
    return life;
  });
  return () => {
    if (!rig) throw new Error('the rig is open while tests run only');
    return rig;
  };
};

export interface Place {
  readonly project: string;
  at(name: string): string;
  /** A headless prompt here, in stream-json, with everything allowed unless said otherwise. */
  prompt(text: string | null, ...args: string[]): Command;
}

/** A git project of its own beside the rig's. */
export const placeIn = (
  rig: Rig,
  name: string,
  files: Readonly<Record<string, string>> = {},
): Place => {
  const project = join(dirname(rig.project), 'places', name);
  makeProject(project, files);
  return {
    project,
    at: (file) => join(project, file),
    prompt: (text, ...args) =>
      rig.command([
        ...['-p', '--output-format', 'stream-json', '--project', project],
        ...(args.includes('--permission-mode') ? [] : ['--permission-mode', 'bypass']),
        ...(args.includes('-c') || args.includes('-r') ? [] : ['--model', 'openai/mock']),
        ...args,
        ...(text === null ? [] : [text]),
      ]),
  };
};

/** A command that says that it runs, then runs until the file `go` is there. */
export const GATED =
  'echo $$ > begun; until [ -e go ]; do sleep 0.02; done; echo through >> passed';

export const hasBegun = async ({ at }: Place): Promise<void> => {
  while (!existsSync(at('begun'))) await sleep(10);
};

export const letThrough = ({ at }: Place): void => writeFileSync(at('go'), '');

export const resultsOf = ({ lines }: Pick<CommandEnd, 'lines'>): readonly Line[] =>
  lines.filter(({ type }) => type === 'result');

/** The one result; fails with everything that was said when there is another number of them. */
export const resultOf = (end: CommandEnd): Line => {
  const [result, ...more] = resultsOf(end);
  if (!result || more.length > 0) throw new Error(`not one result: ${end.stderr}\n${end.stdout}`);
  return result;
};

/** Resolves with the id of the session once the prompt is durable. */
export const sessionOf = async (command: Command): Promise<string> => {
  const init = await command.until(({ subtype }) => subtype === 'init');
  return String(init['session_id']);
};
