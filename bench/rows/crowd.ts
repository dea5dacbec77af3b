/**
 * Many sessions started at the same moment in one home: all must end right, and memory and event loop
 * must bear it.
 *
 * What must stay true: while they work they are only watched from outside.
 */
import type { ChatRecord } from '../../test/support/chat-server.js';
import { spreadOf, type Row } from '../figures.js';
import { loopDelayMs, startSession, untilEnded } from '../daemon-calls.js';
import { gapsMs, readingReplies } from '../model-server.js';
import { inWords, memoryMb, total, type PerPart } from '../processes.js';
import { LIMITS, type Bench } from './section.js';

/** Three turns with a tool each, and the answer that ends it. */
const TURNS = 4;
const LATENCY_MS = 1_000;
const WAIT_MS = 120_000;
const MEMORY_LOOK_MS = 1_000;

/** Keeps the greatest use of memory it has seen. */
const watchMemory = ({ installation }: Bench) => {
  let lookedMs = 0;
  let most: PerPart = { supervisor: 0, daemon: 0, temporal: 0 };
  let rss = 0;
  return {
    look: (): void => {
      if (performance.now() - lookedMs < MEMORY_LOOK_MS) return;
      lookedMs = performance.now();
      const runtime = installation.runtime();
      const pss = memoryMb(runtime, 'Pss');
      if (total(pss) > total(most)) most = pss;
      rss = Math.max(rss, total(memoryMb(runtime, 'Rss')));
    },
    most: () => most,
    rss: () => rss,
  };
};

const overheads = async ({ model }: Bench): Promise<readonly number[]> => {
  const bySession = new Map<string, ChatRecord[]>();
  for (const record of await model.records()) {
    const [session = ''] = record.idempotencyKey.split('/');
    bySession.set(session, [...(bySession.get(session) ?? []), record]);
  }
  return [...bySession.values()].flatMap(gapsMs);
};

const runCrowd = async (bench: Bench, size: number) => {
  const { installation, model } = bench;
  await model.play({ replies: readingReplies(TURNS), latencyMs: LATENCY_MS });
  const memory = watchMemory(bench);
  await loopDelayMs(installation);
  const startedMs = performance.now();
  const sessions = await Promise.all(
    Array.from({ length: size }, (_, n) => startSession(installation, `session ${n}`)),
  );
  const outcomes = await untilEnded(installation, sessions, WAIT_MS, memory.look);
  const wallMs = performance.now() - startedMs;
  const delay = await loopDelayMs(installation);
  const requests = (await model.records()).length;
  return { outcomes, wallMs, delay, requests, memory, gaps: await overheads(bench) };
};

export const measureCrowd = async (bench: Bench): Promise<readonly Row[]> => {
  const size = bench.quick ? 20 : 100;
  const { outcomes, wallMs, delay, requests, memory, gaps } = await runCrowd(bench, size);
  const lost = size - outcomes.filter((outcome) => outcome === 'done').length;
  const { p50 = Number.NaN, p99 = Number.NaN, max = Number.NaN } = delay ?? {};
  const common = { floor: null, measured: spreadOf([lost]) };
  return [
    {
      ...common,
      id: 'crowd-lost',
      what: `${size} sessions at once: how many did not end right`,
      unit: `of ${size}`,
      limits: LIMITS.crowdLost,
      note: `${requests} model requests for ${size * TURNS} turns`,
    },
    {
      ...common,
      id: 'crowd-wall',
      what: `${size} sessions at once: until the last has ended`,
      unit: 'ms',
      measured: spreadOf([wallMs]),
      limits: [],
      note: `${TURNS} turns of a model that takes ${LATENCY_MS} ms; a turn's overhead here: median ${spreadOf(gaps).median.toFixed(0)} ms, p95 ${spreadOf(gaps).p95.toFixed(0)} ms`,
    },
    {
      ...common,
      id: 'crowd-memory',
      what: `memory with ${size} agents mid-work, all processes`,
      unit: 'MB',
      measured: spreadOf([total(memory.most())]),
      limits: LIMITS.crowdMemory,
      note: `PSS: ${inWords(memory.most(), 'MB')}; sum of RSS ${memory.rss().toFixed(0)} MB`,
    },
    {
      ...common,
      id: 'loop-delay',
      what: `event-loop delay of the daemon with ${size} agents, p99`,
      unit: 'ms',
      measured: spreadOf([p99]),
      limits: LIMITS.loopDelay,
      note: `p50 ${p50} ms, longest ${max} ms`,
    },
  ];
};
