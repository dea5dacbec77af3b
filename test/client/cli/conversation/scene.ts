/**
 * A conversation on a real terminal against a stand-in daemon, anew for each test of a file.
 *
 * `daemon` and `messageId` are those of the test that runs. What must stay true: a test that imports this
 * builds the command line once, and leaves neither daemon nor program behind.
 */
import { buildCli, StandInDaemon, startOnTerminal } from '../../../support/cli.js';
import type { BuiltCli, CliRun } from '../../../support/cli.js';
import { prompt } from '../../../support/session-events.js';

export const CTRL_C = '\u0003';
export const CTRL_D = '\u0004';

export let daemon: StandInDaemon;
/** Of the newest prompt. */
export let messageId = '';
let cli: BuiltCli;

beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli.remove());
beforeEach(async () => {
  daemon = await new StandInDaemon().start();
  daemon.onPrompt = (seen) => {
    ({ messageId } = seen);
    daemon.emit(prompt(messageId, seen.text));
  };
});
afterEach(() => daemon.remove());

export const converse = (
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): CliRun =>
  startOnTerminal(cli.file, args, {
    cwd: daemon.project,
    env: daemon.env({ NO_COLOR: '1', ...env }),
  });

export const type = (run: CliRun, text: string): void => void run.child.stdin?.write(text);

export const quit = async (run: CliRun): Promise<number | null> => {
  type(run, CTRL_D);
  return (await run.ended).code;
};
