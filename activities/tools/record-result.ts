/**
 * Stores the one result of a call, cut to what a model should read, with a handle to the rest.
 *
 * What must stay true: the row's key is the call's place in the transcript, so that recording twice
 * is one row, and the hash is of what the model sees.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { RunToolRequest, RunToolResult } from '../../workflows/protocol/turn.js';
import { toolCallIdOf } from '../../workflows/protocol/ids.js';
import { hashResult } from '../arguments-hash.js';
import { headOfText, tailOfText } from '../cut-text.js';
import type { SessionFacts } from '../sessions.js';
import type { Store } from '../stores/store.js';
import { RESULT_INDEX, type EffectNote } from '../stores/transcript-store.js';

export interface CallResult {
  readonly text: string;
  readonly isError: boolean;
  readonly effect: EffectNote | null;
  readonly interrupted: boolean;
  readonly denied: boolean;
}

interface RecordDeps {
  readonly store: Store;
  readonly scratchDir: string;
  now(): Date;
}

/** The whole text goes to the session's scratch folder, which `read` may open. */
const cutText = async (
  deps: RecordDeps,
  request: RunToolRequest,
  text: string,
  bytesMax: number,
): Promise<string> => {
  const size = Buffer.byteLength(text);
  // Tools that cut by themselves add a line about the rest, hence the tenth on top.
  if (size <= bytesMax * 1.1) return text;
  const folder = join(deps.scratchDir, request.sessionId);
  const callId = toolCallIdOf(request.agent, request.turn, request.call.index);
  const path = join(folder, `${callId}.txt`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(path, text, { mode: 0o600 });
  const half = Math.floor(bytesMax / 2);
  const bytes = Buffer.from(text);
  return `${headOfText(bytes, half)}\n[… ${size - 2 * half} bytes left out; all of it: read ${path} …]\n${tailOfText(bytes, half)}`;
};

export const recordResult = async (
  deps: RecordDeps,
  request: RunToolRequest,
  facts: SessionFacts,
  result: CallResult,
): Promise<RunToolResult> => {
  const { sessionId, agent, turn, call } = request;
  const text = await cutText(deps, request, result.text, facts.secrets.limits.toolOutputBytes);
  const { isError, interrupted, denied } = result;
  const resultHash = hashResult(text, isError);
  const callId = toolCallIdOf(agent, turn, call.index);
  await deps.store.call('appendResult', {
    sessionId,
    agent,
    row: {
      turn,
      index: RESULT_INDEX + call.index,
      at: deps.now().toISOString(),
      body: {
        kind: 'result',
        callId,
        tool: call.name,
        text,
        isError,
        resultHash,
        interrupted,
        denied,
      },
    },
    effect: result.effect,
  });
  return { index: call.index, isError, resultHash, interrupted };
};
