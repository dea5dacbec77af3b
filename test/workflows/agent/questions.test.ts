/** Questions to a person under stress: several at once, odd answers, interrupts at each moment. */
import {
  agentStatusQuery,
  interruptTurnSignal,
  resolveApprovalSignal,
  stopAgentSignal,
  type ApprovalDecision,
} from '../../../workflows/protocol/agent.js';
import { approvalIdOf } from '../../../workflows/protocol/ids.js';
import type {
  CallModelRequest,
  CallModelResult,
  ToolCallSummary,
} from '../../../workflows/protocol/turn.js';
import {
  ANSWER,
  calling,
  endedTimes,
  hold,
  READ,
  SHELL,
  useLifeServer,
  type Life,
  type Play,
} from '../../support/agent-life.js';

const { withAgent } = useLifeServer();

const ASKING = { permissionMode: 'default', onAsk: 'park' } as const;
/** The first turn makes these calls, the second is the last. */
const once =
  (...calls: ToolCallSummary[]) =>
  ({ turn }: CallModelRequest): CallModelResult =>
    turn === 1 ? calling(...calls) : ANSWER;
const commands = (...subjects: string[]): ToolCallSummary[] =>
  subjects.map((subject, index) => ({ ...SHELL, index, subject }));

const asked = ({ recorder }: Life, n: number) => {
  const question = recorder.questions[n];
  if (!question) throw new Error(`question ${n} was not asked`);
  return question.approvalId;
};
const answer = (life: Life, n: number, decision: Partial<ApprovalDecision> = {}): Promise<void> => {
  const yes = { decision: 'approve', always: false, reason: null } as const;
  return life.handle.signal(resolveApprovalSignal, {
    ...yes,
    approvalId: asked(life, n),
    ...decision,
  });
};
const status = ({ handle }: Life) => handle.query(agentStatusQuery);
const gates = ({ recorder }: Life): readonly string[] =>
  [...recorder.tools]
    .sort((a, b) => a.turn - b.turn || a.call.index - b.call.index)
    .map(({ gate }) => gate.kind);
const outcomes = ({ recorder }: Life): readonly string[] =>
  recorder.outcomes.map(({ outcome }) => outcome);

describe('a question', () => {
  test('that is being written when the turn is interrupted is written whole and then taken back', () => {
    const { held, release } = hold();
    return withAgent({ model: once(SHELL), question: () => held }, async (life) => {
      const { handle, recorder, send } = life;
      await send('m1', ASKING);
      await recorder.until(() => recorder.questions.length === 1);
      await handle.signal(interruptTurnSignal, { requestId: 'r' });
      await status(life);
      expect([recorder.cancelled, recorder.outcomes]).toEqual([[], []]);
      release();
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.cancelled).toEqual([asked(life, 0)]);
      expect(outcomes(life)).toEqual(['interrupted']);
      expect(recorder.tools).toEqual([]);
    });
  });

  test('is not asked at all for a call that waited for the one that was cut', () =>
    withAgent({ model: once(SHELL, { ...SHELL, index: 1, name: 'git' }) }, async (life) => {
      const { handle, recorder, send } = life;
      await send('m1', ASKING);
      await recorder.until(() => recorder.questions.length === 1);
      await handle.signal(interruptTurnSignal, { requestId: 'r' });
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.questions).toHaveLength(1);
      expect(recorder.cancelled).toEqual([asked(life, 0)]);
    }));

  test('answered before the agent has heard that it is written counts', () => {
    const { held, release } = hold();
    return withAgent({ model: once(SHELL), question: () => held }, async (life) => {
      await life.send('m1', ASKING);
      await life.recorder.until(() => life.recorder.questions.length === 1);
      await answer(life, 0);
      release();
      await life.recorder.until(endedTimes(life.recorder, 1));
      expect([gates(life), outcomes(life)]).toEqual([['allowed'], ['done']]);
    });
  });

  test('is taken back by a stop, and the agent ends', () =>
    withAgent({ model: once(SHELL) }, async (life) => {
      await life.send('m1', ASKING);
      await life.recorder.until(() => life.recorder.questions.length === 1);
      await life.handle.signal(stopAgentSignal, { requestId: 'r' });
      await life.handle.result();
      expect(life.recorder.cancelled).toEqual([asked(life, 0)]);
      expect([gates(life), outcomes(life)]).toEqual([[], ['stopped']]);
    }));

  test('answered after it was taken back changes nothing, then or later', () => {
    const model = ({ turn }: CallModelRequest) => (turn <= 2 ? calling(SHELL) : ANSWER);
    return withAgent({ model }, async (life) => {
      const { handle, recorder, send } = life;
      await send('m1', ASKING);
      await recorder.until(() => recorder.questions.length === 1);
      await handle.signal(interruptTurnSignal, { requestId: 'r' });
      await recorder.until(endedTimes(recorder, 1));
      await answer(life, 0, { always: true });
      await send('m2', ASKING);
      await recorder.until(() => recorder.questions.length === 2);
      expect(asked(life, 1)).not.toBe(asked(life, 0));
      await answer(life, 1, { decision: 'deny' });
      await recorder.until(endedTimes(recorder, 2));
      expect(gates(life)).toEqual(['denied']);
    });
  });

  test('stays open under answers that are none of ours, and takes the first that is', () =>
    withAgent({ model: once(SHELL) }, async (life) => {
      const { handle, recorder, send } = life;
      await send('m1', ASKING);
      await recorder.until(() => recorder.questions.length === 1);
      const approvalId = asked(life, 0);
      for (const odd of [null, 'approve', { approvalId }, { approvalId, decision: 'yes' }, [1]])
        await handle.signal('resolveApproval', odd);
      await answer(life, 0, { approvalId: approvalIdOf('q-00000000') });
      expect(await status(life)).toMatchObject({
        state: 'parked',
        waitingFor: { kind: 'approval', id: approvalId, until: null },
      });
      await answer(life, 0, { decision: 'deny', reason: 'use make instead' });
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.tools[0]?.gate).toMatchObject({
        kind: 'denied',
        reason: expect.stringContaining('use make instead') as string,
      });
    }));
});

describe('several questions of one turn', () => {
  const two = (): Play => ({ model: once(...commands('npm test', 'npm run build')) });
  const bothAsked = async (life: Life): Promise<void> => {
    await life.send('m1', ASKING);
    await life.recorder.until(() => life.recorder.questions.length === 2);
    while ((await status(life)).state !== 'parked');
  };
  /** The questions may be written in either order. */
  const questionOf = (life: Life, index: number): number =>
    life.recorder.questions.findIndex(({ call }) => call.index === index);

  test('are open at the same time, and each call follows its own answer', () =>
    withAgent(two(), async (life) => {
      await bothAsked(life);
      await answer(life, questionOf(life, 1), { decision: 'deny' });
      await answer(life, questionOf(life, 0));
      await life.recorder.until(endedTimes(life.recorder, 1));
      expect(gates(life)).toEqual(['allowed', 'denied']);
    }));

  test('keep the agent parked until the last of them is answered', () =>
    withAgent(two(), async (life) => {
      const { handle, recorder } = life;
      await bothAsked(life);
      await answer(life, questionOf(life, 0));
      await recorder.until(() => recorder.tools.length === 1);
      const open = asked(life, questionOf(life, 1));
      expect(await status(life)).toMatchObject({ state: 'parked', waitingFor: { id: open } });
      const { searchAttributes } = await handle.describe();
      expect(searchAttributes['AgentState']).toEqual(['parked']);
      await answer(life, questionOf(life, 1));
      await recorder.until(() => recorder.tools.length === 2);
      expect((await status(life)).waitingFor).toBeNull();
    }));

  test('are all taken back by one interrupt', () =>
    withAgent(two(), async (life) => {
      await bothAsked(life);
      await life.handle.signal(interruptTurnSignal, { requestId: 'r' });
      await life.recorder.until(endedTimes(life.recorder, 1));
      const ids = life.recorder.questions.map(({ approvalId }) => approvalId);
      expect(new Set(life.recorder.cancelled)).toEqual(new Set(ids));
      expect((await status(life)).waitingFor).toBeNull();
    }));

  test('do not hold up a call that needs none', () => {
    const model = once(...commands('npm test'), { ...READ, index: 1 });
    const grants = [...commands('x'), { ...SHELL, index: 1, subject: 'npm test -- --bail' }];
    const later = ({ turn }: CallModelRequest): CallModelResult =>
      turn === 2 ? calling(...grants) : model({ turn } as CallModelRequest);
    const play: Play = { model: (request) => (request.turn > 2 ? ANSWER : later(request)) };
    return withAgent(play, async (life) => {
      const { recorder } = life;
      await life.send('m1', ASKING);
      await recorder.until(() => recorder.questions.length === 1);
      await answer(life, 0, { always: true });
      await recorder.until(() => recorder.questions.length === 2);
      await recorder.until(() => recorder.tools.length === 3);
      expect(recorder.tools.at(-1)?.call.subject).toBe('npm test -- --bail');
      await answer(life, 1, { decision: 'deny' });
      await recorder.until(endedTimes(recorder, 1));
      expect(gates(life)).toEqual(['allowed', 'allowed', 'denied', 'allowed']);
    });
  });
});

describe('what is allowed', () => {
  test('for always covers the like of it, and no command that has more in it', () => {
    const subjects = ['npm test', 'npm test -- --bail', 'npm test; rm -rf /'];
    const model = ({ turn }: CallModelRequest): CallModelResult =>
      turn <= 3 ? calling(...commands(subjects[turn - 1] ?? '')) : ANSWER;
    return withAgent({ model }, async (life) => {
      const { recorder } = life;
      await life.send('m1', ASKING);
      await recorder.until(() => recorder.questions.length === 1);
      await answer(life, 0, { always: true });
      await recorder.until(() => recorder.questions.length === 2);
      expect(recorder.questions.map(({ call, grant }) => [call.subject, grant])).toEqual([
        ['npm test', 'Bash(npm test *)'],
        ['npm test; rm -rf /', 'Bash(npm test; rm -rf /)'],
      ]);
      await answer(life, 1, { decision: 'deny' });
      await recorder.until(endedTimes(recorder, 1));
      expect(gates(life)).toEqual(['allowed', 'allowed', 'denied']);
    });
  });

  test.each([
    ['once is asked about again', { always: false }],
    ['by a word that only looks like "always" is asked about again', { always: 'yes' as never }],
    [
      'never, although "always" was said with it, is asked about again',
      { decision: 'deny', always: true },
    ],
  ] as const)('%s', (_, decision) => {
    const model = ({ turn }: CallModelRequest) => (turn <= 2 ? calling(SHELL) : ANSWER);
    return withAgent({ model }, async (life) => {
      await life.send('m1', ASKING);
      await life.recorder.until(() => life.recorder.questions.length === 1);
      await answer(life, 0, decision);
      await life.recorder.until(() => life.recorder.questions.length === 2);
    });
  });

  test('by a prompt in mid-turn holds from the next turn on; the open question stays', () => {
    const model = ({ turn }: CallModelRequest) => (turn <= 2 ? calling(SHELL) : ANSWER);
    return withAgent({ model }, async (life) => {
      const { recorder, send } = life;
      await send('m1', ASKING);
      await recorder.until(() => recorder.questions.length === 1);
      await send('m2', { permissionMode: 'bypass' });
      while ((await status(life)).queued !== 1);
      expect(recorder.tools).toEqual([]);
      await answer(life, 0);
      await recorder.until(endedTimes(recorder, 1));
      expect([recorder.questions.length, gates(life)]).toEqual([1, ['allowed', 'allowed']]);
      await send('m3', ASKING);
    });
  });

  test('by nobody, where nobody is there: each call is refused and the work goes on', () => {
    const play = { model: once(...commands('a', 'b'), { ...READ, index: 2 }) };
    return withAgent(play, async (life) => {
      await life.send('m1', { permissionMode: 'default', onAsk: 'deny' });
      await life.recorder.until(endedTimes(life.recorder, 1));
      expect([gates(life), outcomes(life)]).toEqual([['denied', 'denied', 'allowed'], ['done']]);
      expect(life.recorder.questions).toEqual([]);
    });
  });
});
