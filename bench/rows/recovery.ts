/**
 * kill -9 in the middle of a model call, then nothing: how long until the work goes on by itself.
 *
 * A dead daemon's call is asked for again. Under a dead server the answer comes in while it is away, so
 * that its completion and the tool after it have to wait. What must stay true: the clock runs from the
 * kill to the next request at the model server, which is later than the next activity.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { spreadOf, type Row } from '../figures.js';
import { closeConnections, startSession, untilEnded } from '../daemon-calls.js';
import { partsOf } from '../processes.js';
import { readingReplies } from '../model-server.js';
import { LIMITS, type Bench } from './section.js';

const KILL_AFTER_MS = 200;
const WAIT_MS = 60_000;
/** After five deaths within a minute the supervisor pauses; a new one has seen none. */
const KILLS_PER_SUPERVISOR = 4;

type Victim = 'daemon' | 'temporal';
/** How long the model thinks: past the daemon's death, or just past the server's. */
const THINKING_MS = { daemon: 700, temporal: 300 } as const satisfies Record<Victim, number>;

const recoverOnce = async ({ installation, model }: Bench, victim: Victim): Promise<number> => {
  await model.play({ replies: readingReplies(2), latencyMs: THINKING_MS[victim] });
  const sessionId = await startSession(installation, `survive the death of ${victim}`);
  await model.request(1);
  await sleep(KILL_AFTER_MS);
  const killedAtMs = performance.timeOrigin + performance.now();
  process.kill(partsOf(installation.runtime())[victim], 'SIGKILL');
  const { receivedAtMs } = await model.request(2);
  const [outcome] = await untilEnded(installation, [sessionId], WAIT_MS);
  if (outcome !== 'done') throw new Error(`after the kill of ${victim} it ended as ${outcome}`);
  closeConnections();
  return receivedAtMs - killedAtMs;
};

const measureVictim = async (bench: Bench, victim: Victim, count: number): Promise<Row> => {
  const samples: number[] = [];
  for (let n = 0; n < count; n += 1) {
    if (n > 0 && n % KILLS_PER_SUPERVISOR === 0) {
      await bench.installation.loomkin('down');
      await bench.installation.loomkin('up');
    }
    samples.push(await recoverOnce(bench, victim));
  }
  return {
    id: `recovery-${victim}`,
    what: `kill -9 of the ${victim === 'daemon' ? 'daemon' : 'Temporal server'} in a model call → next model request`,
    unit: 'ms',
    measured: spreadOf(samples),
    floor: null,
    limits: LIMITS.recovery,
    note:
      victim === 'daemon'
        ? 'the call is made again'
        : `the answer came ${THINKING_MS.temporal - KILL_AFTER_MS} ms after the kill; a tool runs before the next request`,
  };
};

export const measureRecovery = async (bench: Bench): Promise<readonly Row[]> => {
  const count = bench.quick ? 1 : 12;
  const daemon = await measureVictim(bench, 'daemon', count);
  return [daemon, await measureVictim(bench, 'temporal', count)];
};
