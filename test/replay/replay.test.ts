/**
 * Histories of sessions that older builds began still replay, and a careless change does not.
 *
 * A workflow change that needs a `patched` guard and has none fails here before it wedges somebody's
 * running session.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { bundleWorkflowCode, Worker } from '@temporalio/worker';

import { silenceTemporal, workflowBundle } from '../support/temporal.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = fileURLToPath(new URL('./histories', import.meta.url));
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const historyOf = (name: string): unknown => JSON.parse(readFileSync(join(FOLDER, name), 'utf8'));

/** Bundles a copy of the workflows in which one piece of text was changed. */
const bundleWith = async (file: string, from: string, to: string): Promise<{ code: string }> => {
  // Inside the checkout, since packages are looked up from there; the bundler skips node_modules.
  mkdirSync(join(ROOT, '.tmp'), { recursive: true });
  const copy = mkdtempSync(join(ROOT, '.tmp', 'changed-workflows-'));
  try {
    cpSync(join(ROOT, 'workflows'), copy, { recursive: true });
    const source = readFileSync(join(copy, file), 'utf8');
    expect(source).toContain(from);
    writeFileSync(join(copy, file), source.replace(from, to));
    const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
    return await bundleWorkflowCode({ workflowsPath: join(copy, 'index.ts'), logger: quiet });
  } finally {
    rmSync(copy, { recursive: true });
  }
};

beforeAll(silenceTemporal);

describe('recorded histories', () => {
  test('there are some of each kind', () => {
    expect(names.length).toBeGreaterThanOrEqual(6);
  });

  test.each(names)('%s replays from JSON', async (name) => {
    const workflowBundleCode = await workflowBundle();
    await Worker.runReplayHistory({ workflowBundle: workflowBundleCode }, historyOf(name));
  });

  test('a workflow change without a patched guard fails', async () => {
    const changed = await bundleWith(
      'agent/agent.ts',
      'await recordActivities.recordOutcome.',
      'await recordActivities.cancelApproval({} as never); await recordActivities.recordOutcome.',
    );
    const replayed = Worker.runReplayHistory(
      { workflowBundle: changed },
      historyOf('v1-prompts-and-tools.json'),
    );
    await expect(replayed).rejects.toMatchObject({ name: 'DeterminismViolationError' });
  });

  test('a patched guard that is taken away fails', async () => {
    const changed = await bundleWith('agent/gate.ts', 'patched(ASKED_WHOLE) ?', 'true ?');
    const replay = (name: string): Promise<void> =>
      Worker.runReplayHistory({ workflowBundle: changed }, historyOf(name));
    await replay('v1-question.json');
    await expect(replay('v2-questions-cut.json')).rejects.toMatchObject({
      name: 'DeterminismViolationError',
    });
  });
});
