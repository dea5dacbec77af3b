/**
 * A terminal that a person could sit at: a program in tmux, its screen, its keys, its exit code.
 *
 * The server is one of its own with a socket in the test's folder. What must stay true: where tmux is
 * missing it throws, and the server is gone when the body ends.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 50;
const WAIT_MS = 30_000;

export interface Screen {
  /** What is on it now, without what scrolled away. */
  text(): string;
  /** Waits until it fits. */
  shows(words: RegExp): Promise<void>;
  /** tmux's names for keys (`C-c`, `Enter`), or text. */
  keys(...keys: readonly string[]): void;
  /** Waits for the program's end. */
  exitCode(): Promise<number>;
}

export interface ScreenRequest {
  readonly socket: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

export const withScreen = async (
  { socket, command, cwd, env }: ScreenRequest,
  body: (screen: Screen) => Promise<void>,
): Promise<void> => {
  const tmux = (...words: readonly string[]): string =>
    execFileSync('tmux', ['-f', '/dev/null', '-S', socket, ...words], {
      cwd,
      env,
      encoding: 'utf8',
    });
  const codeFile = `${socket}.code`;
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (const endMs = performance.now() + WAIT_MS; !isSo(); await sleep(LOOK_MS))
      if (performance.now() > endMs) throw new Error(`not within 30 s: ${what}\n${screen.text()}`);
  };
  const screen: Screen = {
    text: () => tmux('capture-pane', '-p'),
    shows: (words) => until(String(words), () => words.test(screen.text())),
    keys: (...keys) => void tmux('send-keys', ...keys),
    exitCode: async () => {
      const ended = (): string =>
        existsSync(codeFile) ? readFileSync(codeFile, 'utf8').trim() : '';
      await until('the end', () => ended() !== '');
      return Number(ended());
    },
  };
  // tmux itself now and then misses how its program ended. The shell outlives Ctrl+C to write it down.
  const noting = `trap : INT; "$@"; echo $? >"$0"`;
  const words = ['sh', '-c', noting, codeFile, ...command];
  const start = ['new-session', '-d', '-x', '100', '-y', '50', ...words];
  tmux('start-server', ';', 'set-option', '-g', 'remain-on-exit', 'on', ';', ...start);
  try {
    await body(screen);
  } finally {
    tmux('kill-server');
  }
};
