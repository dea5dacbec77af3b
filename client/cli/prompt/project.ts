/**
 * Which folder a session works on: the one named, else the git top level above here, else here.
 *
 * The top level is found by looking for `.git` on the way up, without starting git. What must stay
 * true: the answer is an absolute real path of a folder that can be read, or a usage error.
 */
import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { usageError } from '../errors.js';

export const projectFolder = (named: string | null, cwd: string): string => {
  if (named === null) return gitTopLevel(realFolder(cwd));
  return realFolder(resolve(cwd, named));
};

/** A file that must be readable before a session is worth starting, as an absolute path. */
export const readableFile = (named: string, cwd: string): string => {
  const path = resolve(cwd, named);
  try {
    if (statSync(path).isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    accessSync(path, constants.R_OK);
    return path;
  } catch (error) {
    throw usageError(`can't read the config file (${path}: ${codeOf(error)})`, 'Check --config.');
  }
};

const realFolder = (path: string): string => {
  try {
    const real = realpathSync(path);
    if (!statSync(real).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    accessSync(real, constants.R_OK | constants.X_OK);
    return real;
  } catch (error) {
    throw usageError(`can't use the project folder (${path}: ${whyOf(error)})`, 'Check --project.');
  }
};

/** `.git` is a folder, or a file in worktrees and submodules. */
const gitTopLevel = (from: string): string => {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return folder;
    if (dirname(folder) === folder) return from;
  }
};

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

const whyOf = (error: unknown): string => {
  const code = codeOf(error);
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'ENOTDIR') return 'it is not a folder';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read it';
  return code;
};
