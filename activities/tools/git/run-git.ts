/**
 * Runs git where it only looks, with the repository's own programs and the caller's GIT_DIR left out.
 *
 * What must stay true: no pager, no prompt, no lock of the user's index, no external diff; a path is
 * never taken for a pattern.
 */
import { EFFECT_MARK } from '../../../workflows/protocol/names.js';
import { runProgram, type ProgramEnd } from '../run-program.js';
import type { ToolContext } from '../tool.js';

/** Variables by which git would look at another repository than the one of its folder. */
const OF_ANOTHER_REPOSITORY = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]);

type Environment = Readonly<Record<string, string>>;

/** The tools' environment, less what points at another repository. */
export const gitEnvironment = (env: Environment): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !OF_ANOTHER_REPOSITORY.has(name)));

const READING = {
  // A partial clone fetches what it lacks, by programs and from addresses that its config names.
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_NO_LAZY_FETCH: '1',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_LITERAL_PATHSPECS: '1',
  GIT_PAGER: 'cat',
} as const;

/** Over config that could start programs of the repository's choice, or that changes what we parse. */
const OVERRIDES = [
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'log.showSignature=false',
  'core.quotePath=false',
  'color.ui=false',
  'color.status=false',
  'i18n.logOutputEncoding=UTF-8',
];
const QUIET = ['--no-pager', ...OVERRIDES.flatMap((override) => ['-c', override])];

const TIMEOUT_MS = 30_000;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

export interface GitOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: Environment;
  /** Only where an interrupt should end it. */
  readonly signal?: AbortSignal;
}

export const runGit = (
  project: string,
  env: Environment,
  args: readonly string[],
  options: GitOptions = {},
): Promise<ProgramEnd> =>
  runProgram('git', [...QUIET, ...args], {
    cwd: project,
    env: { ...gitEnvironment(env), ...READING, ...options.env },
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    outputBytesMax: OUTPUT_BYTES_MAX,
    ...(options.input !== undefined && { input: options.input }),
    ...(options.signal && { signal: options.signal }),
  });

/** Reads on behalf of a call: marked, and ended by an interrupt. */
export const lookWithGit = (
  context: ToolContext,
  args: readonly string[],
  env: Environment = {},
): Promise<ProgramEnd> =>
  runGit(context.project, context.env, args, {
    env: { ...env, [EFFECT_MARK]: context.effectKey },
    signal: context.signal,
  });
