/**
 * What an agent is told of its project at the start: where it is, the day, the project's own
 * instructions, the state of git.
 *
 * It is read once and stored with the transcript, so it describes the moment the session began. What
 * must stay true: nothing here can hang or grow without bound, and no file outside the repository is
 * read, whatever a repository that we don't trust contains.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';

import type { SessionFacts } from '../sessions.js';

const INSTRUCTIONS_BYTES_MAX = 24 * 1024;
const GIT_BYTES_MAX = 4 * 1024;
const GIT_TIMEOUT_MS = 2_000;
const CHANGES_SHOWN = 30;
const FOLDERS_MAX = 32;

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Folders from the repository's top level down to the project; the project alone outside git. */
const foldersTo = async (project: string): Promise<readonly string[]> => {
  const folders = [project];
  for (let folder = project; folders.length < FOLDERS_MAX; folder = dirname(folder)) {
    if (folder !== project) folders.unshift(folder);
    if (await exists(join(folder, '.git'))) return folders;
    if (dirname(folder) === folder) break;
  }
  return [project];
};

const cutUtf8 = (bytes: Buffer, bytesMax: number): string =>
  bytes
    .subarray(0, bytesMax)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');

/** The beginning of a regular file below `root`; null when it is none. Never blocks on a fifo. */
const readBelow = async (root: string, path: string): Promise<string | null> => {
  try {
    const real = await realpath(path);
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) return null;
    const handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) return null;
      const buffer = Buffer.alloc(INSTRUCTIONS_BYTES_MAX + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      return buffer.subarray(0, bytesRead).toString('utf8');
    } finally {
      await handle.close();
    }
  } catch {
    return null;
  }
};

interface Instructions {
  readonly path: string;
  readonly text: string;
}

const readChain = async (folders: readonly string[], name: string): Promise<Instructions[]> => {
  const root = await realpath(folders[0] ?? sep);
  const texts = await Promise.all(folders.map((folder) => readBelow(root, join(folder, name))));
  return folders.flatMap((folder, index) => {
    const text = texts[index];
    return text?.trim() ? [{ path: join(folder, name), text: text.trim() }] : [];
  });
};

/** AGENTS.md of every folder on the way down, or else CLAUDE.md; the nearest comes last and counts most. */
const instructionsOf = async (project: string): Promise<string> => {
  const folders = await foldersTo(project);
  const agents = await readChain(folders, 'AGENTS.md');
  const chain = agents.length > 0 ? agents : await readChain(folders, 'CLAUDE.md');
  if (chain.length === 0) return '';
  let left = INSTRUCTIONS_BYTES_MAX;
  // The nearest file is the one that must not be cut away.
  const parts = chain.reverse().map(({ path, text }) => {
    const name = relative(project, path);
    const bytes = Buffer.from(text);
    const shown = cutUtf8(bytes, left);
    left -= Buffer.byteLength(shown);
    const rest =
      bytes.length > Buffer.byteLength(shown) ? `\n[cut: read ${name} for the rest]` : '';
    return `<instructions file="${name}">\n${shown}${rest}\n</instructions>`;
  });
  const note = 'Instructions of the project; where they differ, the later ones count:';
  return `\n${note}\n${parts.reverse().join('\n')}`;
};

type GitOutput =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: 'absent' | 'slow' | 'refused'; readonly words: string };

/** Reading only; no hook, monitor or pager that a repository names is run. */
const git = (session: SessionFacts, args: readonly string[]): Promise<GitOutput> =>
  new Promise((resolve) => {
    const safe = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '--no-pager'];
    const env = {
      ...session.secrets.toolEnv,
      GIT_OPTIONAL_LOCKS: '0',
      GIT_TERMINAL_PROMPT: '0',
      LC_ALL: 'C',
    };
    const options = { cwd: session.project, env, timeout: GIT_TIMEOUT_MS, maxBuffer: 1024 * 1024 };
    execFile(
      'git',
      [...safe, ...args],
      { ...options, killSignal: 'SIGKILL' },
      (error, out, err) => {
        if (!error || error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
          resolve({ ok: true, text: out });
        else if (error.code === 'ENOENT') resolve({ ok: false, why: 'absent', words: '' });
        else if (error.killed) resolve({ ok: false, why: 'slow', words: '' });
        else resolve({ ok: false, why: 'refused', words: err.trim().split('\n')[0] ?? '' });
      },
    );
  });

const whyNoGit = (failed: Extract<GitOutput, { readonly ok: false }>): string => {
  if (failed.why === 'absent') return 'Git: git is not installed.';
  if (failed.why === 'slow') return 'Git: the state could not be read in time.';
  return /not a git repository/.test(failed.words)
    ? 'Git: not a git repository; changes here can not be undone with git.'
    : `Git: the state could not be read (${failed.words.slice(0, 200)}).`;
};

const branchOf = (header: string): string => {
  const words = header.replace(/^## /, '');
  return words.startsWith('No commits yet on ') ? `${words.slice(18)} (no commits yet)` : words;
};

const gitState = async (session: SessionFacts): Promise<string> => {
  const [status, log] = await Promise.all([
    git(session, ['status', '--porcelain=v1', '--branch', '--ignore-submodules=dirty', '--', '.']),
    git(session, ['log', '-5', '--no-show-signature', '--format=%h %s']),
  ]);
  if (!status.ok) return whyNoGit(status);
  const [header = '', ...changes] = status.text.split('\n').filter((line) => line !== '');
  const shown = changes.slice(0, CHANGES_SHOWN).map((line) => `  ${line}`);
  const rest = changes.length - shown.length;
  const lines = [
    `Git: branch ${branchOf(header)}`,
    changes.length === 0
      ? 'Working tree: clean'
      : 'Working tree at the start (changes that are not yours):',
    ...shown,
    ...(rest > 0 ? [`  … and ${rest} more`] : []),
    ...(log.ok && log.text.trim() !== '' ? ['Last commits:'] : []),
    ...(log.ok ? log.text.split('\n').filter(Boolean) : []).map((line) => `  ${line}`),
  ];
  return cutUtf8(Buffer.from(lines.join('\n')), GIT_BYTES_MAX);
};

export const contextBlock = async (session: SessionFacts, now: Date): Promise<string> => {
  const [instructions, state] = await Promise.all([
    instructionsOf(session.project),
    gitState(session),
  ]);
  const facts = [
    `Project folder: ${session.project}`,
    `Date: ${now.toISOString().slice(0, 10)}`,
    `Platform: ${process.platform}`,
    state,
  ];
  return `<context>\n${facts.join('\n')}${instructions}\n</context>`;
};
