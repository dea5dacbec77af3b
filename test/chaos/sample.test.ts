/**
 * A sample of the kill matrix, small enough for every test run; `npm run chaos` runs all of it.
 */
import { FAULT_CELLS, KILL_CELLS, runInOwnHome, withKillCells } from './axes.js';

const KILLS = [
  'daemon edit',
  'server append',
  'both long command',
  'supervisor write',
  'everything commit',
  'daemon read',
];
const POINTS = ['effect.after-act edit', 'effect.after-claim commit', 'model.after-store edit'];

test.each(KILLS)('exactly once and by itself: kill -9 of %s', (name) => {
  const cells = KILL_CELLS.filter(({ kill, effect }) => `${kill} ${effect.name}` === name);
  expect(cells).toHaveLength(1);
  return withKillCells(cells, async (run) => {
    for (const cell of cells) await run(cell);
  });
});

test.each(POINTS)('exactly once and by itself: kill point %s', async (name) => {
  const cells = FAULT_CELLS.filter(({ point, effect }) => `${point} ${effect.name}` === name);
  expect(cells).toHaveLength(1);
  for (const cell of cells) await runInOwnHome(cell);
});
