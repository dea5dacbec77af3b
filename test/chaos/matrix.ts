/**
 * The whole kill matrix: every kill and every kill point, for every effect. Run by `npm run chaos`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { withRig } from '../support/rig.js';
import type { CellReport } from './cell.js';
import { FAULT_CELLS, KILL_CELLS, runInOwnHome, withKillCells, type KillCell } from './axes.js';
import { needsCommand } from './cell.js';
import { printTable, type TableRow } from './table.js';

const CELL_MS_MAX = 120_000;
const RECOVERY_MS_MAX = 6_000;

const rowOf = async (cell: string, run: () => Promise<CellReport>): Promise<TableRow> => {
  try {
    return { cell, outcome: 'once', recoveryMs: (await run()).recoveryMs };
  } catch (error) {
    process.stdout.write(`${cell}: ${(error as Error).message}\n`);
    return { cell, outcome: 'FAILED', recoveryMs: null };
  }
};

const expectAllRight = (rows: readonly TableRow[]): void => {
  expect(rows.filter(({ outcome }) => outcome !== 'once')).toEqual([]);
  expect(rows.filter(({ recoveryMs }) => (recoveryMs ?? 0) > RECOVERY_MS_MAX)).toEqual([]);
};

const nameOf = ({ kill, effect }: KillCell): string => `kill -9 of ${kill} during ${effect.name}`;

test(
  'every kill, every effect',
  async () => {
    const rows: (TableRow & { readonly cellOf: KillCell })[] = [];
    await withKillCells(KILL_CELLS, async (run) => {
      for (const cell of KILL_CELLS)
        rows.push({ ...(await rowOf(nameOf(cell), () => run(cell))), cellOf: cell });
    });
    const alone = rows.filter(({ cellOf }) => !needsCommand(cellOf.kill));
    printTable('killed, supervisor or its successor alive', alone);
    printTable(
      'everything killed, after the next command',
      rows.filter((row) => !alone.includes(row)),
    );
    expectAllRight(rows);
  },
  KILL_CELLS.length * CELL_MS_MAX,
);

test(
  'every kill point',
  async () => {
    const rows: TableRow[] = [];
    for (const cell of FAULT_CELLS) {
      const name = `kill point ${cell.point}, ${cell.effect.name}`;
      rows.push(await rowOf(name, () => runInOwnHome(cell)));
    }
    printTable('kill points', rows);
    expectAllRight(rows);
  },
  FAULT_CELLS.length * CELL_MS_MAX,
);

/** Enough turns that the agent's history is handed over to a fresh run, and the kill comes then. */
test(
  'the kill at continue-as-new',
  async () => {
    const turns = 110;
    const replies = Array.from({ length: turns }, (_, turn) => ({
      calls: [{ name: 'read', arguments: { path: 'README.md', offset: 1, limit: turn + 1 } }],
    }));
    const script = { replies: [...replies, { text: 'handed over' }] };
    await withRig({ script, env: { LOOMKIN_FAULT: 'can.before=kill' } }, async (rig) => {
      const end = await rig.prompt('read a lot.').end;
      expect(existsSync(join(rig.home, 'faults.log'))).toBe(true);
      const results = end.lines.filter(({ type }) => type === 'result');
      expect(results).toHaveLength(1);
      expect(results[0]).toMatchObject({
        exit_code: 0,
        result: 'handed over',
        num_turns: turns + 1,
      });
      expect(rig.chat.records).toHaveLength(turns + 1);
    });
  },
  CELL_MS_MAX,
);
