/**
 * Hundreds of kills at random instants under sessions that work all the time. Run by `npm run chaos`.
 *
 * The instants come from a seed (`CHAOS_SEED`, printed), the number from `CHAOS_KILLS` (500). What must
 * stay true at the end: every session ended right, each of its effects happened exactly once and in
 * order, and no answer that was stored was bought again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ChatReply } from '../support/chat-server.js';
import { withRig, type CommandEnd, type Rig } from '../support/rig.js';
import { killAll, type Kill } from './cell.js';
import { timeRecovery } from './recovery-clock.js';
import { printTable, type TableRow } from './table.js';

const KILLS = Number(process.env['CHAOS_KILLS'] ?? 500);
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 100_000);
const SESSIONS_AT_ONCE = 4;
const SESSIONS_MAX = 2_000;
const ROUNDS = 6;
const PAUSE_MS_MAX = 1_500;
const LOST_MS = 30_000;
const RECOVERY_MS_MAX = 6_000;
const KILL_MS_MAX = 20_000;

/** mulberry32: small, seeded, good enough to spread kills. */
const seeded = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};

const pickKill = (chance: number): Kill =>
  chance < 0.6 ? 'daemon' : chance < 0.85 ? 'server' : 'both';

const folderOf = (session: number): string => `s${session}`;

/** Each round appends its number through the shell, counts one up by an edit, and looks. */
const repliesOf = (session: number): readonly ChatReply[] => {
  const folder = folderOf(session);
  const rounds = Array.from({ length: ROUNDS }, (_, round) => ({
    delayMs: 40,
    text: `round ${round}`,
    calls: [
      { name: 'shell', arguments: { command: `echo ${round} >> ${folder}/log.txt` } },
      {
        name: 'edit',
        arguments: {
          path: `${folder}/count.txt`,
          old_string: `count: ${round};`,
          new_string: `count: ${round + 1};`,
        },
      },
      { name: 'read', arguments: { path: `${folder}/count.txt` } },
    ],
  }));
  return [...rounds, { text: 'all done' }];
};

/** What the model was told of calls that failed. */
const errorsIn = (end: CommandEnd): readonly unknown[] =>
  end.lines.flatMap((line) => {
    const { content } = (line['message'] ?? {}) as { readonly content?: unknown };
    const parts = Array.isArray(content) ? (content as Record<string, unknown>[]) : [];
    return parts.filter((part) => part['is_error'] === true).map((part) => part['content']);
  });

const prove = (rig: Rig, session: number, end: CommandEnd): void => {
  const read = (name: string): string =>
    readFileSync(join(rig.project, folderOf(session), name), 'utf8');
  const results = end.lines.filter(({ type }) => type === 'result');
  expect(results).toHaveLength(1);
  expect(results[0]).toMatchObject({ exit_code: 0, result: 'all done', num_turns: ROUNDS + 1 });
  // First: what a call was told explains what is missing.
  expect(errorsIn(end)).toEqual([]);
  expect(read('log.txt')).toBe(Array.from({ length: ROUNDS }, (_, n) => `${n}\n`).join(''));
  expect(read('count.txt')).toBe(`count: ${ROUNDS};\n`);
  const uuids = end.lines.map((line) => line['uuid']);
  expect(new Set(uuids).size).toBe(uuids.length);
};

/** Answers that came whole more than once for one turn: bought again though they may be stored. */
const doubleAnswers = (rig: Rig): number => {
  const whole = rig.chat.records.filter(({ outcome }) => outcome === 'answered');
  return whole.length - new Set(whole.map(({ idempotencyKey }) => idempotencyKey)).size;
};

interface Load {
  readonly rig: Rig;
  readonly failures: string[];
  isOver: boolean;
  started: number;
  ended: number;
}

/** One session after the other until the kills are over. */
const keepWorking = async (load: Load): Promise<void> => {
  const { rig } = load;
  while (!load.isOver && load.started < SESSIONS_MAX) {
    const session = load.started++;
    rig.writeFile(`${folderOf(session)}/count.txt`, 'count: 0;\n');
    const end = await rig.prompt(`session number ${session}.`).end;
    try {
      prove(rig, session, end);
    } catch (error) {
      load.failures.push(`session ${session}: ${(error as Error).message}\n${end.stderr}`);
    }
    load.ended += 1;
  }
};

const oneKill = async (rig: Rig, random: () => number): Promise<TableRow> => {
  await sleep(random() * PAUSE_MS_MAX);
  const kill = pickKill(random());
  killAll(rig, kill);
  const clock = timeRecovery(rig);
  const recoveryMs = await Promise.race([clock.done, sleep(LOST_MS, null, { ref: false })]);
  clock.stop();
  return { cell: kill, outcome: recoveryMs === null ? 'FAILED' : 'once', recoveryMs };
};

test(
  `${KILLS} kills at random instants (seed ${SEED})`,
  async () => {
    const random = seeded(SEED);
    const conversations = Array.from({ length: SESSIONS_MAX }, (_, session) => ({
      match: `session number ${session}.`,
      replies: repliesOf(session),
    }));
    await withRig({ script: { replies: [], conversations, keepBodies: false } }, async (rig) => {
      const load: Load = { rig, failures: [], isOver: false, started: 0, ended: 0 };
      const workers = Array.from({ length: SESSIONS_AT_ONCE }, () => keepWorking(load));
      while (rig.chat.records.length === 0) await sleep(50);
      const rows: TableRow[] = [];
      while (rows.length < KILLS) rows.push(await oneKill(rig, random));
      load.isOver = true;
      await Promise.all(workers);
      for (const kill of ['daemon', 'server', 'both'])
        printTable(
          `${kill} killed`,
          rows.filter(({ cell }) => cell === kill),
          'summary',
        );
      process.stdout.write(
        `${load.ended} sessions, ${doubleAnswers(rig)} answers asked for again after a kill\n`,
      );
      expect(load.failures).toEqual([]);
      expect(rows.filter(({ recoveryMs }) => (recoveryMs ?? LOST_MS) > RECOVERY_MS_MAX)).toEqual(
        [],
      );
    });
  },
  KILLS * KILL_MS_MAX,
);
