/**
 * One cell of the kill matrix: a conversation, a kill in the middle of its effect, and the proofs.
 *
 * Proofs in every cell: the effect happened exactly once, no earlier call was repeated, no stored
 * answer was bought twice, exactly one result line, and work went on by itself in time.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { startTimeOf } from '../../config/runtime-file.js';
import type { ChatRecord } from '../support/chat-server.js';
import type { Command, CommandEnd, Line, Rig } from '../support/rig.js';
import { LAST_WORDS, type ChaosEffect } from './effects.js';
import { timeRecovery } from './recovery-clock.js';

export const KILLS = ['daemon', 'server', 'both', 'supervisor', 'everything'] as const;
export type Kill = (typeof KILLS)[number];

/** Kills after which nobody but the next command can start anything. */
export const needsCommand = (kill: Kill): boolean => kill === 'everything';

const isCallOf = (line: Line, tool: string): boolean => {
  if (line.type !== 'assistant') return false;
  const { content } = line['message'] as { content: readonly { type: string; name?: string }[] };
  return content.some((block) => block.type === 'tool_use' && block.name === tool);
};

const killNow = (pid: number | undefined): void => {
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Already dead: all the better.
  }
};

export const pidsOf = (rig: Rig, kill: Kill): readonly (number | undefined)[] => {
  const { supervisor, daemon, temporal } = rig.runtime();
  const pids = { supervisor: supervisor.pid, daemon: daemon?.pid, server: temporal?.pid };
  switch (kill) {
    case 'daemon':
      return [pids.daemon];
    case 'server':
      return [pids.server];
    case 'both':
      return [pids.daemon, pids.server];
    case 'supervisor':
      return [pids.supervisor];
    case 'everything':
      return [pids.supervisor, pids.daemon, pids.server];
  }
};

export const killAll = (rig: Rig, kill: Kill): void => pidsOf(rig, kill).forEach(killNow);

const isTool = (line: Line): boolean =>
  line.type === 'user' && JSON.stringify(line['message']).includes('tool_result');

/** Each answer was bought once; the one in hand at a kill may have been asked for again. */
const proveNothingBoughtTwice = (records: readonly ChatRecord[], again: number): void => {
  const asked = new Map<string, number>();
  for (const { idempotencyKey } of records)
    asked.set(idempotencyKey, (asked.get(idempotencyKey) ?? 0) + 1);
  const repeats = [...asked.values()].reduce((sum, count) => sum + count - 1, 0);
  expect(repeats).toBeLessThanOrEqual(again);
};

interface Message {
  readonly role: string;
  readonly content?: unknown;
  readonly tool_calls?: readonly { readonly id: string }[];
  readonly tool_call_id?: string;
}

/** The last request tells the whole story in order: every call once, every result once. */
const proveStory = (records: readonly ChatRecord[]): void => {
  const last = records.at(-1);
  const { messages } = JSON.parse(last?.body ?? '{}') as { messages: readonly Message[] };
  const calls = messages.flatMap(({ tool_calls }) => (tool_calls ?? []).map(({ id }) => id));
  const results = messages.flatMap(({ tool_call_id }) => (tool_call_id ? [tool_call_id] : []));
  expect(calls).toHaveLength(3);
  expect(results).toEqual(calls);
};

const proveLines = (lines: readonly Line[]): void => {
  const results = lines.filter(({ type }) => type === 'result');
  expect(results).toHaveLength(1);
  expect(results[0]).toMatchObject({
    subtype: 'success',
    is_error: false,
    exit_code: 0,
    num_turns: 4,
  });
  expect(results[0]?.['result']).toBe(LAST_WORDS);
  expect(lines.filter(isTool)).toHaveLength(3);
  const uuids = lines.map((line) => line['uuid']);
  expect(new Set(uuids).size).toBe(uuids.length);
};

export interface CellReport {
  /** Time until Temporal handed out the next activity; null when there was none left to hand out. */
  readonly recoveryMs: number | null;
}

export interface CellInput {
  readonly rig: Rig;
  readonly effect: ChaosEffect;
  readonly folder: string;
  /** How many requests may be asked for again: answers that were in hand, not stored, at a kill. */
  readonly again: number;
}

export const recordsOf = (rig: Rig, folder: string): readonly ChatRecord[] =>
  rig.chat.records.filter(({ body }) => body.includes(`work in ${folder}.`));

export const prove = (input: CellInput, end: CommandEnd): void => {
  const { rig, effect, folder, again } = input;
  if (end.code !== 0)
    throw new Error(`exit ${end.code}: ${end.stderr}\n${end.stdout.slice(-2000)}`);
  proveLines(end.lines);
  const records = recordsOf(rig, folder);
  proveStory(records);
  proveNothingBoughtTwice(records, again);
  effect.prove(rig, folder);
};

/** After everything was killed, the next command shows how it ended, whole and once. */
const resume = async (rig: Rig, first: Command): Promise<Command> => {
  first.child.kill('SIGKILL');
  await first.end;
  return rig.command(['-c', '-p', '--output-format', 'stream-json', '--project', rig.project]);
};

/** Waits until a killed process is gone, so that the clock's first look sees a still store. */
const untilGone = async (pids: readonly (number | undefined)[]): Promise<void> => {
  for (const pid of pids) while (pid !== undefined && startTimeOf(pid) !== null) await sleep(2);
};

const recoveryOf = (clock: { readonly done: Promise<number> }): Promise<number | null> =>
  Promise.race([clock.done, Promise.resolve(null)]);

export const runKillCell = async (input: CellInput, kill: Kill): Promise<CellReport> => {
  const { rig, effect, folder } = input;
  const first = rig.prompt(`work in ${folder}.`);
  await first.until((line) => isCallOf(line, effect.tool));
  const pids = pidsOf(rig, kill);
  killAll(rig, kill);
  await untilGone(pids);
  const command = needsCommand(kill) ? await resume(rig, first) : first;
  const clock = timeRecovery(rig);
  const end = await command.end;
  clock.stop();
  prove(input, end);
  return { recoveryMs: await recoveryOf(clock) };
};

/** The daemon kills itself where `LOOMKIN_FAULT` says; the rig's environment holds it. */
export const runFaultCell = async (input: CellInput): Promise<CellReport> => {
  const { rig, folder } = input;
  const faultsLog = join(rig.home, 'faults.log');
  const command = rig.prompt(`work in ${folder}.`);
  const clock = await whenFired(faultsLog, command).then(() => timeRecovery(rig));
  const end = await command.end;
  clock.stop();
  expect(existsSync(faultsLog)).toBe(true);
  prove(input, end);
  return { recoveryMs: await recoveryOf(clock) };
};

/** Resolves when a fault has fired, or with the command's end when none does. */
const whenFired = async (faultsLog: string, command: Command): Promise<void> => {
  let hasEnded = false;
  void command.end.then(() => (hasEnded = true));
  while (!existsSync(faultsLog) && !hasEnded) await sleep(2);
};
