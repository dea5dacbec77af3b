/**
 * Quick calls ride on the workflow task; whatever goes wrong there is done again the ordinary way.
 */
import { ApplicationFailure, Context } from '@temporalio/activity';

import { interruptTurnSignal } from '../../../workflows/protocol/agent.js';
import type { CallModelRequest, ToolCallSummary } from '../../../workflows/protocol/turn.js';
import {
  ANSWER,
  calling,
  endedTimes,
  READ,
  SHELL,
  untilCancelled,
  useLifeServer,
  type Life,
  type Play,
} from '../../support/agent-life.js';

const QUICK: ToolCallSummary = { ...READ, isQuick: true };

const { withAgent } = useLifeServer();

/** One turn of these calls, then the answer. */
const onePrompt = (play: Play, ...calls: ToolCallSummary[]): Play => ({
  model: ({ turn }: CallModelRequest) => (turn === 1 ? calling(...calls) : ANSWER),
  ...play,
});

const finish = async ({ recorder, send }: Life): Promise<void> => {
  await send('m1');
  await recorder.until(endedTimes(recorder, 1));
};

const isLocal = (): boolean => Context.current().info.isLocal;

/** Names of ordinary activities in the order the history has them. */
const scheduledIn = async ({ handle }: Life): Promise<readonly string[]> =>
  ((await handle.fetchHistory()).events ?? []).flatMap((event) => {
    const name = event.activityTaskScheduledEventAttributes?.activityType?.name;
    return name ? [name] : [];
  });

describe('a quick call', () => {
  test('costs no round of its own: the history has no activity for it', () => {
    const where: boolean[] = [];
    const tool = (): string => `${where.push(isLocal())}`;
    return withAgent(onePrompt({ tool }, QUICK), async (life) => {
      await finish(life);
      expect(where).toEqual([true]);
      expect(await scheduledIn(life)).toEqual(['callModel', 'callModel', 'recordOutcome']);
    });
  });

  test('that is refused or fails beside the decision is asked for as an ordinary activity', () => {
    const where: boolean[] = [];
    const tool = (): string => {
      where.push(isLocal());
      if (isLocal()) throw ApplicationFailure.nonRetryable('not here', 'NotYetQuick');
      return 'read';
    };
    return withAgent(onePrompt({ tool }, QUICK), async (life) => {
      await finish(life);
      expect(where).toEqual([true, false]);
      expect(life.recorder.outcomes).toMatchObject([{ outcome: 'done' }]);
    });
  });

  test('that hangs is given up within the workflow task and asked for again', () => {
    const where: boolean[] = [];
    const tool = async (): Promise<string> => {
      where.push(isLocal());
      if (isLocal()) await Context.current().cancelled.catch(() => undefined);
      return 'read';
    };
    return withAgent(onePrompt({ tool }, QUICK), async (life) => {
      await finish(life);
      expect(where).toEqual([true, false]);
      const history = await life.handle.fetchHistory();
      const lost = history.events?.filter((e) => e.workflowTaskTimedOutEventAttributes) ?? [];
      expect(lost).toEqual([]);
      expect(life.recorder.outcomes).toMatchObject([{ outcome: 'done' }]);
    });
  });

  test('keeps its place among slow ones: results come in the order of the calls', () => {
    const slow = { ...SHELL, index: 1 };
    const last = { ...QUICK, index: 2, subject: 'b.txt' };
    const play = onePrompt({ tool: ({ call }) => call.subject }, QUICK, slow, last);
    return withAgent(play, async (life) => {
      await finish(life);
      expect(life.recorder.tools.map(({ call }) => call.index)).toEqual([0, 1, 2]);
      expect(await scheduledIn(life)).toEqual([
        ...['callModel', 'runTool', 'callModel', 'recordOutcome'],
      ]);
    });
  });

  test('of the same turn again and again still trips the guard against loops', () => {
    const model = (): ReturnType<typeof calling> => calling(QUICK);
    return withAgent({ model, tool: () => 'same' }, async (life) => {
      await finish(life);
      expect(life.recorder.outcomes).toMatchObject([{ outcome: 'no_progress' }]);
    });
  });

  test('that an interrupt overtakes is the last thing done: the next answer is cut', () => {
    const model = ({ turn }: CallModelRequest) => (turn === 1 ? calling(QUICK) : untilCancelled());
    // The interrupt is in the server before the call can end.
    const tool = async (): Promise<string> => {
      await life?.handle.signal(interruptTurnSignal, { requestId: 'r' });
      return 'read';
    };
    let life: Life | undefined;
    return withAgent({ model, tool }, async (started) => {
      life = started;
      await finish(life);
      expect(life.recorder.tools).toHaveLength(1);
      expect(life.recorder.outcomes).toMatchObject([{ outcome: 'interrupted' }]);
    });
  });
});
