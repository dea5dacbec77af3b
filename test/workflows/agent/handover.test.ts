/** A run that hands over to a fresh one, signals nobody of ours would send, failures nobody foresaw. */
import { ApplicationFailure } from '@temporalio/activity';

import {
  agentStatusQuery,
  interruptTurnSignal,
  resolveApprovalSignal,
  stopAgentSignal,
} from '../../../workflows/protocol/agent.js';
import { initialCarry } from '../../../workflows/agent/state.js';
import { LEAD, messageIdOf, sessionIdOf } from '../../../workflows/protocol/ids.js';
import type {
  CallModelRequest,
  CallModelResult,
  RunToolRequest,
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

// The server asks for a hand-over after each turn, and lets the fresh run begin at once.
const { withAgent } = useLifeServer(
  'limit.historyCount.suggestContinueAsNew=4',
  'history.workflowIdReuseMinimalInterval="1ms"',
);

const runIdOf = async ({ handle }: Life): Promise<string> => (await handle.describe()).runId;
const status = ({ handle }: Life) => handle.query(agentStatusQuery);
const ASKING = { permissionMode: 'default', onAsk: 'park' } as const;

/** An agent that hands over after its first turn; `during` happens in that turn. */
const withHandover = (
  play: Play,
  during: (life: Life) => Promise<void>,
  body: (life: Life, firstRun: string) => Promise<void>,
): Promise<void> => {
  let life: Life | null = null;
  let firstRun = '';
  const model = async (request: CallModelRequest): Promise<CallModelResult> => {
    if (request.turn === 1 && life) {
      firstRun = await runIdOf(life);
      await during(life);
    }
    return play.model ? play.model(request) : ANSWER;
  };
  return withAgent({ ...play, model }, async (begun) => {
    life = begun;
    await body(begun, firstRun);
    expect(await runIdOf(begun)).not.toBe(firstRun);
  });
};
const nothing = (): Promise<void> => Promise.resolve();

describe('a hand-over to a fresh run', () => {
  const callThenAnswer = ({ turn }: CallModelRequest) => (turn === 1 ? calling(READ) : ANSWER);

  test('in the middle of a prompt goes on with it: one result, all turns counted', () =>
    withHandover({ model: callThenAnswer }, nothing, async ({ recorder, send }) => {
      await send('m1', { maxTurns: 9 });
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.outcomes).toMatchObject([
        { messages: ['m1'], outcome: 'done', numTurns: 2, turn: 2 },
      ]);
      expect(recorder.models.map(({ messages }) => messages)).toEqual([['m1'], []]);
    }));

  test('takes along what waits, in order, and knows what came before by its id', () =>
    withHandover(
      { model: callThenAnswer },
      async ({ send }) => {
        for (const id of ['m2', 'm3', 'm1']) await send(id);
      },
      async ({ recorder, send }) => {
        await send('m1');
        await recorder.until(endedTimes(recorder, 1));
        for (const id of ['m1', 'm2', 'm3', 'm4']) await send(id);
        await recorder.until(endedTimes(recorder, 2));
        expect(recorder.models.map(({ messages }) => messages)).toEqual([
          ['m1'],
          ['m2', 'm3'],
          ['m4'],
        ]);
      },
    ));

  test('keeps what was allowed for always, and the limit of the prompt', () => {
    const model = ({ turn }: CallModelRequest): CallModelResult =>
      calling({ ...SHELL, subject: `npm test ${turn}` });
    return withHandover({ model }, nothing, async ({ handle, recorder, send }) => {
      await send('m1', { ...ASKING, maxTurns: 3 });
      await recorder.until(() => recorder.questions.length === 1);
      const [question] = recorder.questions;
      if (!question) throw new Error('no question');
      const yes = { decision: 'approve', always: true, reason: null } as const;
      await handle.signal(resolveApprovalSignal, { ...yes, approvalId: question.approvalId });
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.tools.map(({ gate }) => gate.kind)).toEqual([
        'allowed',
        'allowed',
        'allowed',
      ]);
      expect(recorder.outcomes[0]).toMatchObject({ outcome: 'turn_limit', numTurns: 3 });
    });
  });

  test('does not give a model that goes in circles a fresh start', () => {
    const play: Play = { model: () => calling(READ), tool: () => 'same' };
    return withHandover(play, nothing, async ({ recorder, send }) => {
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.models.map(({ notices }) => notices.length)).toEqual([0, 0, 1]);
      expect(recorder.outcomes[0]?.outcome).toBe('no_progress');
    });
  });

  test('keeps how the last prompt ended, the title and the attributes for who looks at it', () =>
    withHandover({}, nothing, async (life, _) => {
      const { handle, recorder, send } = life;
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      while ((await handle.describe()).memo?.['title'] !== 'a title');
      expect(await status(life)).toMatchObject({ state: 'idle', outcome: 'done', turn: 1 });
      const { searchAttributes } = await handle.describe();
      expect(searchAttributes).toMatchObject({ AgentState: ['idle'], CostUsd: [0.5] });
    }));

  test('knows an interrupt again that the run before it has heard', () => {
    const { held, release } = hold();
    const model = async ({ turn }: CallModelRequest): Promise<CallModelResult> => {
      if (turn === 2) await held;
      return ANSWER;
    };
    const interrupt = ({ handle }: Life) => handle.signal(interruptTurnSignal, { requestId: 'r' });
    return withHandover({ model }, interrupt, async (life) => {
      const { handle, recorder, send } = life;
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      await send('m2');
      await recorder.until(() => recorder.models.length === 2);
      await interrupt(life);
      await status(life);
      release();
      await recorder.until(endedTimes(recorder, 2));
      const { events } = await handle.fetchHistory();
      expect(
        (events ?? []).filter((one) => one.activityTaskCancelRequestedEventAttributes),
      ).toEqual([]);
    });
  });

  test('that falls together with a stop ends the agent all the same', () => {
    const { held, release } = hold();
    const outcome = (): Promise<void> => held;
    return withHandover({ outcome }, nothing, async (life) => {
      const { handle, recorder, send } = life;
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      await handle.signal(stopAgentSignal, { requestId: 'r' });
      await status(life);
      release();
      await handle.result();
      expect(recorder.outcomes).toMatchObject([
        { messages: ['m1'], outcome: 'done', ends: false },
        { messages: [], outcome: 'stopped', ends: true },
      ]);
    });
  });

  test('from a build that carried less is read as it is', () => {
    const begin = {
      ...({ version: 1, sessionId: sessionIdOf('s'), agent: LEAD, role: 'lead' } as const),
      ...{ model: 'scripted/x', project: '/p', title: 't', turn: 7, carry: null },
    };
    const carry = { ...initialCarry(begin), seen: [messageIdOf('m1')] };
    expect(Object.keys(carry)).not.toContain('heard');
    return withAgent({ start: { turn: 7, carry } }, async ({ handle, recorder, send }) => {
      await send('m1');
      await handle.signal(interruptTurnSignal, { requestId: 'r' });
      await send('m2');
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.models).toMatchObject([{ turn: 8, messages: ['m2'] }]);
    });
  });
});

describe('signals that are none of ours', () => {
  const JUNK: readonly unknown[] = [undefined, null, 7, 'm1', [], {}, { messageId: { a: 1 } }];

  test('are ignored, whatever they hold: the agent goes on with its work', () => {
    const { held, release } = hold();
    const model = async ({ turn }: CallModelRequest): Promise<CallModelResult> => {
      if (turn === 1) await held;
      return ANSWER;
    };
    return withAgent({ model }, async (life) => {
      const { handle, recorder, send } = life;
      await send('m1');
      await recorder.until(() => recorder.models.length === 1);
      for (const junk of JUNK)
        for (const name of ['deliverMessage', 'resolveApproval', 'whoKnows'])
          await handle.signal(name, junk);
      expect(await status(life)).toMatchObject({ state: 'thinking', queued: 0 });
      release();
      await recorder.until(endedTimes(recorder, 1));
      const { events } = await handle.fetchHistory();
      expect((events ?? []).filter((one) => one.workflowTaskFailedEventAttributes)).toEqual([]);
      expect(recorder.outcomes).toMatchObject([{ messages: ['m1'], outcome: 'done' }]);
    });
  });

  test('that ask for an interrupt without an id are heard each time', () => {
    const tool = ({ turn }: RunToolRequest): string => `${turn}`;
    const early = async ({ handle, send }: Life): Promise<void> => {
      await send('m1');
      await handle.signal('interruptTurn');
    };
    return withAgent({ early, tool }, async ({ handle, recorder, send }) => {
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.outcomes[0]?.outcome).toBe('interrupted');
      await handle.signal('stopAgent', null);
      await handle.result();
      expect(recorder.outcomes[1]).toMatchObject({ outcome: 'stopped', ends: true });
      await send('m2');
      await recorder.until(endedTimes(recorder, 3));
    });
  });

  test('with half the settings allow nothing that was not said', () => {
    const model = ({ turn }: CallModelRequest) => (turn % 2 === 1 ? calling(SHELL) : ANSWER);
    return withAgent({ model }, async ({ handle, recorder, send }) => {
      await send('m1');
      await recorder.until(endedTimes(recorder, 1));
      const settings = { permissionMode: 'all' };
      await handle.signal('deliverMessage', { messageId: 'm2', settings });
      await recorder.until(endedTimes(recorder, 2));
      expect(recorder.tools.map(({ gate }) => gate.kind)).toEqual(['allowed', 'denied']);
      expect(recorder.outcomes[1]).toMatchObject({ messages: ['m2'], outcome: 'done' });
    });
  });
});

describe('a session that hands over after each turn', () => {
  /** Prompts, each with what is said right after it. */
  const live = async (life: Life, words: readonly ((n: number) => Promise<void>)[]) => {
    const ids = Array.from({ length: words.length * 2 }, (_, n) => `m${n}`);
    for (const [n, id] of ids.entries()) {
      await life.send(id);
      await words[n % words.length]?.(n);
    }
    const answered = (): string[] => life.recorder.outcomes.flatMap(({ messages }) => messages);
    await life.recorder.until(() => new Set(answered()).size === ids.length);
    await status(life);
    expect([...answered()].sort()).toEqual([...ids].sort());
  };
  const model = ({ turn }: CallModelRequest) => (turn % 3 === 0 ? ANSWER : calling(READ));

  test('answers each prompt once, under interrupts and repetitions at any moment', () =>
    withAgent({ model }, (life) =>
      live(life, [
        () => nothing(),
        (n) => life.send(`m${Math.floor(n / 2)}`),
        (n) => life.handle.signal(interruptTurnSignal, { requestId: `r${n}` }),
        (n) => life.handle.signal(interruptTurnSignal, { requestId: `r${n - 1}` }),
        () => status(life).then(() => undefined),
      ]),
    ));

  test('answers each prompt once, under stops at any moment', () =>
    withAgent({ model }, (life) => {
      // One that has ended already needs no stop.
      const stop = (n: number): Promise<void> =>
        life.handle.signal(stopAgentSignal, { requestId: `r${n}` }).catch(() => undefined);
      return live(life, [nothing, stop, nothing, nothing, stop, nothing, nothing]);
    }));
});

describe('a failure', () => {
  test('of one of several tool calls ends the prompt once the others have said how far they came', () => {
    const { held, release } = hold();
    const model = () => calling(READ, { ...READ, index: 1 });
    const tool = async ({ call }: RunToolRequest): Promise<string> => {
      if (call.index === 0) throw ApplicationFailure.nonRetryable('no secrets', 'SessionDamaged');
      await held;
      return 'whole';
    };
    return withAgent({ model, tool }, async (life) => {
      const { handle, recorder, send } = life;
      await send('m1');
      await recorder.until(() => recorder.tools.length === 2);
      const hasFailed = async (): Promise<boolean> =>
        ((await handle.fetchHistory()).events ?? []).some(
          (e) => e.activityTaskFailedEventAttributes,
        );
      while (!(await hasFailed()));
      await status(life);
      expect(recorder.outcomes).toEqual([]);
      release();
      await recorder.until(endedTimes(recorder, 1));
      expect(recorder.outcomes).toMatchObject([
        { messages: ['m1'], outcome: 'failed', reason: 'no secrets', exitCode: null },
      ]);
    });
  });

  test('of a kind nobody foresaw ends neither prompt nor agent: both wait for a build that knows it', () => {
    const model = (): CallModelResult => {
      throw ApplicationFailure.nonRetryable('what is this', 'NobodyKnows');
    };
    return withAgent({ model }, async ({ handle, recorder, send }) => {
      await send('m1');
      const failure = async (): Promise<string | null | undefined> =>
        ((await handle.fetchHistory()).events ?? []).find(
          (e) => e.workflowTaskFailedEventAttributes,
        )?.workflowTaskFailedEventAttributes?.failure?.message;
      while (!(await failure()));
      expect(await failure()).toBe('turn lead.1 failed in a way nobody foresaw');
      expect(recorder.outcomes).toEqual([]);
      expect((await handle.describe()).status.name).toBe('RUNNING');
    });
  });
});
