/**
 * Paths that a model gave to git: resolved against the project, refused when they leave it.
 *
 * The last part is not followed, since to git a symbolic link is a thing of its own. What must stay
 * true: what is returned is relative to the project and never begins with `..` or `-`.
 */
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

export type ResolvedPaths =
  | { readonly ok: true; readonly paths: readonly string[] }
  | { readonly ok: false; readonly error: string };

/** Real path of the folder a path lies in, as far as it exists. */
const realFolder = async (folder: string): Promise<string> => {
  const missing: string[] = [];
  for (let part = folder; ; part = dirname(part)) {
    const real = await realpath(part).catch(() => null);
    if (real !== null) return join(real, ...missing);
    if (part === dirname(part)) return folder;
    missing.unshift(basename(part));
  }
};

const fault = (path: string, why: string): string => `paths: ${JSON.stringify(path)} ${why}`;

export const resolvePaths = async (
  project: string,
  given: readonly string[],
): Promise<ResolvedPaths> => {
  const paths: string[] = [];
  for (const path of given) {
    if (path.includes('\0') || path === '')
      return { ok: false, error: fault(path, 'is not a path') };
    const absolute = resolve(project, path);
    const isRoot = absolute === project;
    const real = isRoot ? project : join(await realFolder(dirname(absolute)), basename(absolute));
    const inside = isRoot ? '.' : relative(project, real);
    if (inside === '..' || inside.startsWith(`..${sep}`) || inside.startsWith(sep))
      return {
        ok: false,
        error: fault(path, 'lies outside the project; git takes paths inside it'),
      };
    if (inside.split(sep).includes('.git'))
      return { ok: false, error: fault(path, 'is git’s own; give a file of the project') };
    paths.push(inside.startsWith('-') ? `./${inside}` : inside);
  }
  return { ok: true, paths };
};
