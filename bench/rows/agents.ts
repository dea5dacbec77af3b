/**
 * How soon an agent that was started answers, and how soon a message is where nothing can lose it.
 *
 * What must stay true: calls follow one another, so that none waits behind another of ours.
 */
import { spreadOf, type Row } from '../figures.js';
import { sendMessage, startSession, stopSession, untilEnded } from '../daemon-calls.js';
import { openTemporal } from '../temporal.js';
import { LIMITS, type Bench } from './section.js';

/** Longer than all messages take. */
const BUSY_MS = 60_000;
const STOP_MS = 30_000;

export const measureSpawn = async ({ installation, quick }: Bench): Promise<readonly Row[]> => {
  const temporal = await openTemporal(installation);
  const samples: number[] = [];
  try {
    // The first call opens the connection.
    await temporal.spawnAgent();
    for (let n = 0; n < (quick ? 20 : 60); n += 1) samples.push(await temporal.spawnAgent());
  } finally {
    await temporal.close();
  }
  return [
    {
      id: 'agent-spawn',
      what: 'agent started → answers a query',
      unit: 'ms',
      measured: spreadOf(samples),
      floor: null,
      limits: LIMITS.spawnToQuery,
      note: 'signal with start, then query, by a client of the Temporal server',
    },
  ];
};

export const measureMessages = async (bench: Bench): Promise<readonly Row[]> => {
  const { installation, model, quick } = bench;
  await model.play({ replies: [{ text: 'done', delayMs: BUSY_MS }] });
  const sessionId = await startSession(installation, 'be busy');
  await model.request(1);
  const samples: number[] = [];
  for (let n = 0; n < (quick ? 20 : 60); n += 1) {
    const startedMs = performance.now();
    await sendMessage(installation, sessionId, `message ${n}`);
    samples.push(performance.now() - startedMs);
  }
  await stopSession(installation, sessionId);
  await untilEnded(installation, [sessionId], STOP_MS);
  return [
    {
      id: 'message',
      what: 'message to a busy agent → acknowledged, in its durable inbox',
      unit: 'ms',
      measured: spreadOf(samples),
      floor: null,
      limits: LIMITS.message,
      note: 'over HTTP on a kept connection; body synced, signal acknowledged',
    },
  ];
};
