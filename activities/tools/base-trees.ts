/**
 * The tree of each session's start: what a commit without paths compares with.
 *
 * Taken before a session's first effect and kept by a private ref of the repository, so that a restart
 * finds the same one. What must stay true: a project that is no git repository costs one question.
 */
import type { SessionFacts } from '../sessions.js';
import { snapshotTree } from './git/snapshot.js';

export interface BaseTrees {
  /** Idempotent; null where there is no git or the tree could not be taken. */
  of(facts: SessionFacts): Promise<string | null>;
}

/** Sessions whose tree is remembered; the ref is asked again for older ones. */
const KEPT_MAX = 256;

export const makeBaseTrees = (): BaseTrees => {
  const trees = new Map<string, Promise<string | null>>();
  const take = (facts: SessionFacts): Promise<string | null> => {
    const taken = snapshotTree(facts.project, facts.sessionId, facts.secrets.toolEnv);
    taken.catch(() => trees.delete(facts.sessionId));
    trees.set(facts.sessionId, taken);
    for (const oldest of trees.keys()) {
      if (trees.size <= KEPT_MAX) break;
      trees.delete(oldest);
    }
    return taken;
  };
  return { of: (facts) => trees.get(facts.sessionId) ?? take(facts) };
};
