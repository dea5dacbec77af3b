/** Words that come at bad moments: prompts in mid-turn, interrupts and stops at each point of a turn. */
import {
  agentStatusQuery,
  interruptTurnSignal,
  stopAgentSignal,
  type AgentStatus,
} from '../../../workflows/protocol/agent.js';
import { initialCarry } from '../../../workflows/agent/state.js';
import { LEAD, messageIdOf, sessionIdOf } from '../../../workflows/protocol/ids.js';
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
  hold,
  READ,
  SHELL,
  untilCancelled,
  useLifeServer,
  type Life,
} from '../../support/agent-life.js';

const { withAgent } = useLifeServer();

const interrupt = ({ handle }: Life, requestId: string): Promise<void> =>
  handle.signal(interruptTurnSignal, { requestId });
const stop = ({ handle }: Life, requestId: string): Promise<void> =>
  handle.signal(stopAgentSignal, { requestId });
/** Answered once every signal before it was heard. */
const status = ({ handle }: Life): Promise<AgentStatus> => handle.query(agentStatusQuery);
const endings = ({ recorder }: Life) =>
  recorder.outcomes.map(({ messages, outcome }) => [outcome, ...messages]);
/** Runs as long as it is not told to end: by `turn`, from 1. */
const untilInterrupted =
  (...turns: number[]) =>
  ({ turn }: CallModelRequest): CallModelResult | Promise<CallModelResult> =>
    turns.includes(turn) ? untilCancelled() : ANSWER;

describe('prompts in mid-turn', () => {
  test('that come during a tool call are read together before the next model call, in order, each once', () => {
    let send: Life['send'] = async () => undefined;
    const model = ({ turn }: CallModelRequest) => (turn === 1 ? calling(READ) : ANSWER);
    const tool = async (): Promise<string> => {
      for (const id of ['m2', 'm3', 'm2', 'm1', 'm4']) await send(id);
      return 'result';
    };
    return withAgent({ model, tool }, async (life) => {
      send = life.send;
      await send('m1');
      await life.recorder.until(endedTimes(life.recorder, 1));
      expect(life.recorder.models.map(({ messages }) => messages)).toEqual([
        ['m1'],
        ['m2', 'm3', 'm4'],
      ]);
      expect(endings(life)).toEqual([['done', 'm1', 'm2', 'm3', 'm4']]);
    });
  });

  test('that come with the last word of the model get a turn and a result of their own', () => {
    let send: Life['send'] = async () => undefined;
    const model = async ({ turn }: CallModelRequest): Promise<CallModelResult> => {
      if (turn === 1) await send('m2');
      return ANSWER;
    };
    return withAgent({ model }, async (life) => {
      send = life.send;
      await send('m1');
      await life.recorder.until(endedTimes(life.recorder, 2));
      expect(endings(life)).toEqual([
        ['done', 'm1'],
        ['done', 'm2'],
      ]);
    });
  });

  test('save the work from being given up as a loop, and start its count anew', () => {
    let send: Life['send'] = async () => undefined;
    const tool = async ({ turn }: RunToolRequest): Promise<string> => {
      if (turn === 3) await send('m2');
      return 'same';
    };
    return withAgent({ model: () => calling(READ), tool }, async (life) => {
      send = life.send;
      await send('m1');
      await life.recorder.until(endedTimes(life.recorder, 1));
      expect(life.recorder.models.map(({ notices }) => notices.length)).toEqual([0, 0, 1, 1, 0, 1]);
      expect(endings(life)).toEqual([['no_progress', 'm1', 'm2']]);
    });
  });

  test('bring their limit with them: it ends the work after the turn that read them', () => {
    let send: Life['send'] = async () => undefined;
    const tool = async ({ turn }: RunToolRequest): Promise<string> => {
      if (turn === 3) await send('m2', { maxTurns: 2 });
      return `${turn}`;
    };
    return withAgent({ model: () => calling(READ), tool }, async (life) => {
      send = life.send;
      await send('m1', { maxTurns: 50 });
      await life.recorder.until(endedTimes(life.recorder, 1));
      expect(life.recorder.models).toHaveLength(4);
      expect(endings(life)).toEqual([['turn_limit', 'm1', 'm2']]);
    });
  });
});

describe('an interrupt', () => {
  test('among parallel tool calls waits for each of them to say how far it came', () => {
    const { held, release } = hold();
    let ended = 0;
    const model = ({ turn }: CallModelRequest) =>
      turn === 1 ? calling(READ, { ...READ, index: 1 }, { ...READ, index: 2 }) : ANSWER;
    const tool = async ({ call }: RunToolRequest): Promise<string> => {
      if (call.index === 0) return 'whole';
      await untilCancelled();
      ended += 1;
      if (call.index === 1) await held;
      return 'cut';
    };
    return withAgent({ model, tool }, async (life) => {
      const { recorder, send } = life;
      await send('m1');
      await recorder.until(() => recorder.tools.length === 3);
      await interrupt(life, 'r');
      while (ended < 2) await status(life);
      expect(endings(life)).toEqual([]);
      release();
      await recorder.until(endedTimes(recorder, 1));
      await send('m2');
      await recorder.until(endedTimes(recorder, 2));
      expect(endings(life)).toEqual([
        ['interrupted', 'm1'],
        ['done', 'm2'],
      ]);
      expect(recorder.models[1]?.messages).toEqual(['m2']);
      expect(recorder.tools.every(({ interrupted }) => !interrupted)).toBe(true);
    });
  });

  test('keeps calls from beginning that waited for the one it cut', () => {
    const model = ({ turn }: CallModelRequest) =>
      turn === 1 ? calling(SHELL, { ...READ, index: 1 }) : ANSWER;
    return withAgent({ model, tool: async () => (await untilCancelled()).kind }, async (life) => {
      const { recorder, send } = life;
      await send('m1');
      await recorder.until(() => recorder.tools.length === 1);
      await interrupt(life, 'r');
      await recorder.until(endedTimes(recorder, 1));
      await send('m2');
      await recorder.until(endedTimes(recorder, 2));
      expect(recorder.tools.map(({ call }) => call.name)).toEqual(['shell']);
      expect(endings(life)[0]).toEqual(['interrupted', 'm1']);
    });
  });

  test('said twice in one turn ends that turn only', () =>
    withAgent({ model: untilInterrupted(1) }, async (life) => {
      await life.send('m1');
      await life.recorder.until(() => life.recorder.models.length === 1);
      await Promise.all([interrupt(life, 'r1'), interrupt(life, 'r2')]);
      await life.recorder.until(endedTimes(life.recorder, 1));
      await life.send('m2');
      await life.recorder.until(endedTimes(life.recorder, 2));
      expect(endings(life)).toEqual([
        ['interrupted', 'm1'],
        ['done', 'm2'],
      ]);
    }));

  test('with nothing to do for the agent does nothing, then or later', () =>
    withAgent({}, async (life) => {
      await life.send('m1');
      await life.recorder.until(endedTimes(life.recorder, 1));
      await interrupt(life, 'r1');
      await interrupt(life, 'r2');
      await status(life);
      await life.send('m2');
      await life.recorder.until(endedTimes(life.recorder, 2));
      expect(endings(life)).toEqual([
        ['done', 'm1'],
        ['done', 'm2'],
      ]);
    }));

  test('that is said again, since its first answer was lost, leaves the next prompt alone', () => {
    const { held, release } = hold();
    const model = async ({ turn }: CallModelRequest): Promise<CallModelResult> => {
      if (turn === 1) return untilCancelled();
      await held;
      return ANSWER;
    };
    return withAgent({ model }, async (life) => {
      const { handle, recorder, send } = life;
      await send('m1');
      await recorder.until(() => recorder.models.length === 1);
      await send('m2');
      await interrupt(life, 'r');
      await recorder.until(() => recorder.models.length === 2);
      await interrupt(life, 'r');
      await status(life);
      release();
      await recorder.until(endedTimes(recorder, 2));
      const { events } = await handle.fetchHistory();
      const cancels = (events ?? []).filter(
        (one) => one.activityTaskCancelRequestedEventAttributes,
      );
      expect(cancels).toHaveLength(1);
    });
  });

  test('before the turn means what was there, not the prompt that came after it', () => {
    const early = async (life: Life): Promise<void> => {
      await life.send('m1');
      await interrupt(life, 'r');
      await life.send('m2');
    };
    return withAgent({ early }, async (life) => {
      await life.recorder.until(endedTimes(life.recorder, 2));
      expect(endings(life)).toEqual([
        ['interrupted', 'm1'],
        ['done', 'm2'],
      ]);
      expect(life.recorder.models.map(({ messages }) => messages)).toEqual([['m1', 'm2']]);
    });
  });

  test('is heard by a run that has just taken over a prompt in mid-work', () => {
    const begin = {
      ...({ version: 1, sessionId: sessionIdOf('s'), agent: LEAD, role: 'lead' } as const),
      ...{ model: 'scripted/x', project: '/p', title: 't', turn: 4, carry: null },
    };
    const open = [messageIdOf('m1')];
    const carry = { ...initialCarry(begin), open, seen: open, promptTurns: 4 };
    const early = async (life: Life): Promise<void> => {
      await life.send('m2');
      await interrupt(life, 'r');
    };
    return withAgent({ early, start: { turn: 4, carry } }, async (life) => {
      await life.recorder.until(endedTimes(life.recorder, 2));
      expect(endings(life)).toEqual([
        ['interrupted', 'm1'],
        ['done', 'm2'],
      ]);
      expect(life.recorder.outcomes.map(({ numTurns }) => numTurns)).toEqual([5, 1]);
    });
  });
});

describe('a stop', () => {
  test('of an agent that rests ends it without a result', () =>
    withAgent({}, async (life) => {
      await life.send('m1');
      await life.recorder.until(endedTimes(life.recorder, 1));
      await stop(life, 'r');
      await life.handle.result();
      expect(life.recorder.outcomes[1]).toMatchObject({
        messages: [],
        outcome: 'stopped',
        ends: true,
      });
    }));

  test('before the turn means what was there; the prompt after it is served', () => {
    const early = async (life: Life): Promise<void> => {
      await life.send('m1');
      await stop(life, 'r');
      await life.send('m2');
    };
    return withAgent({ early }, async (life) => {
      await life.recorder.until(endedTimes(life.recorder, 2));
      expect(endings(life)).toEqual([
        ['stopped', 'm1'],
        ['done', 'm2'],
      ]);
      expect(life.recorder.models.map(({ messages }) => messages)).toEqual([['m2']]);
    });
  });

  test('while the model answers means what was there; the prompt after it is served', () => {
    const { held, release } = hold();
    const model = async ({ turn }: CallModelRequest): Promise<CallModelResult> => {
      if (turn > 1) return ANSWER;
      const cut = await untilCancelled();
      await held;
      return cut;
    };
    return withAgent({ model }, async (life) => {
      const { recorder, send } = life;
      await send('m1');
      await recorder.until(() => recorder.models.length === 1);
      await send('m2');
      await stop(life, 'r');
      await send('m3');
      await status(life);
      release();
      await recorder.until(endedTimes(recorder, 2));
      expect(endings(life)).toEqual([
        ['stopped', 'm1', 'm2'],
        ['done', 'm3'],
      ]);
      expect(recorder.outcomes.map(({ ends }) => ends)).toEqual([true, false]);
    });
  });

  test('in the middle of a tool call ends with the agent, whose call has said how far it came', () => {
    const model = () => calling(READ);
    return withAgent({ model, tool: async () => (await untilCancelled()).kind }, async (life) => {
      await life.send('m1');
      await life.recorder.until(() => life.recorder.tools.length === 1);
      await stop(life, 'r');
      await life.handle.result();
      expect(endings(life)).toEqual([['stopped', 'm1']]);
      expect(life.recorder.models).toHaveLength(1);
    });
  });

  test.each([
    ['r2', 'another stop ends it, too', ['stopped', 'm2']],
    ['r1', 'the same stop said again leaves it alone', ['done', 'm2']],
  ])('is being written while a prompt comes and then %s: %s', (second, _, ending) => {
    const { held, release } = hold();
    const outcome = ({ messages }: RecordOutcomeRequest): Promise<void> =>
      messages.includes(messageIdOf('m1')) ? held : Promise.resolve();
    return withAgent({ model: untilInterrupted(1), outcome }, async (life) => {
      const { recorder, send } = life;
      await send('m1');
      await recorder.until(() => recorder.models.length === 1);
      await stop(life, 'r1');
      await recorder.until(endedTimes(recorder, 1));
      await send('m2');
      await stop(life, second);
      await status(life);
      release();
      await recorder.until(endedTimes(recorder, 2));
      expect(endings(life)).toEqual([['stopped', 'm1'], ending]);
    });
  });

  test('is what a cancel from Temporal’s own tools comes to: the prompt gets its result', () =>
    withAgent({ model: untilInterrupted(1) }, async (life) => {
      await life.send('m1');
      await life.recorder.until(() => life.recorder.models.length === 1);
      await life.handle.cancel();
      await life.handle.result();
      expect(life.recorder.outcomes).toMatchObject([
        { messages: ['m1'], outcome: 'stopped', ends: true },
      ]);
    }));

  test('is what a cancel comes to for an agent that rests, too', () =>
    withAgent({}, async (life) => {
      await life.send('m1');
      await life.recorder.until(endedTimes(life.recorder, 1));
      await life.handle.cancel();
      await life.handle.result();
      expect(life.recorder.outcomes[1]).toMatchObject({ outcome: 'stopped', ends: true });
    }));
});
