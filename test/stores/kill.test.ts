/**
 * SIGKILL at random moments, in the middle of writes and of recoveries: what was acknowledged is
 * there, and every edit is in its file once.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { isStoreError, type Store } from '../../activities/stores/store.js';
import { bundleProgram } from '../support/bundle.js';
import { openTestStore, storePaths, threadFile, withFolder } from '../support/store.js';

const ROUNDS = Number(process.env['LOOMKIN_KILL_ROUNDS'] ?? 25);

/** A small generator, so that a failing seed can be run again. */
const randomFrom = (seed: number) => {
  let state = seed;
  return (max: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * max);
  };
};

interface Round {
  readonly lines: readonly string[];
  readonly stderr: string;
  readonly signal: string | null;
}

/** The program, running; `end` resolves when it is gone. */
const start = (command: readonly string[], fault = '') => {
  const env = { ...process.env, LOOMKIN_FAULT: fault };
  const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let stderr = '';
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
  const reader = createInterface({ input: child.stdout });
  const opened = new Promise<void>((resolve) => {
    reader.on('line', (line) => {
      lines.push(line);
      if (line === 'open') resolve();
    });
  });
  const closed = Promise.all([once(child, 'close'), once(reader, 'close')]);
  const end = closed.then((): Round => ({ lines, stderr, signal: child.signalCode }));
  return { child, end, opened: Promise.race([opened, closed]) };
};

/** Runs the program and kills it `waitMs` after it opened, or after it was started. */
const runRound = async (command: readonly string[], from: 'open' | 'start', waitMs: number) => {
  const { child, end, opened } = start(command);
  if (from === 'open') await opened;
  await sleep(waitMs);
  child.kill('SIGKILL');
  return end;
};

const idsOf = (rounds: readonly Round[], kind: string): string[] =>
  rounds
    .flatMap(({ lines }) => lines)
    .filter((line) => line.startsWith(`${kind} `))
    .map((line) => line.slice(kind.length + 1));

const editsInFiles = (folder: string): string[] =>
  ['0.txt', '1.txt'].flatMap((name) => {
    const path = join(folder, 'project', name);
    return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
  });

const appliedAmong = async (store: Store, keys: readonly string[]): Promise<string[]> => {
  const rows = await Promise.all(keys.map((key) => store.call('getEffect', { key })));
  return rows.flatMap((row) => (row?.state === 'applied' ? [row.key] : []));
};

describe('a store whose process is killed', () => {
  it('loses nothing it acknowledged, doubles nothing, tears nothing', () =>
    withFolder(async (folder) => {
      const seed = Number(process.env['LOOMKIN_SEED'] ?? Date.now() % 100_000);
      const random = randomFrom(seed);
      const program = await bundleProgram('stores/kill-program.ts', folder);
      const rounds: Round[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const command = [program, folder, String(round), threadFile()];
        const from = round % 3 === 2 ? 'start' : 'open';
        rounds.push(await runRound(command, from, random(from === 'open' ? 80 : 250)));
      }
      // A last one finishes what the one before it left open.
      rounds.push(await runRound([program, folder, 'last', threadFile()], 'open', 0));
      const store = await openTestStore(storePaths(folder));
      const messages = idsOf(rounds, 'message');
      const edits = idsOf(rounds, 'edit');
      const inFiles = editsInFiles(folder);
      const found = await store.call('getMessages', { ids: messages });
      const open = new Set((await store.call('openEffects', {})).map(({ key }) => key));
      const told = {
        seed,
        stderr: rounds.map(({ stderr }) => stderr).filter((text) => text !== ''),
        torn: idsOf(rounds, 'torn'),
        lostMessages: messages.length - found.length,
        lostEdits: edits.filter((key) => !inFiles.includes(key)),
        doubled: inFiles.length - new Set(inFiles).size,
        settled: inFiles.filter((key) => !open.has(key)).length,
      };
      const recorded = await appliedAmong(store, inFiles);
      await store.close();
      expect(told).toEqual({
        seed,
        stderr: [],
        torn: [],
        lostMessages: 0,
        lostEdits: [],
        doubled: 0,
        settled: recorded.length,
      });
      expect(messages.length).toBeGreaterThan(ROUNDS);
      expect(edits.length).toBeGreaterThan(0);
    }));

  it('between rename and commit has put the file in its place, and the next one finds out', () =>
    withFolder(async (folder) => {
      const program = await bundleProgram('stores/kill-program.ts', folder);
      const fault = 'effect.after-act:edit#3=kill';
      const killed = await start([program, folder, 'first', threadFile()], fault).end;
      expect(killed.signal).toBe('SIGKILL');
      expect(readFileSync(join(folder, 'faults.log'), 'utf8')).toBe(`${fault}\n`);
      const store = await openTestStore(storePaths(folder));
      const [open] = await store.call('openEffects', {});
      expect(editsInFiles(folder)).toContain(open?.key);
      await store.close();
      await runRound([program, folder, 'second', threadFile()], 'open', 0);
      const again = await openTestStore(storePaths(folder));
      expect((await again.call('getEffect', { key: open?.key ?? '' }))?.state).toBe('applied');
      await again.close();
    }));
});

/** Stops the process at a moment when it does not hold the write lock, and takes the fence. */
const takeOver = async (store: Store, child: ChildProcess): Promise<void> => {
  for (;;) {
    child.kill('SIGSTOP');
    try {
      const args = { pid: process.pid, at: '' };
      await store.call('takeFence', args, { waitMs: 150 });
      return;
    } catch (error) {
      if (!isStoreError(error) || error.code !== 'BUSY') throw error;
      child.kill('SIGCONT');
      await sleep(3);
    }
  }
};

describe('a store whose process is stopped', () => {
  it('writes nothing more once another has taken the fence', () =>
    withFolder(async (folder) => {
      const program = await bundleProgram('stores/kill-program.ts', folder);
      const zombie = start([program, folder, 'zombie', threadFile()]);
      await zombie.opened;
      const store = await openTestStore(storePaths(folder));
      try {
        await takeOver(store, zombie.child);
        const before = editsInFiles(folder);
        zombie.child.kill('SIGCONT');
        const round = await zombie.end;
        expect(round.signal).toBeNull();
        expect(round.stderr).toContain('FENCED');
        expect(editsInFiles(folder)).toEqual(before);
        const ids = idsOf([round], 'message');
        expect(await store.call('getMessages', { ids })).toHaveLength(ids.length);
      } finally {
        zombie.child.kill('SIGKILL');
        await zombie.end;
        await store.close();
      }
    }));
});
