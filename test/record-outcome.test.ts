/** The one result of a prompt, on a real store: what it counts, and that nothing writes it twice. */
import { makeRecordOutcome } from '../activities/record-outcome.js';
import type { Store } from '../activities/stores/store.js';
import type { TranscriptRow } from '../activities/stores/transcript-store.js';
import type { PromptResult } from '../workflows/protocol/events.js';
import { messageIdOf, sessionIdOf } from '../workflows/protocol/ids.js';
import { ENDINGS, type Outcome } from '../workflows/protocol/states.js';
import type { RecordOutcomeRequest } from '../workflows/protocol/turn.js';
import {
  answer,
  LEAD,
  message,
  note,
  REF,
  result,
  S,
  second,
  session,
  state,
  usage,
} from './stores/samples.js';
import { openTestStore, takeFence, withStore } from './support/store.js';

const request = (over: Partial<RecordOutcomeRequest> = {}): RecordOutcomeRequest => ({
  sessionId: sessionIdOf(S),
  agent: LEAD,
  turn: 2,
  messages: [messageIdOf('m1')],
  outcome: 'done',
  exitCode: null,
  reason: null,
  numTurns: 2,
  ends: false,
  ...over,
});
const record = (store: Store, over: Partial<RecordOutcomeRequest> = {}, at = second(60)) =>
  makeRecordOutcome({ store, now: () => new Date(at) })(request(over));
const results = async (store: Store): Promise<readonly PromptResult[]> =>
  (await store.call('readEvents', { sessionId: S, after: 0, limit: 100 })).flatMap(({ event }) =>
    event.kind === 'result' ? [event] : [],
  );
const agentOf = (store: Store) => store.call('getAgent', { sessionId: S, name: 'lead' });
const putAnswer = (store: Store, row: TranscriptRow): Promise<boolean> =>
  store.call('appendAnswer', { ...REF, row, usage: usage() });

/** A session with a prompt that was sent at the tenth second. */
const withPrompt = (body: (store: Store) => Promise<void>): Promise<void> =>
  withStore(async (store) => {
    await store.call('createSession', session());
    await store.call('storeMessage', message('m1', { sentAt: second(10) }));
    await body(store);
  });

describe('a result', () => {
  test('has the last words, the bill, the changes and the refusals of its own turns', () =>
    withPrompt(async (store) => {
      for (const turn of [1, 2, 3]) await putAnswer(store, answer(turn));
      const old = { row: result(1, 0), effect: note({ paths: ['old.ts'], commit: 'aaa' }) };
      await store.call('appendResult', { ...REF, ...old });
      const edit = { row: result(2, 0), effect: note({ paths: ['src/b.ts'], commit: 'bbb' }) };
      await store.call('appendResult', { ...REF, ...edit });
      const refused = result(2, 1);
      const row = { ...refused, body: { ...refused.body, tool: 'shell', denied: true } };
      await store.call('appendResult', { ...REF, row, effect: null });
      await record(store, { turn: 3, numTurns: 2 });
      expect(await results(store)).toMatchObject([
        {
          ...{ messages: ['m1'], outcome: 'done', exitCode: 0, text: 'answer 3', reason: null },
          ...{ numTurns: 2, durationMs: 50_000, durationApiMs: 2401, costUsd: 0.5 },
          usage: { input_tokens: 2000, output_tokens: 100 },
          permissionDenials: [{ toolName: 'shell', callId: 'lead.2.1' }],
          filesChanged: ['src/b.ts'],
          commits: ['bbb'],
        },
      ]);
    }));

  test('has the last text there was, when the last answer was calls alone', () =>
    withPrompt(async (store) => {
      await putAnswer(store, answer(1, 'I look.'));
      const silent = answer(2);
      const blocks = [{ kind: 'thinking', text: 'hm' }] as const;
      await putAnswer(store, { ...silent, body: { ...silent.body, blocks } });
      await record(store, { outcome: 'turn_limit', reason: 'the limit of 2 turns' });
      expect(await results(store)).toMatchObject([
        { text: 'I look.', reason: 'the limit of 2 turns', exitCode: 53 },
      ]);
    }));

  test('has its reason for a text, when no model said anything', () =>
    withPrompt(async (store) => {
      await record(store, { outcome: 'interrupted', reason: 'the turn was interrupted', turn: 1 });
      expect(await results(store)).toMatchObject([
        { text: 'the turn was interrupted', exitCode: 130, numTurns: 0, filesChanged: [] },
      ]);
    }));

  test.each(Object.keys(ENDINGS) as Outcome[])('as %s has the exit code of its ending', (outcome) =>
    withPrompt(async (store) => {
      await record(store, { outcome });
      expect(await results(store)).toMatchObject([{ exitCode: ENDINGS[outcome].exitCode }]);
    }),
  );

  test('that the caller has to mend says so with an exit code of its own', () =>
    withPrompt(async (store) => {
      await record(store, { outcome: 'failed', exitCode: 2, reason: 'no key' });
      expect(await results(store)).toMatchObject([{ outcome: 'failed', exitCode: 2 }]);
    }));

  test.each([
    ['a clock that was set back', ['m1'], second(1)],
    ['a message nobody stored', ['gone'], second(60)],
  ])('took no time under %s, never less', (_, ids, at) =>
    withPrompt(async (store) => {
      await record(store, { messages: ids.map(messageIdOf) }, at);
      expect(await results(store)).toMatchObject([{ durationMs: 0 }]);
    }),
  );

  test('of several prompts is one, counted from the first of them, and owed to none of them any more', () =>
    withPrompt(async (store) => {
      await store.call('storeMessage', message('m2', { sentAt: second(5) }));
      await store.call('storeMessage', message('m3', { sentAt: second(50) }));
      await record(store, { messages: ['m1', 'm2'].map(messageIdOf) });
      expect(await results(store)).toMatchObject([{ messages: ['m1', 'm2'], durationMs: 55_000 }]);
      const owed = await store.call('owedMessages', {});
      expect(owed.map(({ id }) => id)).toEqual(['m3']);
    }));
});

describe('a result that is written again', () => {
  test('stays as it was first', () =>
    withPrompt(async (store) => {
      await putAnswer(store, answer(1));
      await record(store, { turn: 1, numTurns: 1 });
      const first = await results(store);
      await putAnswer(store, answer(2));
      await record(store, { outcome: 'failed', reason: 'late' }, second(99));
      expect(await results(store)).toEqual(first);
    }));

  test('by many at once is one', () =>
    withPrompt(async (store) => {
      await Promise.all(Array.from({ length: 8 }, () => record(store)));
      expect(await results(store)).toHaveLength(1);
    }));

  test('after the agent has gone on does not put it to rest', () =>
    withPrompt(async (store) => {
      await record(store);
      await store.call('setAgentState', state({ turn: 3, state: 'tool', tool: 'edit' }));
      await record(store, {}, second(90));
      expect(await agentOf(store)).toMatchObject({ state: 'tool', turn: 3 });
    }));

  test('by a daemon that was replaced is refused whole', () =>
    withStore(async (store, paths) => {
      await store.call('createSession', session());
      const successor = await openTestStore(paths);
      try {
        await takeFence(successor);
        await expect(record(store)).rejects.toMatchObject({ code: 'FENCED' });
        expect([await results(successor), await agentOf(successor)]).toEqual([[], null]);
      } finally {
        await successor.close();
      }
    }));
});

describe('an agent', () => {
  test.each([
    [false, 'idle'],
    [true, 'ended'],
  ])('whose ending ends it (%s) is %s, with how it ended', (ends, shown) =>
    withPrompt(async (store) => {
      await record(store, { ends, outcome: 'stopped', reason: 'the session was stopped' });
      expect(await agentOf(store)).toMatchObject({ state: shown, outcome: 'stopped' });
    }),
  );

  test('that is stopped at rest ends without a result', () =>
    withPrompt(async (store) => {
      await record(store, { messages: [], ends: true, outcome: 'stopped', numTurns: 0 });
      expect(await results(store)).toEqual([]);
      expect(await agentOf(store)).toMatchObject({ state: 'ended', outcome: 'stopped' });
    }));

  test('keeps the model that it is shown with', () =>
    withPrompt(async (store) => {
      await store.call('setAgentState', state({ turn: 1, model: 'mock/two' }));
      await record(store);
      expect(await agentOf(store)).toMatchObject({ state: 'idle', model: 'mock/two' });
    }));
});
