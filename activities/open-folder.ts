/**
 * Opens a folder below a project by walking to it handle by handle, so that no link can lead elsewhere.
 *
 * A path that was checked may be swapped for a symlink before it is used; a handle can't. Every name is
 * looked up in the handle before it (`/proc/self/fd/N/name`) and links are not followed. What must stay
 * true: a folder outside its root is never opened, whatever another process does meanwhile. Systems
 * without such paths (macOS) look names up by path and check afterwards, which leaves a small window.
 */
import { constants } from 'node:fs';
import { mkdir, open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

import { handlePath } from './stores/publish-file.js';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

export interface OpenFolder {
  readonly handle: FileHandle;
  /** Real path of the folder when it was opened. */
  readonly dir: string;
}

/** How folders that are missing on the way are made; null = a missing one is ENOENT. */
export type MakeFolders = { readonly umask: number } | null;

/** What the system says when something on the way was replaced between two looks. */
const SWAPPED = new Set(['ELOOP', 'ENOTDIR', 'EEXIST', 'EINVAL', 'ESTALE']);
const TRIES = 3;

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** Path of a name in an open folder, whatever became of the folder's own path. */
export const pathIn = (folder: OpenFolder, name: string): string =>
  `${handlePath(folder.handle.fd, folder.dir)}/${name}`;

const realPathOf = async (handle: FileHandle, path: string): Promise<string> => {
  const byHandle = handlePath(handle.fd, path);
  return byHandle === path ? realpath(path) : readlink(byHandle);
};

const openRoot = async (root: string): Promise<OpenFolder> => {
  const handle = await open(root, O_RDONLY | O_DIRECTORY);
  return { handle, dir: await realPathOf(handle, root) };
};

const LOOK = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

const makeChild = async (parent: OpenFolder, name: string, umask: number): Promise<FileHandle> => {
  const path = pathIn(parent, name);
  await mkdir(path, 0o700);
  const handle = await open(path, LOOK);
  try {
    // By handle: mkdir's mode is cut by the daemon's own umask, and the user's is what counts.
    // A folder shared by a group hands its setgid bit on.
    const { mode } = await handle.stat();
    await handle.chmod((mode & 0o2000) | (0o777 & ~umask));
    await parent.handle.sync();
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
};

const openChild = async (parent: OpenFolder, name: string, make: MakeFolders) => {
  try {
    return await open(pathIn(parent, name), LOOK);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || !make) throw error;
  }
  try {
    return await makeChild(parent, name, make.umask);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    // Another call of this turn made it first, which may happen at every folder of a deep path.
    return open(pathIn(parent, name), LOOK);
  }
};

const walk = async (root: string, dir: string, make: MakeFolders): Promise<OpenFolder> => {
  let folder = await openRoot(root);
  const rest = relative(folder.dir, dir);
  if (rest === '..' || rest.startsWith(`..${sep}`)) {
    await folder.handle.close();
    throw Object.assign(new Error(`${dir} is not inside ${root}`), { code: 'EXDEV' });
  }
  for (const name of rest.split(sep).filter((part) => part !== '')) {
    const parent = folder;
    try {
      const handle = await openChild(parent, name, make);
      folder = { handle, dir: join(parent.dir, name) };
    } finally {
      await parent.handle.close();
    }
  }
  return folder;
};

/**
 * Opens `dir`, a real path equal to or below `root`. The caller closes the handle. Throws the system's
 * error: ENOENT when it is missing, ELOOP or ENOTDIR when a link or a file stands in the way.
 */
export const openFolder = async (
  root: string,
  dir: string,
  make: MakeFolders = null,
): Promise<OpenFolder> => {
  for (let tries = 1; ; tries += 1) {
    try {
      const folder = await walk(root, dir, make);
      if ((await realPathOf(folder.handle, folder.dir)) === dir) return folder;
      await folder.handle.close();
      throw Object.assign(new Error(`${dir} moved meanwhile`), { code: 'ESTALE' });
    } catch (error) {
      if (!SWAPPED.has(codeOf(error)) || tries === TRIES) throw error;
    }
  }
};

export const withFolder = async <T>(
  where: { readonly root: string; readonly dir: string; readonly make?: MakeFolders },
  use: (folder: OpenFolder) => Promise<T>,
): Promise<T> => {
  const folder = await openFolder(where.root, where.dir, where.make ?? null);
  try {
    return await use(folder);
  } finally {
    await folder.handle.close();
  }
};
