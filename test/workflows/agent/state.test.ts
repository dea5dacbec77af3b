/** An agent's state between turns: inbox, turn counting, loop guard. */
import {
  acceptMessage,
  beginTurn,
  closePrompts,
  dropInbox,
  initialCarry,
  noteCalls,
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
  turn: 4,
  carry: null,
};
const item = (id: string, maxTurns = 0): InboxItem => ({
  messageId: messageIdOf(id),
  settings: { permissionMode: 'bypass', onAsk: 'deny', maxTurns, model: null },
});
const call = (index: number, name: string, hash: string): ToolCallSummary => ({
  index,
  name,
  permission: 'read',
  subject: '',
  argumentsHash: hash,
});
const result = (index: number, hash: string): RunToolResult => ({
  index,
  isError: false,
  resultHash: hash,
  interrupted: false,
});
const fresh = (): AgentCarry => initialCarry(START);

describe('inbox', () => {
  test('a message accepted twice is one message', () => {
    const carry = acceptMessage(acceptMessage(fresh(), item('a')), item('a'));
    expect(carry.inbox).toHaveLength(1);
  });

  test('a message is remembered after it was read', () => {
    const { carry } = beginTurn(acceptMessage(fresh(), item('a')));
    expect(acceptMessage(carry, item('a'))).toBe(carry);
  });

  test('only the last 200 ids are remembered', () => {
    let carry = fresh();
    for (let n = 0; n < 250; n += 1) carry = acceptMessage(carry, item(`m${n}`));
    expect(carry.seen).toHaveLength(200);
    expect(carry.inbox).toHaveLength(250);
  });
});

describe('a turn', () => {
  test('takes the whole inbox along, and the newest settings', () => {
    const filled = acceptMessage(acceptMessage(fresh(), item('a', 1)), item('b', 7));
    const { carry, input } = beginTurn(filled);
    expect(input.messages).toEqual(['a', 'b']);
    expect(carry).toMatchObject({ turn: 5, inbox: [], open: ['a', 'b'], promptTurns: 1 });
    expect(carry.settings.maxTurns).toBe(7);
  });

  test('counts from the oldest open prompt', () => {
    const first = beginTurn(acceptMessage(fresh(), item('a'))).carry;
    const second = beginTurn(acceptMessage(first, item('b'))).carry;
    expect(second.promptTurns).toBe(2);
    expect(closePrompts(second, second.open)).toMatchObject({ open: [], promptTurns: 0 });
  });

  test('hands notices to the model once', () => {
    const { carry, input } = beginTurn({ ...fresh(), notices: ['mind the loop'] });
    expect(input.notices).toEqual(['mind the loop']);
    expect(carry.notices).toEqual([]);
  });

  test('a prompt that came while another was settled stays open', () => {
    const carry = { ...fresh(), open: [messageIdOf('a'), messageIdOf('b')] };
    expect(closePrompts(carry, [messageIdOf('a')]).open).toEqual(['b']);
  });

  test('what a stopped agent had not read is answered with the rest', () => {
    const begun = beginTurn(acceptMessage(fresh(), item('a'))).carry;
    const dropped = dropInbox(acceptMessage(begun, item('b')));
    expect(dropped).toMatchObject({ inbox: [], open: ['a', 'b'] });
  });
});

describe('the loop guard', () => {
  const calls = [call(0, 'read', 'h1'), call(1, 'shell', 'h2')];
  const swapped = [call(0, 'shell', 'h2'), call(1, 'read', 'h1')];

  test('the same calls with the same results count, whatever their order', () => {
    const once = noteCalls(fresh(), calls, [result(0, 'r1'), result(1, 'r2')]);
    const twice = noteCalls(once, swapped, [result(0, 'r2'), result(1, 'r1')]);
    expect([once.guard.repeats, twice.guard.repeats]).toEqual([1, 2]);
  });

  test('another result starts anew', () => {
    const once = noteCalls(fresh(), calls, [result(0, 'r1'), result(1, 'r2')]);
    expect(noteCalls(once, calls, [result(0, 'r1'), result(1, 'r3')]).guard.repeats).toBe(1);
  });

  test('a new prompt starts anew', () => {
    const once = noteCalls(fresh(), calls, [result(0, 'r1'), result(1, 'r2')]);
    const { carry } = beginTurn(acceptMessage(once, item('b')));
    expect(noteCalls(carry, calls, [result(0, 'r1'), result(1, 'r2')]).guard.repeats).toBe(1);
  });
});
