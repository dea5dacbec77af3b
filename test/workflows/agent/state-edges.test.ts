/** An agent's state under what goes wrong between turns: floods, repetitions, interrupts, hand-overs. */
import {
  acceptMessage,
  addCost,
  addGrant,
  beginTurn,
  closePrompts,
  dropInbox,
  hasHeard,
  initialCarry,
  interruptWaiting,
  noteCalls,
  noteHeard,
  noteInterrupt,
  REPEATS_ENDED,
} from '../../../workflows/agent/state.js';
import type { AgentCarry, AgentStart, InboxItem } from '../../../workflows/protocol/agent.js';
import { LEAD, messageIdOf, sessionIdOf } from '../../../workflows/protocol/ids.js';
import type { RunToolResult, ToolCallSummary } from '../../../workflows/protocol/turn.js';

const START: AgentStart = {
  version: 1,
  sessionId: sessionIdOf('s'),
  agent: LEAD,
  role: 'lead',
  model: 'scripted/x',
  project: '/p',
  title: 't',
  turn: 0,
  carry: null,
};
const fresh = initialCarry(START);
const item = (id: string, settings: Partial<InboxItem['settings']> = {}): InboxItem => ({
  messageId: messageIdOf(id),
  settings: { permissionMode: 'bypass', onAsk: 'deny', maxTurns: 0, model: null, ...settings },
});
const accept = (carry: AgentCarry, ...ids: string[]): AgentCarry =>
  ids.reduce((state, id) => acceptMessage(state, item(id)), carry);
const waiting = (carry: AgentCarry): readonly string[] => carry.inbox.map((one) => one.messageId);

describe('a flood of prompts', () => {
  const ids = Array.from({ length: 500 }, (_, n) => `m${n}`);

  test('is read whole and in order', () => {
    expect(beginTurn(accept(fresh, ...ids)).input.messages).toEqual(ids);
  });

  test('takes no prompt twice while it waits, however long ago it came', () => {
    const flooded = accept(fresh, ...ids);
    expect(accept(flooded, 'm0', 'm299', 'm499')).toBe(flooded);
  });

  test('takes no prompt twice while it is worked on', () => {
    const { carry } = beginTurn(accept(fresh, ...ids));
    expect(accept(carry, 'm0')).toBe(carry);
  });
});

describe('settings', () => {
  test('of the newest prompt count, and a model that is not named stays', () => {
    const first = beginTurn(acceptMessage(fresh, item('a', { model: 'scripted/y' }))).carry;
    const second = beginTurn(acceptMessage(first, item('b', { maxTurns: 3 }))).carry;
    expect(second).toMatchObject({ model: 'scripted/y', settings: { maxTurns: 3, model: null } });
  });

  test('stay as they are in a turn without a new prompt', () => {
    const { carry } = beginTurn(acceptMessage(fresh, item('a', { maxTurns: 9 })));
    expect(beginTurn(carry).carry.settings.maxTurns).toBe(9);
  });

  test('of an agent that nobody has told anything allow nothing and ask nobody', () => {
    expect(fresh.settings).toEqual({
      permissionMode: 'default',
      onAsk: 'deny',
      maxTurns: 0,
      model: null,
    });
  });
});

describe('an interrupt before a turn', () => {
  test('means the prompts that wait, and none that comes after it', () => {
    const carry = accept(interruptWaiting(accept(fresh, 'a', 'b')), 'c');
    const begun = beginTurn(carry);
    expect(begun.input.messages).toEqual(['a', 'b']);
    expect(begun.carry.open).toEqual(['a', 'b']);
    expect(waiting(begun.carry)).toEqual(['c']);
  });

  test('said again means what came in between, too', () => {
    const once = accept(interruptWaiting(accept(fresh, 'a')), 'b');
    const begun = beginTurn(interruptWaiting(once));
    expect(begun.carry).toMatchObject({ open: ['a', 'b'], inbox: [], interruptNext: false });
  });

  test('means the prompt in hand and lets those behind it wait', () => {
    const inHand = accept(beginTurn(accept(fresh, 'a')).carry, 'b');
    const begun = beginTurn(interruptWaiting(inHand));
    expect(begun.carry.open).toEqual(['a']);
    expect(waiting(begun.carry)).toEqual(['b']);
  });

  test('is over with that turn, and what it kept from the model is read with the next prompt', () => {
    const begun = beginTurn(interruptWaiting(accept(fresh, 'a')));
    const ended = closePrompts(
      noteInterrupt(begun.carry, begun.input.messages, 'cut'),
      ['a'].map(messageIdOf),
    );
    const next = beginTurn(accept(ended, 'b'));
    expect(next.input).toEqual({ messages: ['a', 'b'], notices: ['cut'] });
    expect(next.carry).toMatchObject({ open: ['b'], unread: [], interruptNext: false });
  });

  test('counts as a turn of the prompt that it ends', () => {
    expect(beginTurn(interruptWaiting(accept(fresh, 'a'))).carry.promptTurns).toBe(1);
  });

  test('keeps the model that its prompt asked for', () => {
    const carry = acceptMessage(fresh, item('a', { model: 'scripted/y' }));
    expect(interruptWaiting(carry).model).toBe('scripted/y');
  });

  test('is forgotten by a stop, which ends what it meant', () => {
    const stopped = dropInbox(interruptWaiting(accept(fresh, 'a')));
    expect(stopped).toMatchObject({ open: ['a'], inbox: [], interruptNext: false });
  });
});

describe('an interrupt or a stop that is said again', () => {
  test('is known for as long as somebody may say it again', () => {
    let carry = noteHeard(fresh, 'stop r0');
    for (let n = 1; n < 20; n += 1) carry = noteHeard(carry, `stop r${n}`);
    expect(hasHeard(carry, 'stop r0')).toBe(true);
    carry = noteHeard(carry, 'stop r20');
    expect(hasHeard(carry, 'stop r0')).toBe(false);
    expect(carry.heard).toHaveLength(20);
  });

  test('is news to an agent whose state comes from an older build', () => {
    const { heard: _, ...older } = { ...fresh, heard: [] };
    expect(hasHeard(older, 'stop r')).toBe(false);
    expect(hasHeard(noteHeard(older, 'stop r'), 'stop r')).toBe(true);
  });
});

const callOf = (name: string, hash: string, index = 0): ToolCallSummary => ({
  index,
  name,
  permission: 'read',
  subject: '',
  argumentsHash: hash,
});
const resultOf = (resultHash: string, index = 0): RunToolResult => ({
  index,
  isError: false,
  resultHash,
  interrupted: false,
});

describe('the loop guard', () => {
  /** A turn as "call>result" words, each with its place in the turn for an index. */
  const repeatsOf = (...turns: readonly (readonly string[])[]): number =>
    turns.reduce((carry, words) => {
      const pairs = words.map((word) => word.split('>') as [string, string]);
      return noteCalls(
        carry,
        pairs.map(([hash], index) => callOf('read', hash, index)),
        pairs.map(([, hash], index) => resultOf(hash, index)),
      );
    }, fresh).guard.repeats;

  test.each<[string, number, readonly (readonly string[])[]]>([
    ['the same three times', REPEATS_ENDED, [['a>1'], ['a>1'], ['a>1']]],
    [
      'the same pair in another order',
      REPEATS_ENDED,
      [
        ['a>1', 'b>2'],
        ['b>2', 'a>1'],
        ['a>1', 'b>2'],
      ],
    ],
    ['something else in between', 1, [['a>1'], ['a>1'], ['b>1'], ['a>1']]],
    ['a result that moves on', 1, [['a>1'], ['a>2'], ['a>3']]],
    [
      'two calls that change places in their results',
      1,
      [
        ['a>1', 'b>2'],
        ['a>2', 'b>1'],
      ],
    ],
    ['one call more', 1, [['a>1'], ['a>1', 'a>1']]],
    ['one call less', 1, [['a>1', 'b>2'], ['a>1']]],
    ['to and fro', 1, [['a>1'], ['b>1'], ['a>1'], ['b>1']]],
  ])('%s counts %d', (_, repeats, turns) => {
    expect(repeatsOf(...turns)).toBe(repeats);
  });

  test('tells another tool with the same arguments apart', () => {
    const once = noteCalls(fresh, [callOf('read', 'a')], [resultOf('1')]);
    expect(noteCalls(once, [callOf('write', 'a')], [resultOf('1')]).guard.repeats).toBe(1);
  });

  test('is not reset by a turn that brings no prompt, and survives a hand-over', () => {
    const twice = noteCalls(
      noteCalls(fresh, [callOf('read', 'a')], [resultOf('1')]),
      [callOf('read', 'a')],
      [resultOf('1')],
    );
    const carried = initialCarry({
      ...START,
      carry: JSON.parse(JSON.stringify(twice)) as AgentCarry,
    });
    const { carry } = beginTurn(carried);
    expect(noteCalls(carry, [callOf('read', 'a')], [resultOf('1')]).guard.repeats).toBe(3);
  });

  test('stays small however many calls a turn has', () => {
    const calls = Array.from({ length: 64 }, (_, n) => callOf('x'.repeat(128), 'h'.repeat(64), n));
    const { guard } = noteCalls(
      fresh,
      calls,
      calls.map(({ index }) => resultOf('r'.repeat(64), index)),
    );
    expect(guard.signature.length).toBeLessThan(16 * 1024);
  });
});

describe('what is carried', () => {
  test('costs add up, and an unknown price adds nothing', () => {
    const carry = [0.5, null, 0.25].reduce<AgentCarry>(addCost, fresh);
    expect(carry.costUsd).toBe(0.75);
  });

  test('a permission that was given twice is one', () => {
    expect(addGrant(addGrant(fresh, 'Bash(make)'), 'Bash(make)').grants).toEqual(['Bash(make)']);
  });

  test('is plain JSON after anything that can happen', () => {
    const busy = noteHeard(interruptWaiting(accept(fresh, 'a', 'b')), 'stop r');
    const worked = noteCalls(addCost(busy, 0.1), [callOf('read', 'a')], [resultOf('1')]);
    expect(JSON.parse(JSON.stringify(worked))).toEqual(worked);
  });

  test('is never changed in place', () => {
    const frozen = accept(fresh, 'a');
    const deep = JSON.stringify(frozen);
    beginTurn(interruptWaiting(frozen));
    dropInbox(accept(frozen, 'b'));
    noteHeard(frozen, 'stop r');
    expect(JSON.stringify(frozen)).toBe(deep);
  });
});

/** A small generator with a seed, so that a failure can be looked at again. */
const dice = (seed: number) => {
  let state = seed;
  return (sides: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * sides);
  };
};

test('whatever comes in whatever order, every prompt is answered exactly once and read at most once a turn', () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const roll = dice(seed);
    const sent: string[] = [];
    const answered: string[] = [];
    let carry = fresh;
    const send = (): void => {
      const isRepeated = sent.length > 0 && roll(3) === 0;
      const id = isRepeated ? (sent[roll(sent.length)] ?? 'm') : `m${sent.length}`;
      if (!isRepeated) sent.push(id);
      carry = accept(carry, id);
    };
    const close = (): void => {
      answered.push(...carry.open);
      carry = closePrompts(carry, carry.open);
    };
    const turn = (): void => {
      const begun = beginTurn(carry);
      expect(new Set(begun.input.messages).size).toBe(begun.input.messages.length);
      carry = roll(2) === 0 ? noteInterrupt(begun.carry, begun.input.messages, 'cut') : begun.carry;
      if (roll(3) > 0) close();
    };
    const stop = (): void => {
      carry = dropInbox(carry);
      close();
    };
    const acts = [send, send, send, turn, turn, () => (carry = interruptWaiting(carry)), stop];
    for (let n = 0; n < 60; n += 1) acts[roll(acts.length)]?.();
    stop();
    expect([seed, [...answered].sort()]).toEqual([seed, [...sent].sort()]);
    expect(carry).toMatchObject({ open: [], inbox: [] });
  }
});
