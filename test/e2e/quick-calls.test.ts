/**
 * Quick calls in the whole product: they cost no activity of their own, except where attempts must count.
 */
import { Client, Connection } from '@temporalio/client';

import { agentWorkflowIdOf, LEAD, sessionIdOf } from '../../workflows/protocol/ids.js';
import { withRig, type CommandEnd, type Rig } from '../support/rig.js';

const reading = (limit: number) => ({
  calls: [{ name: 'read', arguments: { path: 'README.md', limit } }],
});
const script = {
  replies: [reading(1), { ...reading(2), delayMs: 400 }, reading(3), { text: 'read thrice' }],
};

/** Ordinary activities of the session's agent for its tool calls. */
const ordinaryCalls = async (rig: Rig, end: CommandEnd): Promise<number> => {
  const sessionId = String(end.lines.find(({ type }) => type === 'result')?.['session_id']);
  const connection = await Connection.connect({
    address: `127.0.0.1:${rig.runtime().temporal?.port}`,
  });
  try {
    const id = agentWorkflowIdOf(sessionIdOf(sessionId), LEAD);
    const { events } = await new Client({ connection }).workflow.getHandle(id).fetchHistory();
    return (events ?? []).filter(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'runTool',
    ).length;
  } finally {
    await connection.close();
  }
};

test('reads are no activities; after a death the first one is, so that a call that kills is counted', () =>
  withRig({ script }, async (rig) => {
    const whole = await rig.prompt('read it.').end;
    expect(whole.code).toBe(0);
    expect(await ordinaryCalls(rig, whole)).toBe(0);

    const cut = rig.prompt('read it again.');
    await rig.chat.requested(whole.lines.filter(({ type }) => type === 'assistant').length + 2);
    process.kill(rig.runtime().daemon?.pid as number, 'SIGKILL');
    const end = await cut.end;
    expect(end.code).toBe(0);
    expect(end.lines.at(-1)).toMatchObject({ result: 'read thrice', num_turns: 4 });
    expect(await ordinaryCalls(rig, end)).toBe(1);
  }));
