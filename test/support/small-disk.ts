/**
 * A command with a small disk of its own: a tmpfs that only the command and its children see.
 *
 * It goes with the last of them. What must stay true: it throws where such a disk can't be made, so
 * that no test of a full disk passes without one.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Mounts at `disk`; answers what the command wrote to stdout. */
export const onSmallDisk = async (
  disk: string,
  sizeMb: number,
  command: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> => {
  const isRoot = process.getuid?.() === 0;
  const mount = `mount -t tmpfs -o size=${sizeMb}m,mode=700 none "$0" && exec "$@"`;
  const unshare = [...(isRoot ? [] : ['--map-root-user']), '--mount'];
  const words = [...unshare, 'sh', '-c', mount, disk, ...command];
  const { stdout } = await promisify(execFile)('unshare', words, { timeout: 50_000, env });
  return stdout;
};
