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
import {
  agentStatusQuery,
  interruptTurnSignal,
  resolveApprovalSignal,
  stopAgentSignal,
} from '../../workflows/protocol/agent.js';
import type { CallModelRequest } from '../../workflows/protocol/turn.js';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import {
  ANSWER,
  calling,
  endedTimes,
  hold,
  READ,
  SHELL,
  untilCancelled,
  useLifeServer,
  type Life,
  type Play,
} from '../support/agent-life.js';

const FOLDER = fileURLToPath(new URL('./histories', import.meta.url));

const { withAgent } = useLifeServer();

const record = (name: string, play: Play, body: (life: Life) => Promise<void>): Promise<void> => {
  const file = join(FOLDER, `${name}.json`);
  if (existsSync(file)) return Promise.resolve();
  return withAgent(play, async (life) => {
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

/** What `interrupt-means-what-was-there` decides: prompts after an interrupt, and after a stop. */
test('prompts that come after an interrupt and after a stop', () => {
  const early = async ({ handle, send }: Life): Promise<void> => {
    await send('m1');
    await handle.signal(interruptTurnSignal, { requestId: 'r1' });
    await send('m2');
    await handle.signal(stopAgentSignal, { requestId: 'r2' });
    await send('m3');
  };
  return record('v2-prompts-after-a-stop', { early }, async ({ recorder }) => {
    await recorder.until(endedTimes(recorder, 2));
  });
});

/** What `question-asked-whole` and `parked-by-each-question` decide. */
test('two questions, one answered, then an interrupt; one that is cut while it is written', () => {
  const { held, release } = hold();
  const model = ({ turn }: CallModelRequest) => {
    if (turn === 1) return calling(SHELL, { ...SHELL, index: 1, subject: 'make' });
    return turn === 2 ? calling(SHELL) : ANSWER;
  };
  const question: Play['question'] = ({ turn }) => (turn === 2 ? held : Promise.resolve());
  return record('v2-questions-cut', { model, question }, async ({ handle, recorder, send }) => {
    const asking = { permissionMode: 'default', onAsk: 'park' } as const;
    await send('m1', asking);
    await recorder.until(() => recorder.questions.length === 2);
    const approvalId = recorder.questions[0]?.approvalId as ApprovalId;
    const yes = { approvalId, decision: 'approve', always: false, reason: null } as const;
    await handle.signal(resolveApprovalSignal, yes);
    await recorder.until(() => recorder.tools.length === 1);
    await handle.signal(interruptTurnSignal, { requestId: 'r1' });
    await recorder.until(endedTimes(recorder, 1));
    await send('m2', asking);
    await recorder.until(() => recorder.questions.length === 3);
    await handle.signal(interruptTurnSignal, { requestId: 'r2' });
    await handle.query(agentStatusQuery);
    release();
    await recorder.until(endedTimes(recorder, 2));
  });
});
