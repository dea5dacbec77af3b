/**
 * The kill matrix's axes and how one cell of it is set up: used whole by `npm run chaos`, in part by
 * the sample in `npm test`.
 */
import type { FaultPoint } from '../../activities/effects/faults.js';
import type { ChatScript } from '../support/chat-server.js';
import { withRig, type Rig } from '../support/rig.js';
import { KILLS, runFaultCell, runKillCell, type CellReport, type Kill } from './cell.js';
import { EFFECTS, repliesOf, type ChaosEffect } from './effects.js';

export interface KillCell {
  readonly effect: ChaosEffect;
  readonly kill: Kill;
  readonly folder: string;
}

export interface FaultCell {
  readonly effect: ChaosEffect;
  readonly point: FaultPoint;
}

const folderOf = (...parts: readonly string[]): string => parts.join('-').replace(/[^a-z-]/g, '-');

export const KILL_CELLS: readonly KillCell[] = KILLS.flatMap((kill) =>
  EFFECTS.map((effect) => ({ effect, kill, folder: folderOf(kill, effect.name) })),
);

const EFFECT_POINTS: readonly FaultPoint[] = [
  'effect.before-claim',
  'effect.after-claim',
  'effect.after-act',
  'effect.after-outcome',
];
const PROCESS_POINTS: readonly FaultPoint[] = ['shell.running'];
/** Points of the turn, whatever its effect: one effect stands for all. */
const TURN_POINTS: readonly FaultPoint[] = [
  'model.before-request',
  'model.in-stream',
  'model.after-store',
  'turn.end',
];

const pointsOf = ({ name, tool }: ChaosEffect): readonly FaultPoint[] => [
  ...(tool === 'read' ? [] : EFFECT_POINTS),
  ...(tool === 'shell' || tool === 'git' ? PROCESS_POINTS : []),
  ...(name === 'edit' ? TURN_POINTS : []),
];

export const FAULT_CELLS: readonly FaultCell[] = EFFECTS.flatMap((effect) =>
  pointsOf(effect).map((point) => ({ effect, point })),
);

export const faultSpec = ({ effect, point }: FaultCell): string => {
  const isOfTool = point.startsWith('effect.') || point === 'shell.running';
  // The second time: the turn with the effect.
  return isOfTool ? `${point}:${effect.tool}=kill` : `${point}#2=kill`;
};

/** An answer that was asked for and not stored at the kill is asked for again; no other is. */
const againAt = (point: FaultPoint): number => (point === 'model.in-stream' ? 1 : 0);

const filesOf = (effect: ChaosEffect, folder: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ ...effect.files, 'made.txt': 'made\n' }).map(([file, text]) => [
      `${folder}/${file}`,
      text,
    ]),
  );

const scriptOf = (cells: readonly Pick<KillCell, 'effect' | 'folder'>[]): ChatScript => ({
  replies: [],
  conversations: cells.map(({ effect, folder }) => ({
    match: `work in ${folder}.`,
    replies: repliesOf(effect, folder),
  })),
});

/** One home for all cells, so that a cell costs no cold start. */
export const withKillCells = (
  cells: readonly KillCell[],
  body: (run: (cell: KillCell) => Promise<CellReport>, rig: Rig) => Promise<void>,
): Promise<void> => {
  const files = Object.assign({}, ...cells.map(({ effect, folder }) => filesOf(effect, folder)));
  return withRig({ script: scriptOf(cells), files }, (rig) =>
    body(({ effect, kill, folder }) => {
      touchUncommitted(rig, effect, folder);
      return runKillCell({ rig, effect, folder, again: 1 }, kill);
    }, rig),
  );
};

export const runInOwnHome = async (cell: FaultCell): Promise<CellReport> => {
  const { effect, point } = cell;
  const folder = folderOf(point, effect.name);
  let report: CellReport = { recoveryMs: null };
  const script = scriptOf([{ effect, folder }]);
  const env = { LOOMKIN_FAULT: faultSpec(cell) };
  await withRig({ script, env, files: filesOf(effect, folder) }, async (rig) => {
    touchUncommitted(rig, effect, folder);
    report = await runFaultCell({ rig, effect, folder, again: againAt(point) });
  });
  return report;
};

/** Something for the commit to take. */
const touchUncommitted = (rig: Rig, effect: ChaosEffect, folder: string): void => {
  if (effect.tool === 'git') rig.writeFile(`${folder}/made.txt`, 'made, and changed\n');
};
