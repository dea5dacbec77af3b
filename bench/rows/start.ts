/**
 * From the command that is typed to the first request that a model server receives, warm and cold.
 *
 * Product and floor take turns, so that both see the same machine. What must stay true: the clock
 * starts before the process is spawned and stops at the model server.
 */
import { spreadOf, type Row } from '../figures.js';
import type { CommandEnd } from '../installation.js';
import { LIMITS, type Bench } from './section.js';

const untilRequest = async (
  { model }: Bench,
  command: () => Promise<CommandEnd>,
): Promise<number> => {
  await model.play({ replies: [{ text: 'done' }] });
  const { spawnedAtMs } = await command();
  const { receivedAtMs } = await model.request(1);
  return receivedAtMs - spawnedAtMs;
};

export const measureCold = async (bench: Bench): Promise<readonly Row[]> => {
  const { installation, quick } = bench;
  const product: number[] = [];
  // The first start of all makes databases and is not what a user meets every morning.
  await installation.loomkin('up');
  for (let n = 0; n < (quick ? 1 : 5); n += 1) {
    await installation.loomkin('down');
    product.push(await untilRequest(bench, () => installation.loomkin('-p', 'begin')));
  }
  return [
    {
      id: 'cold-start',
      what: 'nothing running: `loomkin -p` → first model request',
      unit: 'ms',
      measured: spreadOf(product),
      floor: null,
      limits: LIMITS.cold,
      note: 'after `loomkin down`; files are in the page cache',
    },
  ];
};

export const measureWarm = async (bench: Bench): Promise<readonly Row[]> => {
  const { installation, quick } = bench;
  const [product, floor]: [number[], number[]] = [[], []];
  for (let n = 0; n < (quick ? 3 : 15); n += 1) {
    product.push(await untilRequest(bench, () => installation.loomkin('-p', 'begin')));
    floor.push(await untilRequest(bench, () => installation.floor('begin')));
  }
  return [
    {
      id: 'warm-start',
      what: 'daemon running: `loomkin -p` → first model request',
      unit: 'ms',
      measured: spreadOf(product),
      floor: spreadOf(floor),
      limits: LIMITS.warm,
      note: 'through the launcher',
    },
  ];
};
