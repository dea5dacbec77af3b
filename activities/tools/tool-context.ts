/**
 * Builds what a tool may reach: its project, its limits, the tools' environment, nothing else. What must
 * stay true: no key is in it, and of our own folders it names only what a tool has to read or to spare.
 */
import { dirname, join } from 'node:path';

import {
  agentNameOf,
  effectKeyOf,
  sessionIdOf,
  toolCallIdOf,
} from '../../workflows/protocol/ids.js';
import type { RunToolRequest } from '../../workflows/protocol/turn.js';
import type { SessionFacts } from '../sessions.js';
import type { Store } from '../stores/store.js';
import type { BaseTrees } from './base-trees.js';
import type { ToolContext } from './tool.js';

export interface ToolContextDeps {
  readonly store: Store;
  /** Folder for outputs too long to show; one below it per session. */
  readonly scratchDir: string;
  /** Folder of commands' outputs, in our data folder. */
  readonly shellsDir: string;
  readonly baseTrees: BaseTrees;
}

export const makeToolContext = (
  deps: ToolContextDeps,
  facts: SessionFacts,
  request: RunToolRequest,
  signal: AbortSignal,
): ToolContext => {
  const { sessionId, agent, turn, call } = request;
  const callId = toolCallIdOf(agentNameOf(agent), turn, call.index);
  const { limits, toolEnv, umask, coAuthor } = facts.secrets;
  return {
    sessionId,
    agent,
    callId,
    effectKey: effectKeyOf(sessionIdOf(sessionId), callId),
    project: facts.project,
    baseCommit: facts.baseCommit,
    umask,
    env: toolEnv,
    limits: {
      outputBytesMax: limits.toolOutputBytes,
      fileBytesMax: limits.fileBytesMax,
      shellTimeoutMs: limits.shellTimeoutMs,
      shellConcurrency: limits.shellConcurrency,
    },
    coAuthor,
    scratch: join(deps.scratchDir, sessionId),
    shells: deps.shellsDir,
    home: dirname(deps.shellsDir),
    baseTree: () => deps.baseTrees.of(facts),
    signal,
    changedPaths: async () => {
      const changes = await deps.store.call('changesSince', { sessionId, agent, fromTurn: 0 });
      return changes.paths;
    },
  };
};
