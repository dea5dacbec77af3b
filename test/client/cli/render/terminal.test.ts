/**
 * What a terminal gets: call lines, foreign text made harmless, and texts that come in any order.
 */
import { callSummary } from '../../../../client/cli/render/call-summary.js';
import { coloursFor } from '../../../../client/cli/render/colours.js';
import { oneLine, plainText, shorten } from '../../../../client/cli/render/plain-text.js';
import { sessionTable } from '../../../../client/cli/render/session-table.js';
import { terminalRenderer } from '../../../../client/cli/render/terminal.js';
import type { AnswerBlock, SessionEvent } from '../../../../workflows/protocol/events.js';
import { LEAD, toolCallIdOf } from '../../../../workflows/protocol/ids.js';
import { acceptedBody, sessionDocument } from '../../../support/cli.js';
import { answer, approval, call, result, toolResult } from '../../../support/session-events.js';

type CallBlock = Extract<AnswerBlock, { readonly kind: 'tool_call' }>;

const renderer = (erasable = false) =>
  terminalRenderer({ colours: coloursFor({ NO_COLOR: '1' }), columns: () => 40, erasable });
const stored = (event: SessionEvent) => ({ offset: 1, uuid: '', at: '', event });
const delta = (turn: number, attempt: number, text: string) =>
  ({ kind: 'delta', agent: LEAD, turn, attempt, text }) as const;

describe('a call is shown as', () => {
  test.each<[string, string, Record<string, unknown> | null]>([
    ['edit src/x.ts', 'edit', { path: 'src/x.ts', old_string: 'a', new_string: 'b' }],
    ['shell npm test', 'shell', { command: 'npm test' }],
    ['shell cat <<X …', 'shell', { command: 'cat <<X\nhello\nX' }],
    [
      'git commit fix: it a b',
      'git',
      { operation: 'commit', message: 'fix: it', paths: ['a', 'b'] },
    ],
    ['novel {"x":1}', 'novel', { x: 1 }],
    ['edit null', 'edit', null],
    ['read a b', 'read', { path: 'a\u001b[2J b' }],
  ])('%s', (line, name, input) => {
    expect(callSummary(call(1, name, input) as CallBlock)).toBe(line);
  });
});

describe('foreign text', () => {
  test.each([
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007x', 'x'],
    ['\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['\u001bPq#0\u001b\\x', 'x'],
    ['\u001bcx', 'x'],
    ['a\u0000b\u0007c', 'a\ufffdb\ufffdc'],
    ['\u009b31mx', '\ufffd31mx'],
    ['a\r\nb\rc', 'a\nb\nc'],
    ['tab\tkept\nlines kept', 'tab\tkept\nlines kept'],
    ['\u202ereversed', '\ufffdreversed'],
    ['\u001b', '\ufffd'],
  ])('%j shows as %j', (text, shown) => {
    expect(plainText(text)).toBe(shown);
  });

  test('is cut to a line and to a width', () => {
    expect(oneLine('\n first\nsecond')).toBe('first …');
    expect(oneLine('first\n\n')).toBe('first');
    expect(shorten('abcdef', 4)).toBe('abc…');
    expect(shorten('abcd', 4)).toBe('abcd');
  });
});

describe('the text of an answer', () => {
  test('that was streamed whole is not shown again', () => {
    const screen = renderer();
    expect(screen.delta(delta(1, 1, 'Hel')).out).toBe('Hel');
    expect(screen.delta(delta(1, 1, 'lo')).out).toBe('lo');
    expect(screen.event(stored(answer(1, 'Hello'))).out).toBe('');
  });

  test('that was streamed in part is completed', () => {
    const screen = renderer();
    screen.delta(delta(1, 1, 'Hel'));
    expect(screen.event(stored(answer(1, 'Hello'))).out).toBe('lo');
  });

  test('that became another one is shown on a line of its own', () => {
    const screen = renderer();
    screen.delta(delta(1, 1, 'Hullo'));
    expect(screen.event(stored(answer(1, 'Hello'))).out).toBe('\nHello');
  });

  test('that was never streamed is shown', () => {
    expect(renderer().event(stored(answer(1, 'Hello'))).out).toBe('Hello');
  });

  test('is announced when a new attempt begins, but not before the first text', () => {
    const screen = renderer();
    screen.delta(delta(1, 1, 'Hel'));
    expect(screen.delta(delta(1, 2, 'Hi')).out).toBe('\n↻ the answer starts anew\nHi');
    expect(renderer().delta(delta(1, 2, 'Hi')).out).toBe('Hi');
  });
});

describe('on a terminal that can erase', () => {
  test('a call that runs shows until its result, cut to the width', () => {
    const screen = renderer(true);
    const command = 'npm test -- --with-many --arguments here';
    const running = screen.event(stored(answer(1, '', [call(1, 'shell', { command })]))).out;
    expect(running).toBe('… shell npm test -- --with-many --argu…');
    expect(screen.event(stored(toolResult(1, 'ok'))).out).toBe(
      '\r\u001b[K✓ shell npm test -- --with-many --argum…\n',
    );
  });

  test('what still runs shows again below a result', () => {
    const screen = renderer(true);
    const calls = [call(1, 'shell', { command: 'a' }), call(1, 'shell', { command: 'b' }, 1)];
    screen.event(stored(answer(1, '', calls)));
    expect(screen.event(stored(toolResult(1, 'ok'))).out).toBe('\r\u001b[K✓ shell a\n… shell b');
  });
});

test('an effect that was found out after a crash says how it stands', () => {
  const screen = renderer();
  screen.event(stored(answer(1, '', [call(1, 'shell', { command: 'make' })])));
  const effect = (outcome: 'applied' | 'failed' | 'unknown', recovered: boolean) =>
    screen.event(
      stored({
        kind: 'effect',
        agent: LEAD,
        callId: toolCallIdOf(LEAD, 1, 0),
        effect: 'opaque',
        outcome,
        recovered,
        paths: [],
      }),
    ).out;
  expect(effect('applied', false)).toBe('');
  expect(effect('applied', true)).toBe('↻ shell make was cut off; found out: done\n');
  expect(effect('unknown', true)).toBe('↻ shell make was cut off and its outcome is unknown\n');
});

describe('a retry', () => {
  const said = (attempt: number, until: string | null): string | undefined => {
    const reason = 'local: connection refused';
    const event: SessionEvent = { kind: 'retry', agent: LEAD, reason, attempt, until };
    return renderer().event({ ...stored(event), at: '2026-01-01T10:00:00.000Z' }).out;
  };

  test.each([
    [1, '2026-01-01T10:00:03.200Z', 'attempt 2 in 3 s'],
    [9, '2026-01-01T09:59:59.000Z', 'attempt 10 in 0 s'],
    [1, null, 'attempt 2 at once'],
  ])('after attempt %i until %s says: %s', (attempt, until, words) => {
    expect(said(attempt, until)).toBe(`… local: connection refused; ${words}\n`);
  });

  test('in a while says at what time, too', () => {
    const at = new Date('2026-01-01T10:10:00.000Z').toTimeString().slice(0, 8);
    expect(said(3, '2026-01-01T10:10:00.000Z')).toContain(`attempt 4 in 10 min, at ${at}\n`);
  });
});

test('an ending that is no success shows its reason', () => {
  const screen = renderer();
  screen.accepted(acceptedBody());
  const event = result('m', { outcome: 'no_progress', exitCode: 55, text: '', reason: null });
  expect(screen.result(stored(event), 55).out).toBe(
    '✗ no progress was made\n— 2 turns · $0.0123 · 1.5 s\n',
  );
});

describe('the name of a call', () => {
  const CALL_ID = toolCallIdOf(LEAD, 3, 0);
  const found: SessionEvent = {
    kind: 'effect',
    agent: LEAD,
    callId: CALL_ID,
    effect: 'opaque',
    outcome: 'applied',
    recovered: true,
    paths: [],
  };

  test('stands at what was found out of it after its result', () => {
    const screen = renderer();
    screen.event(stored(answer(3, '', [call(3, 'shell', { command: 'make' })])));
    expect(screen.event(stored(toolResult(3, 'no', true))).out).toBe('✗ shell make\n  no\n');
    expect(screen.event(stored(found)).out).toBe('↻ shell make was cut off; found out: done\n');
  });

  test('is that of its question, where its answer is not seen', () => {
    const screen = renderer();
    const approved = approval({ callId: CALL_ID, state: 'approved' });
    screen.event(stored(approved));
    expect(screen.event(stored(toolResult(3, 'ok'))).out).toBe('✓ shell npm test\n');
  });

  test('is never its id', () => {
    const screen = renderer();
    expect(screen.event(stored(toolResult(3, 'no', true))).out).toBe('✗ an earlier call\n  no\n');
    expect(screen.event(stored(found)).out).toBe(
      '↻ an earlier call was cut off; found out: done\n',
    );
  });
});

describe('the table of sessions', () => {
  const now = Date.parse('2026-01-01T03:00:00.000Z');
  const session = sessionDocument({
    last_progress_at: '2026-01-01T00:30:00.000Z',
    title: 'Refactor the auth module, and then everything else in this repository',
    cost_usd: null,
  });

  test('fits the terminal', () => {
    const lines = sessionTable([session], { columns: 60, now }).trimEnd().split('\n');
    expect(lines).toEqual([
      'ID        STATE  TURNS  COST  LAST  MODEL          TITLE',
      '11111111  done       3     ?   2 h  scripted/demo  Refactor…',
    ]);
  });

  test('is whole in a pipe', () => {
    expect(sessionTable([session], { columns: null, now })).toContain('in this repository\n');
  });

  test('says what a session waits for, and when there is none', () => {
    const waiting = sessionDocument({ state: 'waiting', waiting_for: { kind: 'quota' } });
    expect(sessionTable([waiting], { columns: 80, now })).toContain('waiting: quota');
    expect(sessionTable([], { columns: 80, now })).toBe('No sessions.\n');
  });

  test.each([
    ['parked', { kind: 'approval' }, false, 'asks you'],
    ['parked', { kind: 'key' }, false, 'parked'],
    ['tool', null, false, 'tool'],
    ['tool', null, true, 'paused (down)'],
    ['waiting', { kind: 'retry' }, true, 'paused (down)'],
    ['parked', { kind: 'question' }, true, 'asks you'],
    ['lost', null, true, 'lost'],
  ])('of one that is %s, waiting for %j, while all is down: %j, says %s', (...given) => {
    const [state, waiting, isDown, words] = given;
    const one = sessionDocument({ state, waiting_for: waiting });
    expect(sessionTable([one], { columns: 120, now, isDown })).toContain(`11111111  ${words} `);
  });
});

test('colours go where NO_COLOR, a dumb terminal or a pipe asks for none', () => {
  expect(coloursFor({}).red('x')).toBe('\u001b[31mx\u001b[39m');
  for (const colours of [
    coloursFor({ NO_COLOR: '1' }),
    coloursFor({ TERM: 'dumb' }),
    coloursFor({}, false),
  ])
    expect(colours.red('x')).toBe('x');
});
