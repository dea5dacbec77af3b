/**
 * `npm run bench [-- --quick] [-- --json FILE]`: measures the built product against a bare loop.
 *
 * A missed budget is a figure like any other; the exit code tells only whether the benchmark itself
 * worked. What must stay true: it runs in an installation of its own and leaves nothing behind, also
 * when it breaks or is interrupted.
 */
import { readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

import type { Row } from './figures.js';
import { closeConnections } from './daemon-calls.js';
import { openInstallation } from './installation.js';
import { startModelServer } from './model-server.js';
import { describeMachine, documentOf, loadNow, tableOf, type Report } from './report.js';
import { measureMessages, measureSpawn } from './rows/agents.js';
import { measureCrowd } from './rows/crowd.js';
import { measureRecovery } from './rows/recovery.js';
import { measureRest } from './rows/rest.js';
import type { Bench } from './rows/section.js';
import { measureSizes } from './rows/sizes.js';
import { measureCold, measureWarm } from './rows/start.js';
import { measureTurns } from './rows/turns.js';

/** In this order: rest is measured on a daemon that has done little, the crowd on one that has worked. */
const SECTIONS: Readonly<Record<string, (bench: Bench) => Promise<readonly Row[]>>> = {
  cold: measureCold,
  rest: measureRest,
  warm: measureWarm,
  turns: measureTurns,
  sizes: measureSizes,
  spawn: measureSpawn,
  messages: measureMessages,
  crowd: measureCrowd,
  recovery: measureRecovery,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    only: { type: 'string' },
  },
});

const sections = Object.entries(SECTIONS).filter(
  ([name]) => values.only === undefined || values.only.split(',').includes(name),
);
if (sections.length === 0)
  throw new Error(`--only names no section; there are ${Object.keys(SECTIONS).join(', ')}`);

const root = dirname(dirname(process.argv[1] ?? ''));
const build = readlinkSync(join(root, 'dist', 'current'));

const measureAll = async (bench: Bench): Promise<Report> => {
  const before = loadNow();
  await bench.installation.loomkin('up');
  const temporal = bench.installation.runtime().temporal?.version ?? 'unknown';
  // The first prompt after an installation pays for what no later one does.
  await bench.installation.loomkin('-p', 'begin');
  const rows: Row[] = [];
  for (const [name, measure] of sections) {
    const startedMs = performance.now();
    rows.push(...(await measure(bench)));
    console.error(`bench: ${name} ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  }
  const load = { before, after: loadNow() };
  const at = new Date().toISOString();
  return { quick: values.quick, build, temporal, at, machine: describeMachine(), load, rows };
};

const print = (report: Report): void => {
  const { machine, load, temporal } = report;
  console.log(tableOf(report.rows));
  console.log(
    `\n${machine.cores} cores (${machine.processor}), ${machine.memory_gb} GB, ${machine.kernel}, ` +
      `Node ${machine.node}, Temporal ${temporal}, build ${build}; load ${load.before} before, ${load.after} after`,
  );
  if (values.json !== undefined) writeFileSync(values.json, documentOf(report));
  if (readlinkSync(join(root, 'dist', 'current')) !== build)
    throw new Error('the checkout was built anew in the middle of it: run it again');
};

const main = async (): Promise<void> => {
  const model = await startModelServer(root);
  const installation = openInstallation(root, model);
  const close = async (): Promise<void> => {
    closeConnections();
    await installation.close().finally(() => model.close());
  };
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`interrupted by ${signal}`)));
  });
  try {
    const measured = measureAll({ root, installation, model, quick: values.quick });
    print(await Promise.race([measured, interrupted]));
  } finally {
    await close();
  }
};

try {
  await main();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exit(1);
}
