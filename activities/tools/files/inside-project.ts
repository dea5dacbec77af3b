/**
 * Turns a path that a model wrote into a real path inside the project, or into the reason why not.
 *
 * Links are resolved as far as the path exists, so that a link inside is followed and one that leads
 * outside is seen. What must stay true: a path that is returned begins with its root in real names;
 * and what git, Loomkin and Claude keep for themselves is never handed out for writing.
 */
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

import type { ToolContext } from '../tool.js';

export interface Place {
  readonly kind: 'inside';
  /** Real path; the last parts need not exist. */
  readonly path: string;
  /** Real path of the root it lies in. */
  readonly root: string;
  /** The path as the model should see it: relative to the project. */
  readonly shown: string;
  /** True when something is there. */
  readonly exists: boolean;
}
export type Placed = Place | { readonly kind: 'refused'; readonly text: string };

const refused = (text: string): Placed => ({ kind: 'refused', text });

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

interface Existing {
  /** Real path of the longest part that exists. */
  readonly real: string;
  readonly missing: readonly string[];
}

/** Throws ELOOP, ENOTDIR, EACCES, ENAMETOOLONG; a link to nothing as code `DANGLING`. */
const longestExisting = async (path: string): Promise<Existing> => {
  const missing: string[] = [];
  for (let part = path; ; part = dirname(part)) {
    try {
      return { real: await realpath(part), missing };
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || part === dirname(part)) throw error;
    }
    const link = await lstat(part).catch(() => null);
    if (link?.isSymbolicLink())
      throw Object.assign(new Error(`${part} is a link to nothing`), { code: 'DANGLING' });
    missing.unshift(basename(part));
  }
};

const isWithin = (root: string, path: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

const FAULTS: Readonly<Record<string, string>> = {
  DANGLING: 'a symbolic link in it leads to nothing',
  ELOOP: 'its symbolic links go round in a circle',
  ENOTDIR: 'a part of it is a file, not a folder',
  EACCES: 'no permission to look into one of its folders',
  ENAMETOOLONG: 'it is too long',
};

const NAME_BYTES_MAX = 255;
const tooLong = (): Error =>
  Object.assign(new Error('a name is too long'), { code: 'ENAMETOOLONG' });

const unwritten = (path: string): string | null => {
  if (path.includes('\0')) return 'A path can not hold a NUL character.';
  if (path === '~' || path.startsWith('~/'))
    return `"~" is not expanded in ${path}; give a path relative to the project.`;
  return null;
};

/** Resolves `path` against the project; it may lie in any of `roots` (real paths). */
const placeIn = async (
  path: string,
  project: string,
  roots: readonly string[],
): Promise<Placed> => {
  const fault = unwritten(path);
  if (fault) return refused(fault);
  try {
    const { real, missing } = await longestExisting(resolve(project, path));
    // Found out now and not once the folders before it are made.
    if (missing.some((name) => Buffer.byteLength(name) > NAME_BYTES_MAX)) throw tooLong();
    const whole = join(real, ...missing);
    const root = roots.find((candidate) => isWithin(candidate, whole));
    if (!root)
      return refused(`${path} is outside the project ${project}; file tools stay inside it.`);
    const shown = root === project ? relative(project, whole) || '.' : whole;
    return { kind: 'inside', path: whole, root, shown, exists: missing.length === 0 };
  } catch (error) {
    const reason = FAULTS[codeOf(error)];
    if (!reason) throw error;
    return refused(`${path} can't be used: ${reason}.`);
  }
};

const projectGone = (context: ToolContext): Placed =>
  refused(`The project folder ${context.project} is gone or can't be opened.`);

const realRoot = (path: string): Promise<string | null> => realpath(path).catch(() => null);

/** Folders of the session's own long outputs and commands, as far as they exist. */
const ownFolders = async (path: string, context: ToolContext): Promise<readonly string[]> => {
  const { scratch, shells, sessionId } = context;
  // A command's folder is `shells/SESSION+CALL`; other sessions' are none of this one's business.
  const command = shells === undefined ? null : /^[^/]+/.exec(relative(shells, path))?.[0];
  const isOwn = command?.startsWith(`${sessionId}+`) === true;
  const folders = [scratch, ...(shells !== undefined && isOwn ? [join(shells, command)] : [])];
  const real = await Promise.all(folders.map(realRoot));
  return real.filter((folder) => folder !== null);
};

/** Our own data folder may lie in a project (a home folder, say); keys and token are in it. */
const isOurs = async (place: Place, { home }: ToolContext): Promise<boolean> => {
  const ours = home === undefined ? null : await realRoot(home);
  return ours !== null && isWithin(place.root, ours) && isWithin(ours, place.path);
};

const unlessOurs = async (path: string, place: Placed, context: ToolContext): Promise<Placed> =>
  place.kind === 'inside' && (await isOurs(place, context))
    ? refused(`${path} belongs to Loomkin itself; file tools leave it alone.`)
    : place;

/** A place to read: in the project, or among the session's own long outputs. */
export const placeToRead = async (path: string, context: ToolContext): Promise<Placed> => {
  const project = await realRoot(context.project);
  if (project === null) return projectGone(context);
  const roots = [...(await ownFolders(path, context)), project];
  return unlessOurs(path, await placeIn(path, project, roots), context);
};

const KEPT = new Set(['.git', '.loomkin', '.claude']);

/** The short names that file systems of Windows give them. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  git: '.git',
  loomki: '.loomkin',
  claude: '.claude',
};

/**
 * Upper case, composed or decomposed, and letters of no width are the same name to some file systems;
 * to others a colon begins a part of the file.
 */
const plainName = (name: string): string => {
  const plain = name
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/:.*$/s, '')
    .replace(/[. ]+$/, '')
    .toLowerCase();
  return SHORT_NAMES[/^([a-z]+)~\d$/.exec(plain)?.[1] ?? ''] ?? plain;
};

const keptPart = (path: string): string | null =>
  path
    .split(sep)
    .map(plainName)
    .find((name) => KEPT.has(name)) ?? null;

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** A repository's own folder under any name: bare, a worktree's, a submodule's. */
const isGitFolder = async (folder: string): Promise<boolean> =>
  (await exists(join(folder, 'HEAD'))) &&
  (await exists(join(folder, 'refs'))) &&
  (await exists(join(folder, 'objects')));

const holdingGitFolder = async (root: string, path: string): Promise<string | null> => {
  for (let folder = dirname(path); isWithin(root, folder); folder = dirname(folder)) {
    if (await isGitFolder(folder)) return folder;
    if (folder === dirname(folder)) break;
  }
  return null;
};

/** A place to write: in the project, and nobody else's own. */
export const placeToWrite = async (path: string, context: ToolContext): Promise<Placed> => {
  const project = await realRoot(context.project);
  if (project === null) return projectGone(context);
  const place = await unlessOurs(path, await placeIn(path, project, [project]), context);
  if (place.kind === 'refused') return place;
  const asWritten = relative(project, resolve(project, path));
  const kept = keptPart(place.shown) ?? keptPart(asWritten);
  if (kept)
    return refused(`${path} is not written: file tools never change anything named ${kept}.`);
  const gitFolder = await holdingGitFolder(project, place.path);
  return gitFolder
    ? refused(`${path} is not written: ${relative(project, gitFolder) || '.'} belongs to git.`)
    : place;
};
