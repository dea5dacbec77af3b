/**
 * Records the histories that `replay.test.ts` replays: `npm run record-histories`.
 *
 * Run it when a `patched` rule is added, and commit the new file beside the old ones: old histories
 * are what protects sessions that are running at an upgrade. Never record over an old file.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ApprovalId } from '../../workflows/protocol/ids.js';
import { interruptTurnSignal, resolveApprovalSignal } from '../../workflows/protocol/agent.js';
import type { CallModelRequest } from '../../workflows/protocol/turn.js';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import {
  ANSWER,
  calling,
  endedTimes,
  READ,
  SHELL,
  startLifeServer,
  untilCancelled,
  withAgent,
  type Life,
  type LifeServer,
  type Play,
} from '../support/agent-life.js';

const FOLDER = fileURLToPath(new URL('./histories', import.meta.url));

let server: LifeServer;
beforeAll(async () => {
  server = await startLifeServer();
});
afterAll(() => server.stop());

const record = (name: string, play: Play, body: (life: Life) => Promise<void>): Promise<void> => {
  const file = join(FOLDER, `${name}.json`);
  if (existsSync(file)) return Promise.resolve();
  return withAgent(server, play, async (life) => {
    await body(life);
    const history = await life.handle.fetchHistory();
    writeFileSync(file, `${historyToJSON(history)}\n`);
  });
};

const toolsThenAnswer = ({ turn }: CallModelRequest) =>
  turn % 3 === 0 ? ANSWER : calling(READ, { ...READ, index: 1, subject: 'b.txt' });

test('prompts with parallel tool calls', () =>
  record('v1-prompts-and-tools', { model: toolsThenAnswer }, async ({ recorder, send }) => {
    await send('m1');
    await recorder.until(endedTimes(recorder, 1));
    await send('m2');
    await recorder.until(endedTimes(recorder, 2));
  }));

test('an interrupt', () => {
  const model = ({ turn }: CallModelRequest) => (turn === 1 ? untilCancelled() : ANSWER);
  return record('v1-interrupt', { model }, async ({ handle, recorder, send }) => {
    await send('m1');
    await recorder.until(() => recorder.models.length === 1);
    await handle.signal(interruptTurnSignal, { requestId: 'r' });
    await recorder.until(endedTimes(recorder, 1));
    await send('m2');
    await recorder.until(endedTimes(recorder, 2));
  });
});

test('a question answered', () => {
  const model = ({ turn }: CallModelRequest) => (turn === 1 ? calling(SHELL) : ANSWER);
  return record('v1-question', { model }, async ({ handle, recorder, send }) => {
    await send('m1', { permissionMode: 'default', onAsk: 'park' });
    await recorder.until(() => recorder.questions.length === 1);
    const approvalId = recorder.questions[0]?.approvalId as ApprovalId;
    const yes = { approvalId, decision: 'approve', always: true, reason: null } as const;
    await handle.signal(resolveApprovalSignal, yes);
    await recorder.until(endedTimes(recorder, 1));
  });
});

test('going in circles, then a turn limit', () => {
  const play: Play = {
    model: () => calling(READ),
    tool: ({ turn }) => (turn < 4 ? 'same' : `${turn}`),
  };
  return record('v1-limits', play, async ({ recorder, send }) => {
    await send('m1');
    await recorder.until(endedTimes(recorder, 1));
    await send('m2', { maxTurns: 2 });
    await recorder.until(endedTimes(recorder, 2));
  });
});
