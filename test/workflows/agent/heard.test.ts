/** What an agent makes of signals nobody of ours would send: never an error, never a permission. */
import { readDecision, readItem, readRequestId } from '../../../workflows/agent/heard.js';

const JUNK: readonly (readonly [string, unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['a text', 'm1'],
  ['a number', 7],
  ['a list', ['m1']],
  ['an empty object', {}],
  ['bytes', new Uint8Array([1, 2, 3])],
  ['an object without a prototype', Object.create(null)],
  ['another word', { hello: 'world' }],
];
const NOTHING_ALLOWED = { permissionMode: 'default', onAsk: 'deny', maxTurns: 0, model: null };

describe('a prompt on the wire', () => {
  const whole = {
    messageId: 'm1',
    settings: { permissionMode: 'bypass', onAsk: 'park', maxTurns: 7, model: 'scripted/x' },
  };

  test('that is whole is taken as it is', () => {
    expect(readItem(whole)).toEqual(whole);
  });

  test.each(JUNK)('%s is no prompt', (_, value) => {
    expect(readItem(value)).toBeNull();
  });

  test.each<[string, unknown]>([
    ['an empty one', ''],
    ['a number', 12],
    ['an object', { toString: () => 'm1' }],
    ['one of 201 characters', 'x'.repeat(201)],
  ])('with %s for an id is no prompt', (_, messageId) => {
    expect(readItem({ ...whole, messageId })).toBeNull();
  });

  test.each(JUNK)('with %s for settings is a prompt to which nothing is allowed', (_, settings) => {
    expect(readItem({ messageId: 'm1', settings })).toEqual({
      messageId: 'm1',
      settings: NOTHING_ALLOWED,
    });
  });

  test.each<[string, object, object]>([
    ['a mode in capitals', { permissionMode: 'BYPASS' }, { permissionMode: 'default' }],
    [
      'a list that reads like a mode',
      { permissionMode: ['bypass'] },
      { permissionMode: 'default' },
    ],
    ['a mode that is to come', { permissionMode: 'auto' }, { permissionMode: 'default' }],
    ['true for parking', { onAsk: true }, { onAsk: 'deny' }],
    ['turns below none', { maxTurns: -1 }, { maxTurns: 0 }],
    ['turns as text', { maxTurns: '3' }, { maxTurns: 0 }],
    ['turns that are no number', { maxTurns: Number.NaN }, { maxTurns: 0 }],
    ['an empty model', { model: '' }, { model: null }],
    ['an object as model', { model: { provider: 'x' } }, { model: null }],
  ])('with %s gets the careful reading', (_, given, read) => {
    const settings = { ...whole.settings, ...given };
    expect(readItem({ ...whole, settings })?.settings).toEqual({ ...whole.settings, ...read });
  });

  test('brings nothing along that the protocol does not name', () => {
    const big = { ...whole, extra: 'x'.repeat(1e6), settings: { ...whole.settings, more: 1 } };
    expect(readItem(big)).toEqual(whole);
  });
});

describe('an answer on the wire', () => {
  const yes = { approvalId: 'q-1', decision: 'approve', always: true, reason: null };

  test('that is whole is taken as it is', () => {
    expect(readDecision(yes)).toEqual(yes);
    const no = { approvalId: 'q-1', decision: 'deny', always: false, reason: 'not now' };
    expect(readDecision(no)).toEqual(no);
  });

  test.each(JUNK)('%s is no answer', (_, value) => {
    expect(readDecision(value)).toBeNull();
  });

  test.each([['yes'], ['APPROVE'], [true], [1], [null], [['approve']], [undefined]])(
    'the decision %p is none: the question stays open',
    (decision) => {
      expect(readDecision({ ...yes, decision })).toBeNull();
    },
  );

  test.each([['true'], [1], [{}], [undefined], [null]])(
    '"always" as %p allows this once only',
    (always) => {
      expect(readDecision({ ...yes, always })).toMatchObject({
        decision: 'approve',
        always: false,
      });
    },
  );

  test('keeps 2,000 characters of a reason, and none that is no text', () => {
    const long = readDecision({ ...yes, decision: 'deny', reason: 'x'.repeat(5000) });
    expect(long?.reason).toHaveLength(2000);
    expect(readDecision({ ...yes, reason: { why: 'x' } })?.reason).toBeNull();
  });
});

describe('the id of an interrupt or a stop', () => {
  test('is read where there is one', () => {
    expect(readRequestId({ requestId: 'r-1' })).toBe('r-1');
  });

  test.each(JUNK)('is nobody’s in %s', (_, value) => {
    expect(readRequestId(value)).toBeNull();
  });
});
