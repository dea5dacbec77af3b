/**
 * A daemon that is stopped past its heartbeat timeout while another one takes its place, and then wakes
 * up: the zombie of the kill matrix. Run by `npm run chaos`.
 *
 * The supervisor is stopped as well, so that nobody kills the sleeper; the second daemon is started by
 * hand and takes the fence. What must stay true: what the sleeper had in hand happens once.
 */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { startTimeOf } from '../../config/runtime-file.js';
import { freePort } from '../support/temporal.js';
import type { Rig } from '../support/rig.js';
import { KILL_CELLS, withKillCells } from './axes.js';
import { prove } from './cell.js';

const DAEMON = fileURLToPath(new URL('../../dist/current/daemon.js', import.meta.url));
/** Past the heartbeat timeout of 30 s. */
const ASLEEP_MS = 32_000;
const CELL_MS_MAX = 180_000;

/** A daemon beside the one of the supervisor, on another port. */
const startSecond = async (rig: Rig): Promise<number> => {
  const { temporal } = rig.runtime();
  const args = [
    ...['--port', String(await freePort())],
    ...['--temporal', temporal?.address ?? '', '--ui-port', String(temporal?.ui_port)],
  ];
  const log = openSync(join(rig.home, 'logs', 'second.log'), 'a');
  const child = spawn(process.execPath, [DAEMON, ...args], {
    env: { ...rig.env },
    stdio: ['ignore', log, log],
  });
  return child.pid ?? 0;
};

const untilGone = async (pid: number): Promise<void> => {
  while (startTimeOf(pid) !== null) await sleep(20);
};

test.each(KILL_CELLS.filter(({ kill }) => kill === 'daemon'))(
  'stopped past the heartbeat, woken beside its successor: $effect.name',
  async (cell) => {
    await withKillCells([cell], async (_run, rig) => {
      const { effect, folder } = cell;
      if (effect.tool === 'git') rig.writeFile(`${folder}/made.txt`, 'made, and changed\n');
      const command = rig.prompt(`work in ${folder}.`);
      await command.until((line) => line.type === 'assistant' && line['uuid'] !== undefined);
      const { supervisor, daemon } = rig.runtime();
      const sleeper = daemon?.pid ?? 0;
      process.kill(supervisor.pid, 'SIGSTOP');
      process.kill(sleeper, 'SIGSTOP');
      const second = await startSecond(rig);
      await sleep(ASLEEP_MS);
      process.kill(sleeper, 'SIGCONT');
      await untilGone(sleeper);
      process.kill(supervisor.pid, 'SIGCONT');
      // The supervisor starts a daemon of its own again, and that one fences the second out.
      const end = await command.end;
      prove({ rig, effect, folder, again: 2 }, end);
      await untilGone(second);
    });
  },
  CELL_MS_MAX,
);
