/** Transcript: a row a place, its event and its usage with it, read back word for word. */
import { withStore } from '../support/store.js';
import type { Store } from '../../activities/stores/store.js';
import { AT, REF, S, answer, note, prompt, result, usage } from './samples.js';

const events = (store: Store) => store.call('readEvents', { sessionId: S, after: 0, limit: 1000 });
const kinds = async (store: Store) => (await events(store)).map(({ event }) => event.kind);

describe('transcript inputs', () => {
  it('are one row a place, with an event for prompts and notices and none for context', () =>
    withStore(async (store) => {
      const rows = [
        { turn: 1, index: 0, at: AT, body: { kind: 'context', text: 'where you are' } },
        prompt(1, 1, 'm1'),
        { turn: 1, index: 2, at: AT, body: { kind: 'notice', text: 'mind the loop' } },
      ] as const;
      await store.call('appendInputs', { ...REF, rows });
      await store.call('appendInputs', { ...REF, rows: [prompt(1, 1, 'other'), ...rows] });
      expect(await store.call('readTranscript', REF)).toEqual(rows);
      expect((await events(store)).map(({ event }) => event)).toEqual([
        { kind: 'prompt', agent: 'lead', messageId: 'm1', text: 'text of m1' },
        { kind: 'notice', agent: 'lead', text: 'mind the loop' },
      ]);
    }));

  it('of which one is there already add the others', () =>
    withStore(async (store) => {
      await store.call('appendInputs', { ...REF, rows: [prompt(1, 0, 'm1')] });
      await store.call('appendInputs', {
        ...REF,
        rows: [prompt(1, 0, 'm1'), prompt(1, 1, 'm2')],
      });
      expect(await kinds(store)).toEqual(['prompt', 'prompt']);
    }));
});

describe('transcript answers', () => {
  it('are bought once: the second is refused with its event, usage and cost', () =>
    withStore(async (store) => {
      const append = (text: string) =>
        store.call('appendAnswer', { ...REF, row: answer(1, text), usage: usage() });
      expect(await append('first')).toBe(true);
      expect(await append('second')).toBe(false);
      expect(await store.call('readAnswer', { ...REF, turn: 1 })).toEqual(answer(1, 'first'));
      expect(await store.call('readAnswer', { ...REF, turn: 2 })).toBeNull();
      expect(await store.call('countAnswers', REF)).toBe(1);
      expect((await store.call('sumUsage', { ...REF, fromTurn: 1 })).calls).toBe(1);
      expect(await kinds(store)).toEqual(['answer']);
    }));

  it("keep the provider's own message word for word and out of the events", () =>
    withStore(async (store) => {
      const native = { role: 'assistant', odd: [null, 1e-7, 'ü\u2028'], tool_calls: [{ id: 'x' }] };
      await store.call('appendAnswer', { ...REF, row: answer(1, 'a', native), usage: usage() });
      expect(await store.call('readAnswer', { ...REF, turn: 1 })).toEqual(answer(1, 'a', native));
      const [told] = await events(store);
      expect(told?.event).toEqual({
        kind: 'answer',
        agent: 'lead',
        turn: 1,
        model: 'scripted/edit',
        blocks: [{ kind: 'text', text: 'a' }],
        usage: usage().usage,
        stopReason: 'stop',
      });
    }));

  it('of two agents with the same turn are two', () =>
    withStore(async (store) => {
      for (const agent of ['lead', 'helper'])
        expect(
          await store.call('appendAnswer', {
            sessionId: S,
            agent,
            row: answer(1),
            usage: usage(),
          }),
        ).toBe(true);
      expect(await kinds(store)).toEqual(['answer', 'answer']);
    }));
});

describe('transcript results', () => {
  it("keep the model's order, however they came in", () =>
    withStore(async (store) => {
      await store.call('appendInputs', { ...REF, rows: [prompt(1, 0, 'm1')] });
      await store.call('appendAnswer', { ...REF, row: answer(1), usage: usage() });
      for (const call of [2, 0, 11, 1])
        await store.call('appendResult', { ...REF, row: result(1, call), effect: null });
      const rows = await store.call('readTranscript', REF);
      expect(rows).toEqual([
        prompt(1, 0, 'm1'),
        answer(1),
        result(1, 0),
        result(1, 1),
        result(1, 2),
        result(1, 11),
      ]);
      expect(await store.call('lastTurn', REF)).toBe(1);
      expect(await store.call('lastTurn', { ...REF, agent: 'nobody' })).toBe(0);
    }));

  it('are one a call, with a tool_result event and the effect told beside it', () =>
    withStore(async (store) => {
      const append = (text: string) =>
        store.call('appendResult', { ...REF, row: result(2, 3, text), effect: note() });
      expect(await append('first')).toBe(true);
      expect(await append('second')).toBe(false);
      expect(await store.call('readResult', { ...REF, turn: 2, call: 3 })).toEqual(
        result(2, 3, 'first'),
      );
      expect(await store.call('readResult', { ...REF, turn: 2, call: 0 })).toBeNull();
      const callId = 'lead.2.3';
      const { commit: _, ...shown } = note();
      expect((await events(store)).map(({ event }) => event)).toEqual([
        { kind: 'tool_result', agent: 'lead', turn: 2, callId, text: 'first', isError: false },
        { kind: 'effect', agent: 'lead', callId, ...shown },
      ]);
    }));

  it('tell which paths and commits were made since a turn, applied effects alone', () =>
    withStore(async (store) => {
      const append = (turn: number, call: number, over: Parameters<typeof note>[0]) =>
        store.call('appendResult', { ...REF, row: result(turn, call), effect: note(over) });
      await append(1, 0, { paths: ['old.ts'] });
      await append(2, 0, { paths: ['a.ts', 'b.ts'] });
      await append(2, 1, { paths: ['lost.ts'], outcome: 'unknown' });
      await append(3, 0, { paths: ['b.ts', 'c.ts'], commit: 'abc123' });
      await store.call('appendResult', { ...REF, row: result(3, 1), effect: null });
      expect(await store.call('changesSince', { ...REF, fromTurn: 2 })).toEqual({
        paths: ['a.ts', 'b.ts', 'c.ts'],
        commits: ['abc123'],
      });
    }));
});
