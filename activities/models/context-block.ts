/**
 * What an agent is told of its project at the start: where it is, the day, the project's own
 * instructions, the state of git.
 *
 * It is read once and stored with the transcript, so it describes the moment the session began. What
 * must stay true: nothing here can hang or grow without bound, and no file outside the repository is
 * read, whatever a repository that we don't trust contains.
 */
import { constants } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';

import { headOfText } from '../cut-text.js';
import type { SessionFacts } from '../sessions.js';

const INSTRUCTIONS_BYTES_MAX = 24 * 1024;
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
    const shown = headOfText(bytes, left);
    left -= Buffer.byteLength(shown);
    const rest =
      bytes.length > Buffer.byteLength(shown) ? `\n[cut: read ${name} for the rest]` : '';
    return `<instructions file="${name}">\n${shown}${rest}\n</instructions>`;
  });
  const note = 'Instructions of the project; where they differ, the later ones count:';
  return `\n${note}\n${parts.reverse().join('\n')}`;
};

export interface ContextSources {
  readonly now: Date;
  /** The state of git in lines for the model; never throws, never waits for long. */
  describeGit(project: string, env: Readonly<Record<string, string>>): Promise<string>;
}

export const contextBlock = async (
  { project, secrets }: SessionFacts,
  { now, describeGit }: ContextSources,
): Promise<string> => {
  const [instructions, state] = await Promise.all([
    instructionsOf(project),
    describeGit(project, secrets.toolEnv),
  ]);
  const facts = [
    `Project folder: ${project}`,
    `Date: ${now.toISOString().slice(0, 10)}`,
    `Platform: ${process.platform}`,
    state,
  ];
  return `<context>\n${facts.join('\n')}${instructions}\n</context>`;
};
