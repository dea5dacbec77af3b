/**
 * An agent's life on a real server: prompts, interrupts, questions, continue-as-new.
 *
 * The activities are small fakes of the port; what they do for real is tested where they live.
 */
import { ApplicationFailure } from '@temporalio/activity';

import {
  agentStatusQuery,
  interruptTurnSignal,
  resolveApprovalSignal,
  stopAgentSignal,
} from '../../../workflows/protocol/agent.js';
import { messageIdOf, type ApprovalId } from '../../../workflows/protocol/ids.js';
import type {
  CallModelRequest,
  CallModelResult,
  RecordOutcomeRequest,
  RunToolRequest,
} from '../../../workflows/protocol/turn.js';
import {
  ANSWER,
  calling,
  endedTimes,
  READ,
  SHELL,
  untilCancelled,
  useLifeServer,
  type Life,
} from '../../support/agent-life.js';

const { withAgent } = useLifeServer();

describe('an agent', () => {
  test('answers a prompt once, however often it is delivered', () =>
    withAgent({}, async ({ handle, recorder, send }) => {
      await send('m1');
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      await send('m1');
      await send('m2');
      await recorder.until(endedTimes(recorder, 2));
      expect(recorder.models.map(({ turn, messages }) => [turn, messages])).toEqual([
        [1, ['m1']],
        [2, ['m2']],
      ]);
      expect(recorder.outcomes).toMatchObject([
        { messages: ['m1'], outcome: 'done', numTurns: 1, ends: false },
        { messages: ['m2'], outcome: 'done', numTurns: 1, ends: false },
      ]);
      let status = await handle.query(agentStatusQuery);
      // The workflow hears of its record a moment after the record was made.
      while (status.state !== 'idle') status = await handle.query(agentStatusQuery);
      expect(status).toMatchObject({ state: 'idle', outcome: 'done', turn: 2, queued: 0 });
    }));

  test('reads a prompt that comes while it works before its next model call', () => {
    let sendSecond: () => Promise<void> = async () => undefined;
    const model = async ({ turn }: CallModelRequest): Promise<CallModelResult> => {
      if (turn === 1) await sendSecond();
      return turn < 3 ? calling(READ) : ANSWER;
    };
    return withAgent({ model }, async ({ recorder, send }) => {
      sendSecond = () => send('m2');
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.models.map(({ messages }) => messages)).toEqual([['m1'], ['m2'], []]);
      expect(recorder.outcomes[0]).toMatchObject({ messages: ['m1', 'm2'], numTurns: 3 });
    });
  });

  test('an interrupt ends the turn, never the agent, and what waited is served', () => {
    const model = ({ turn }: CallModelRequest) => (turn === 1 ? untilCancelled() : ANSWER);
    return withAgent({ model }, async ({ handle, recorder, send }) => {
      await send('m1');
      await recorder.until(() => recorder.models.length === 1);
      await send('m2');
      await handle.signal(interruptTurnSignal, { requestId: 'r' });
      await recorder.until(endedTimes(recorder, 2));
      expect(recorder.outcomes).toMatchObject([
        { messages: ['m1'], outcome: 'interrupted' },
        { messages: ['m2'], outcome: 'done' },
      ]);
      expect(recorder.models[1]?.notices[0]).toContain('interrupted');
    });
  });

  test('a stop answers everything that was open and ends the agent; a later prompt begins anew', () => {
    const model = ({ messages }: CallModelRequest) =>
      messages.includes(messageIdOf('m1')) ? untilCancelled() : ANSWER;
    return withAgent({ model }, async ({ handle, recorder, send }) => {
      await send('m1');
      await recorder.until(() => recorder.models.length === 1);
      await send('m2');
      await handle.signal(stopAgentSignal, { requestId: 'r' });
      await handle.result();
      expect(recorder.outcomes).toMatchObject([
        { messages: ['m1', 'm2'], outcome: 'stopped', ends: true },
      ]);
      await send('m3');
      await recorder.until(endedTimes(recorder, 2));
      expect(recorder.outcomes[1]).toMatchObject({ messages: ['m3'], outcome: 'done' });
    });
  });

  test('the turn limit ends the prompt', () =>
    withAgent({ model: () => calling(READ) }, async ({ recorder, send }) => {
      await send('m1', { maxTurns: 3 });
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.models).toHaveLength(3);
      expect(recorder.outcomes[0]).toMatchObject({ outcome: 'turn_limit', numTurns: 3 });
    }));

  test('the same calls with the same results: told at the second time, ended at the third', () =>
    withAgent({ model: () => calling(READ), tool: () => 'same' }, async ({ recorder, send }) => {
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.models.map(({ notices }) => notices.length)).toEqual([0, 0, 1]);
      expect(recorder.outcomes[0]).toMatchObject({ outcome: 'no_progress', numTurns: 3 });
    }));

  test.each([
    ['ModelUnauthorized', 2],
    ['ModelExhausted', null],
  ])('a model failure %s ends the prompt and the agent lives on', (type, exitCode) => {
    const model = ({ turn }: CallModelRequest): CallModelResult => {
      if (turn === 1) throw ApplicationFailure.nonRetryable('no such key', type);
      return ANSWER;
    };
    return withAgent({ model }, async ({ recorder, send }) => {
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      await send('m2');
      await recorder.until(endedTimes(recorder, 2));
      expect(recorder.outcomes).toMatchObject([
        { outcome: 'failed', exitCode, reason: 'no such key' },
        { outcome: 'done' },
      ]);
    });
  });
});

describe('an interrupt or a stop at a bad moment', () => {
  test('an interrupt before the turn has begun ends it without a model call', () => {
    const early = async ({ handle, send }: Life): Promise<void> => {
      await send('m1');
      await handle.signal(interruptTurnSignal, { requestId: 'r' });
    };
    return withAgent({ early }, async ({ recorder, send }) => {
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.models).toEqual([]);
      expect(recorder.outcomes).toMatchObject([{ messages: ['m1'], outcome: 'interrupted' }]);
      await send('m2');
      await recorder.until(endedTimes(recorder, 2));
      expect(recorder.models[0]?.messages).toEqual(['m1', 'm2']);
    });
  });

  test('a stop while an outcome is recorded ends the agent and answers what waits', () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const outcome = ({ messages }: RecordOutcomeRequest) =>
      messages.includes(messageIdOf('m1')) ? held : Promise.resolve();
    return withAgent({ outcome }, async ({ handle, recorder, send }) => {
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      await send('m2');
      await handle.signal(stopAgentSignal, { requestId: 'r' });
      release();
      await handle.result();
      expect(recorder.models).toHaveLength(1);
      expect(recorder.outcomes).toMatchObject([
        { messages: ['m1'], outcome: 'done', ends: false },
        { messages: ['m2'], outcome: 'stopped', ends: true },
      ]);
    });
  });

  test('a tool whose worker died after the cancel is asked again how far it came', () => {
    const model = ({ turn }: CallModelRequest) => (turn === 1 ? calling(READ) : ANSWER);
    const tool = async ({ interrupted }: RunToolRequest): Promise<string> => {
      if (interrupted) return 'ended';
      await untilCancelled();
      throw ApplicationFailure.create({ type: 'WorkerLost', message: 'the daemon died' });
    };
    return withAgent({ model, tool }, async ({ handle, recorder, send }) => {
      await send('m1');
      await recorder.until(() => recorder.tools.length === 1);
      await handle.signal(interruptTurnSignal, { requestId: 'r' });
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.tools.map(({ interrupted }) => interrupted)).toEqual([false, true]);
      expect(recorder.outcomes[0]?.outcome).toBe('interrupted');
    });
  });

  test('a model call whose worker died after the cancel ends as interrupted', () => {
    const model = async ({ turn }: CallModelRequest): Promise<CallModelResult> => {
      if (turn > 1) return ANSWER;
      await untilCancelled();
      throw ApplicationFailure.create({ type: 'WorkerLost', message: 'the daemon died' });
    };
    return withAgent({ model }, async ({ handle, recorder, send }) => {
      await send('m1');
      await recorder.until(() => recorder.models.length === 1);
      await handle.signal(interruptTurnSignal, { requestId: 'r' });
      await recorder.until(endedTimes(recorder, 1));
      await send('m2');
      await recorder.until(endedTimes(recorder, 2));
      expect(recorder.outcomes.map(({ outcome }) => outcome)).toEqual(['interrupted', 'done']);
      expect(recorder.models[1]?.messages).toEqual(['m1', 'm2']);
    });
  });
});

describe('a question', () => {
  const once = ({ turn }: CallModelRequest) => (turn === 1 ? calling(SHELL) : ANSWER);

  test('is refused with a message where nobody is there', () =>
    withAgent({ model: once }, async ({ recorder, send }) => {
      await send('m1', { permissionMode: 'default' });
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.tools[0]?.gate).toMatchObject({ kind: 'denied' });
      expect(recorder.questions).toEqual([]);
    }));

  test('parks the agent until it is answered; the first answer counts', () =>
    withAgent({ model: once }, async ({ handle, recorder, send }) => {
      await send('m1', { permissionMode: 'default', onAsk: 'park' });
      await recorder.until(() => recorder.questions.length === 1);
      const approvalId = recorder.questions[0]?.approvalId as ApprovalId;
      expect(approvalId).toMatch(/^q-[0-9a-f]{8}$/);
      const answer = { approvalId, always: false, reason: null };
      await handle.signal(resolveApprovalSignal, { ...answer, decision: 'deny' });
      await handle.signal(resolveApprovalSignal, { ...answer, decision: 'approve' });
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.tools[0]?.gate.kind).toBe('denied');
    }));

  test('answered with always is not asked again in the session', () => {
    const model = ({ turn }: CallModelRequest) => (turn % 2 === 1 ? calling(SHELL) : ANSWER);
    return withAgent({ model }, async ({ handle, recorder, send }) => {
      await send('m1', { permissionMode: 'default', onAsk: 'park' });
      await recorder.until(() => recorder.questions.length === 1);
      const approvalId = recorder.questions[0]?.approvalId as ApprovalId;
      const yes = { approvalId, decision: 'approve', always: true, reason: null } as const;
      await handle.signal(resolveApprovalSignal, yes);
      await recorder.until(endedTimes(recorder, 1));
      await send('m2', { permissionMode: 'default', onAsk: 'park' });
      await recorder.until(endedTimes(recorder, 2));
      expect(recorder.tools.map(({ gate }) => gate.kind)).toEqual(['allowed', 'allowed']);
      expect(recorder.questions).toHaveLength(1);
    });
  });

  test('is taken back when the turn is interrupted', () =>
    withAgent({ model: once }, async ({ handle, recorder, send }) => {
      await send('m1', { permissionMode: 'default', onAsk: 'park' });
      await recorder.until(() => recorder.questions.length === 1);
      await handle.signal(interruptTurnSignal, { requestId: 'r' });
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.cancelled).toEqual([recorder.questions[0]?.approvalId]);
      expect(recorder.outcomes[0]?.outcome).toBe('interrupted');
    }));
});

describe('the Temporal Web UI', () => {
  test('tells the story: a summary on every activity, the state in Markdown', () => {
    const model = ({ turn }: CallModelRequest) => (turn === 1 ? calling(READ) : ANSWER);
    return withAgent({ model }, async ({ handle, recorder, send }) => {
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      const { events } = await handle.fetchHistory();
      const summaries = (events ?? [])
        .filter(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.input)
        .map(({ userMetadata }) => userMetadata?.summary?.data)
        .map((data) => (data ? (JSON.parse(Buffer.from(data).toString()) as string) : null));
      expect(summaries).toEqual([
        'turn 1: scripted/x',
        'read a.txt',
        'turn 2: scripted/x',
        'result: done',
      ]);
      const metadata = await handle.query<{ currentDetails?: string }>(
        '__temporal_workflow_metadata',
      );
      expect(metadata.currentDetails).toContain('### a title');
      expect(metadata.currentDetails).toContain('| lead (lead) | scripted/x | 2 |');
    });
  });
});

describe('history', () => {
  test('a turn of one tool call adds at most 15 events and 12 KB', () => {
    const turns = 20;
    const model = ({ turn }: CallModelRequest) => (turn < turns ? calling(READ) : ANSWER);
    return withAgent({ model }, async ({ handle, recorder, send }) => {
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      const { historyLength, raw } = await handle.describe();
      const bytes = Number(raw.workflowExecutionInfo?.historySizeBytes);
      expect(historyLength / turns).toBeLessThanOrEqual(15);
      expect(bytes / turns).toBeLessThanOrEqual(12 * 1024);
    });
  });

  test('continue-as-new loses and doubles no prompt', () => {
    const model = ({ turn }: CallModelRequest) => (turn % 5 === 0 ? ANSWER : calling(READ));
    return withAgent({ model }, async ({ handle, recorder, send }) => {
      const ids = Array.from({ length: 80 }, (_, n) => `m${n}`);
      const answered = (): string[] => recorder.outcomes.flatMap(({ messages }) => messages);
      for (const id of ids) await send(id);
      const firstRun = (await handle.describe()).runId;
      for (let n = 0; n < 12; n += 1) {
        await send(`later${n}`);
        await recorder.until(() => answered().includes(messageIdOf(`later${n}`)));
      }
      const expected = [...ids, ...Array.from({ length: 12 }, (_, n) => `later${n}`)];
      expect([...answered()].sort()).toEqual([...expected].sort());
      expect((await handle.describe()).runId).not.toBe(firstRun);
      const turns = recorder.models.map(({ turn }) => turn);
      expect(turns).toEqual(Array.from({ length: turns.length }, (_, n) => n + 1));
    });
  });
});
