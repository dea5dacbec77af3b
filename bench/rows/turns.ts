/**
 * Sessions of twenty turns with one `read` each: overhead between answer and next request, CPU, growth
 * of the history.
 *
 * The model answers at once, so all that is measured is ours. What must stay true: product and floor
 * read the same files and take turns on the machine.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { spreadOf, type Row } from '../figures.js';
import { gapsMs, readingReplies } from '../model-server.js';
import { cpuMs, cpuMsOfEndedChildren, inWords, minus, total, type PerPart } from '../processes.js';
import { openTemporal } from '../temporal.js';
import { LIMITS, type Bench } from './section.js';

const TURNS = 20;
/** What a session leaves to do after its result: state rows, acknowledgements. */
const SETTLE_MS = 300;
/** Enough for the daemon's code to be compiled, as in any daemon that has worked before. */
const WARM_UP_SESSIONS = 2;

interface SessionCost {
  readonly sessionId: string;
  readonly gaps: readonly number[];
  readonly parts: PerPart;
  readonly commandMs: number;
}

const runProduct = async (bench: Bench, turns: number): Promise<SessionCost> => {
  const { installation, model } = bench;
  await model.play({ replies: readingReplies(turns) });
  const [before, commandsBefore] = [cpuMs(installation.runtime()), cpuMsOfEndedChildren()];
  const end = await installation.loomkin('-p', '--output-format', 'json', 'read all of it');
  const commandMs = cpuMsOfEndedChildren() - commandsBefore;
  await sleep(SETTLE_MS);
  const parts = minus(cpuMs(installation.runtime()), before);
  const { session_id: sessionId } = JSON.parse(end.stdout) as { session_id: string };
  const records = await model.records();
  if (records.length !== turns) throw new Error(`${records.length} requests in ${turns} turns`);
  return { sessionId, gaps: gapsMs(records), parts, commandMs };
};

const runFloor = async ({ installation, model }: Bench) => {
  await model.play({ replies: readingReplies(TURNS) });
  const before = cpuMsOfEndedChildren();
  await installation.floor('read all of it');
  return { gaps: gapsMs(await model.records()), cpuMs: cpuMsOfEndedChildren() - before };
};

const growthRows = async (bench: Bench, long: string): Promise<readonly Row[]> => {
  const short = await runProduct(bench, 1);
  const temporal = await openTemporal(bench.installation);
  try {
    const [many, one] = [await temporal.history(long), await temporal.history(short.sessionId)];
    const perTurn = (of: 'events' | 'bytes'): number => (many[of] - one[of]) / (TURNS - 1);
    const common = { floor: null, note: `a session of ${TURNS} turns less one of a single turn` };
    return [
      {
        ...common,
        id: 'history-events',
        what: 'history growth of a turn with one tool call',
        unit: 'events',
        measured: spreadOf([perTurn('events')]),
        limits: LIMITS.turnEvents,
      },
      {
        ...common,
        id: 'history-bytes',
        what: 'history growth of a turn with one tool call',
        unit: 'bytes',
        measured: spreadOf([perTurn('bytes')]),
        limits: LIMITS.turnBytes,
      },
    ];
  } finally {
    await temporal.close();
  }
};

const median = (costs: readonly SessionCost[], pick: (cost: SessionCost) => number): number =>
  spreadOf(costs.map(pick)).median;

const costInWords = (costs: readonly SessionCost[]): string => {
  const parts: PerPart = {
    supervisor: median(costs, (cost) => cost.parts.supervisor),
    daemon: median(costs, (cost) => cost.parts.daemon),
    temporal: median(costs, (cost) => cost.parts.temporal),
  };
  return `${inWords(parts, 'ms')}, command ${median(costs, (cost) => cost.commandMs)} ms`;
};

export const measureTurns = async (bench: Bench): Promise<readonly Row[]> => {
  const product: SessionCost[] = [];
  const floor: { readonly gaps: readonly number[]; readonly cpuMs: number }[] = [];
  for (let n = 0; n < (bench.quick ? 1 : WARM_UP_SESSIONS); n += 1) await runProduct(bench, TURNS);
  for (let n = 0; n < (bench.quick ? 1 : 5); n += 1) {
    product.push(await runProduct(bench, TURNS));
    floor.push(await runFloor(bench));
  }
  const costOf = ({ parts, commandMs }: SessionCost): number => total(parts) + commandMs;
  return [
    {
      id: 'turn-overhead',
      what: "overhead of a turn with one `read`: an answer's last byte → next request",
      unit: 'ms',
      measured: spreadOf(product.flatMap(({ gaps }) => gaps)),
      floor: spreadOf(floor.flatMap(({ gaps }) => gaps)),
      limits: LIMITS.turnOverhead,
      note: `${product.length} sessions of ${TURNS} turns; everything synced to disk`,
    },
    {
      id: 'session-cpu',
      what: `CPU of a session of ${TURNS} turns, all processes`,
      unit: 'ms',
      measured: spreadOf(product.map(costOf)),
      floor: spreadOf(floor.map((cost) => cost.cpuMs)),
      limits: LIMITS.sessionCpu,
      note: costInWords(product),
    },
    ...(await growthRows(bench, product.at(-1)?.sessionId ?? '')),
  ];
};
