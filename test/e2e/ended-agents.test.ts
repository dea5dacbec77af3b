/**
 * An agent that somebody ended from outside: in the Temporal Web UI, or with the `temporal` command.
 */
import { Client, Connection } from '@temporalio/client';

import { agentWorkflowIdOf, LEAD, sessionIdOf } from '../../workflows/protocol/ids.js';
import { withRig, type Line, type Rig } from '../support/rig.js';

const resultsIn = (lines: readonly Line[]): readonly Line[] =>
  lines.filter(({ type }) => type === 'result');

const terminate = async (rig: Rig, sessionId: string): Promise<void> => {
  const connection = await Connection.connect({
    address: `127.0.0.1:${rig.runtime().temporal?.port}`,
  });
  try {
    const id = agentWorkflowIdOf(sessionIdOf(sessionId), LEAD);
    await new Client({ connection }).workflow.getHandle(id).terminate('by hand');
  } finally {
    await connection.close();
  }
};

const script = { replies: [{ faults: [{ kind: 'hang' as const }] }] };

test('its prompt gets one result that says so, and the session goes on with the next', () =>
  withRig({ script }, async (rig) => {
    const first = rig.prompt('first prompt');
    const { session_id: sessionId } = await first.until(({ type }) => type === 'system');
    await rig.chat.requested(1);
    await terminate(rig, String(sessionId));
    // Judged when a daemon starts, and every half a minute after.
    process.kill(rig.runtime().daemon?.pid as number, 'SIGKILL');

    const end = await first.end;
    expect(end.code).toBe(143);
    expect(resultsIn(end.lines)).toMatchObject([
      { is_error: true, exit_code: 143, subtype: 'error_interrupted' },
    ]);
    expect(end.stdout).toContain('ended from outside');

    rig.chat.setScript({ replies: [{ text: 'here again' }] });
    const second = await rig.prompt('second prompt', '-r', String(sessionId)).end;
    expect(second.code).toBe(0);
    expect(resultsIn(second.lines)).toMatchObject([{ result: 'here again', num_turns: 1 }]);
    expect(rig.chat.records).toHaveLength(2);
    expect(rig.chat.records[1]?.body).toContain('first prompt');
  }));
