import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The module has no types, being Jest's own setup. */
interface Leftovers {
  findLeftovers(folder: string, graceMs?: number): Promise<string[]>;
  removeTestFolder(folder: string): void;
}
const file = join(dirname(fileURLToPath(import.meta.url)), 'leftovers.mjs');
const { findLeftovers, removeTestFolder } = (await import(file)) as Leftovers;

const SLEEP = 'process.stdout.write("up"); setTimeout(() => {}, 60_000)';

const inFolder = async (
  body: (
    folder: string,
    start: (options: object, ...more: string[]) => Promise<ChildProcess>,
  ) => Promise<void>,
): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'left-'));
  const children: ChildProcess[] = [];
  const start = async (options: object, ...more: string[]): Promise<ChildProcess> => {
    const child = spawn(process.execPath, ['-e', SLEEP, ...more], {
      env: {},
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore'],
      ...options,
    });
    children.push(child);
    await once(child.stdout!, 'data');
    return child;
  };
  try {
    await body(folder, start);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    removeTestFolder(folder);
  }
};

describe('what a test leaves behind', () => {
  test('is nothing when its folder is empty and no process names it', async () => {
    await inFolder(async (folder) => {
      expect(await findLeftovers(folder, 0)).toEqual([]);
    });
  });

  test('is each folder and file below the common one', async () => {
    await inFolder(async (folder) => {
      mkdirSync(join(folder, 'home'));
      writeFileSync(join(folder, 'note'), '');
      const left = await findLeftovers(folder, 0);
      expect(left).toEqual([`folder ${folder}/home`, `folder ${folder}/note`]);
    });
  });

  test.each<[string, (folder: string) => [object, ...string[]]]>([
    ['environment', (folder) => [{ env: { LOOMKIN_HOME: join(folder, 'home') } }]],
    ['working folder', (folder) => [{ cwd: folder }]],
    ['command line', (folder) => [{}, join(folder, 'temporal.db')]],
  ])('is a process that names the folder in its %s', async (_, how) => {
    await inFolder(async (folder, start) => {
      const child = await start(...how(folder));
      const left = await findLeftovers(folder, 0);
      expect(left).toHaveLength(1);
      expect(left[0]).toContain(`process ${child.pid}: `);
    });
  });

  test('is not a process that ends within the grace', async () => {
    await inFolder(async (folder, start) => {
      const child = await start({ cwd: folder });
      const looking = findLeftovers(folder, 10_000);
      child.kill('SIGTERM');
      expect(await looking).toEqual([]);
    });
  });

  test('is ended and removed, and a stranger’s process is not', async () => {
    await inFolder(async (folder, start) => {
      const ours = await start({ cwd: folder });
      const stranger = await start({});
      const ended = once(ours, 'exit');
      removeTestFolder(folder);
      expect(await ended).toEqual([null, 'SIGKILL']);
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
      expect(existsSync(folder)).toBe(false);
    });
  });
});
