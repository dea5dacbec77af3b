/**
 * The commit that a project's HEAD names, read from the files where they lie as usual.
 *
 * Each session's start asks for it, and a git process would cost a warm start five milliseconds. What
 * must stay true: whatever is not the plain case (a subfolder, a worktree, packed or other refs) is
 * left to git itself.
 */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const GIT_TIMEOUT_MS = 5_000;
const FILE_BYTES_MAX = 4096;
const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;
const PLAIN_REF = /^ref: (refs\/heads\/[A-Za-z0-9_./-]+)$/;

/**
 * Empty where there is no such file. Throws for what is no small plain one: a stranger's pipe or device
 * would never end, neither for us nor for git.
 */
const firstLine = async (file: string): Promise<string> => {
  const facts = await stat(file).catch(() => null);
  if (facts === null) return '';
  if (!facts.isFile() || facts.size > FILE_BYTES_MAX) throw new Error(`${file} is no plain file`);
  return (await readFile(file, 'utf8')).split('\n', 1)[0] ?? '';
};

/** Null when it is not the plain case. */
const readFromFiles = async (project: string): Promise<string | null> => {
  const head = await firstLine(join(project, '.git', 'HEAD'));
  const ref = PLAIN_REF.exec(head)?.[1];
  const commit = ref === undefined ? head : await firstLine(join(project, '.git', ref));
  return COMMIT.test(commit) ? commit : null;
};

const askGit = async (project: string): Promise<string | null> => {
  try {
    const options = { cwd: project, timeout: GIT_TIMEOUT_MS };
    const { stdout } = await run('git', ['rev-parse', '--verify', 'HEAD'], options);
    return stdout.trim();
  } catch {
    return null;
  }
};

/** Null outside git, before the first commit, and where git is slow. */
export const readGitHead = async (project: string): Promise<string | null> => {
  try {
    return (await readFromFiles(project)) ?? (await askGit(project));
  } catch {
    return null;
  }
};
