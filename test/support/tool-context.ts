/** What a tool gets to know in a test: the defaults of a session, and a call id by number. */
import type { ToolContext } from '../../activities/tools/tool.js';
import {
  agentNameOf,
  effectKeyOf,
  sessionIdOf,
  toolCallIdOf,
} from '../../workflows/protocol/ids.js';

const SESSION = sessionIdOf('11111111-2222-4333-8444-555555555555');

export const contextFor = (project: string, scratch: string, call: number): ToolContext => {
  const callId = toolCallIdOf(agentNameOf('lead'), call, 0);
  return {
    sessionId: SESSION,
    agent: 'lead',
    callId,
    effectKey: effectKeyOf(SESSION, callId),
    project,
    baseCommit: null,
    umask: 0o022,
    env: {},
    limits: { outputBytesMax: 32_768, fileBytesMax: 10_485_760, shellTimeoutMs: 1000 },
    coAuthor: '',
    scratch,
    signal: new AbortController().signal,
    changedPaths: () => Promise.resolve([]),
  };
};
