/**
 * The one composition root: binds the ports of activities and gateway to files, store and Temporal.
 *
 * What must stay true: nothing outside `workers/` builds these things, so that a test can bind others.
 */
import { ApplicationFailure } from '@temporalio/common';

import { openFaults } from '../activities/effects/fault-points.js';
import { makeProcessEffects } from '../activities/effects/process-effect.js';
import type { ActivityDeps } from '../activities/index.js';
import type { PublishDelta, ReadSession, TurnSignals } from '../activities/sessions.js';
import { makePatient } from '../activities/stores/patient-store.js';
import type { Store } from '../activities/stores/store.js';
import { contextBlock } from '../activities/models/context-block.js';
import { describeRepository } from '../activities/tools/git/describe-repository.js';
import { TOOLS } from '../activities/tools/registry.js';
import { makeBaseTrees } from '../activities/tools/base-trees.js';
import { DEFAULT_LIMITS } from '../config/defaults.js';
import type { HomePaths } from '../config/paths.js';
import { readSecrets } from '../config/secrets.js';
import type { FailureType } from '../workflows/protocol/failures.js';

export interface DaemonPlaces {
  readonly paths: HomePaths;
  /** Folder of the wrapper scripts. */
  readonly scriptsDir: string;
  /** Folders of scripts of the scripted model, first one first. */
  readonly modelScriptDirs: readonly string[];
}

const readSessionFrom =
  (store: Store, secretsDir: string): ReadSession =>
  async (sessionId) => {
    const [row, secrets] = await Promise.all([
      store.call('getSession', { id: sessionId }),
      readSecrets(secretsDir, sessionId),
    ]);
    if (!row || !secrets)
      throw ApplicationFailure.nonRetryable(
        `session ${sessionId}: ${row ? 'its secrets' : 'its row in the store'} can't be read; send the prompt again from a shell with the keys set`,
        'SessionDamaged' satisfies FailureType,
      );
    const { project, model, baseCommit } = row;
    return { sessionId, project, model, baseCommit, secrets };
  };

export const bindActivities = (
  store: Store,
  places: DaemonPlaces,
  turnSignals: TurnSignals,
  publishDelta: PublishDelta,
): ActivityDeps => {
  const { paths } = places;
  const now = (): Date => new Date();
  return {
    store: makePatient(store),
    readSession: readSessionFrom(store, paths.secrets),
    reachFault: openFaults({ spec: process.env['LOOMKIN_FAULT'], logFile: paths.faultsLog }),
    turnSignals,
    publishDelta,
    tools: TOOLS,
    processes: makeProcessEffects({
      shellsDir: paths.shells,
      scriptsDir: places.scriptsDir,
      concurrency: DEFAULT_LIMITS.shellConcurrency,
    }),
    scratchDir: paths.scratch,
    shellsDir: paths.shells,
    baseTrees: makeBaseTrees(),
    scriptsDir: places.modelScriptDirs,
    now,
    contextBlock: (session) =>
      contextBlock(session, { now: now(), describeGit: describeRepository }),
  };
};
