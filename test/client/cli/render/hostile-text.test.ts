/**
 * Text of a model, a tool, a file or a server that means harm, in every field that can hold it and in
 * every format: a terminal gets nothing that it would obey, a program gets lines that it can parse.
 */
import { failureDocument, failureOf, failureText } from '../../../../client/cli/errors.js';
import { questionText } from '../../../../client/cli/conversation/ask-permission.js';
import { coloursFor } from '../../../../client/cli/render/colours.js';
import { jsonLine } from '../../../../client/cli/render/json-line.js';
import { jsonRenderer } from '../../../../client/cli/render/json.js';
import { finishedLength, oneLine, shorten } from '../../../../client/cli/render/plain-text.js';
import type { Rendered, Renderer } from '../../../../client/cli/render/renderer.js';
import { sessionTable } from '../../../../client/cli/render/session-table.js';
import { streamJsonRenderer } from '../../../../client/cli/render/stream-json.js';
import { terminalRenderer } from '../../../../client/cli/render/terminal.js';
import { textRenderer } from '../../../../client/cli/render/text.js';
import { approvalDocument } from '../../../../client/http/approval-document.js';
import type { SessionEvent } from '../../../../workflows/protocol/events.js';
import { LEAD, toolCallIdOf } from '../../../../workflows/protocol/ids.js';
import { acceptedBody, jsonLines, sessionDocument } from '../../../support/cli.js';
import {
  answer,
  approval,
  call,
  prompt,
  result,
  toolResult,
} from '../../../support/session-events.js';
import { processorMs } from '../../../support/processor-time.js';

/** Clears the screen, sets the title, asks the terminal to type, overwrites the line, turns text around. */
const EVIL =
  'a\u001b[2J\u001b]0;owned\u0007\u001b[6n\u001bP+q\u001b\\\u009b31m\u009d0;x\u009c\u0000\u0007\u0008\u007f\u000b\u000cb\rc\u202ed\u2066e\u0085f';
/** What a terminal obeys: all of C0 but tab and newline, DEL, C1, and the turners of text. */
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

const COLOURS = coloursFor({ NO_COLOR: '1' });
const stored = (event: SessionEvent) => ({ offset: 1, uuid: 'u', at: '', event });
const until = '2026-01-01T00:00:05.000Z';
const callId = toolCallIdOf(LEAD, 1, 0);

const EVENTS: readonly SessionEvent[] = [
  prompt('m', EVIL),
  answer(1, EVIL, [call(1, EVIL, { command: EVIL, message: EVIL, paths: [EVIL] })]),
  answer(2, '', [call(2, 'read', { unheard: EVIL, [EVIL]: 1 })]),
  {
    ...answer(3, ''),
    blocks: [{ kind: 'thinking', text: EVIL }],
    stopReason: EVIL,
  } as SessionEvent,
  { ...answer(4, ''), model: EVIL, blocks: [{ ...call(4, 'x', null), raw: EVIL }] } as SessionEvent,
  {
    kind: 'effect',
    agent: LEAD,
    callId,
    effect: 'opaque',
    outcome: 'unknown',
    recovered: true,
    paths: [EVIL],
  },
  toolResult(1, EVIL),
  toolResult(2, `${EVIL}\n`.repeat(20), true),
  {
    kind: 'state',
    agent: LEAD,
    state: 'waiting',
    waitingFor: { kind: 'retry', id: EVIL, since: EVIL, until: EVIL },
  },
  { kind: 'retry', agent: LEAD, reason: EVIL, attempt: 2, until },
  { kind: 'retry', agent: LEAD, reason: EVIL, attempt: 2, until: `${EVIL}${EVIL}` },
  { kind: 'notice', agent: LEAD, text: EVIL },
  approval({ tool: EVIL, summary: EVIL, subject: EVIL, grant: EVIL }),
  approval({ state: 'denied', answer: EVIL }),
  { kind: EVIL, agent: LEAD, text: EVIL } as never,
];
const FAILURE = { kind: EVIL, message: EVIL, cure: EVIL, exitCode: 1 };
const ACCEPTED = acceptedBody({
  model: EVIL,
  project: `/code/${EVIL}`,
  notices: [EVIL, `${EVIL}\n${EVIL}`],
  tools: [EVIL],
  api_key_source: EVIL,
});
const ENDED = stored(
  result('m', {
    outcome: 'failed',
    exitCode: 1,
    text: EVIL,
    reason: `why: ${EVIL}`,
    filesChanged: [EVIL],
    commits: [EVIL],
    permissionDenials: [{ toolName: EVIL, callId }],
  }),
);

/** All that a renderer makes of a session full of it, by where it goes. */
const played = (renderer: Renderer): { out: string; err: string } => {
  const parts: Rendered[] = [
    renderer.accepted(ACCEPTED),
    renderer.delta({ kind: 'delta', agent: LEAD, turn: 1, attempt: 1, text: 'a\u001b[2' }),
    renderer.delta({ kind: 'delta', agent: LEAD, turn: 1, attempt: 2, text: EVIL }),
    ...EVENTS.map((event) => renderer.event(stored(event))),
    renderer.result(ENDED, 1),
    renderer.broken(FAILURE),
  ];
  const all = (where: 'out' | 'err') => parts.map((part) => part[where] ?? '').join('');
  return { out: all('out'), err: all('err') };
};

const onTerminal = (erasable: boolean, columns = 40): Renderer =>
  terminalRenderer({ colours: COLOURS, columns: () => columns, erasable });

describe('text that means harm', () => {
  test.each<[string, Renderer]>([
    ['a conversation on a dumb terminal', onTerminal(false)],
    ['text on a terminal', textRenderer(true)],
    ['json', jsonRenderer()],
    ['stream-json', streamJsonRenderer()],
  ])('reaches no terminal by %s', (_, renderer) => {
    const { out, err } = played(renderer);
    expect(out).toMatch(/a/);
    expect(err.replaceAll('\n', '')).not.toMatch(OBEYED);
    const isJson = out.startsWith('{');
    // JSON keeps the marks that turn text around: they are text to a program, and no command.
    const obeyed = isJson ? /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/ : OBEYED;
    expect(out.replaceAll('\n', '')).not.toMatch(obeyed);
  });

  test('reaches a terminal that can erase as nothing but our own line taken back', () => {
    const { out } = played(onTerminal(true));
    expect(out).toContain('\r\u001b[K');
    expect(out.replaceAll('\r\u001b[K', '').replaceAll('\n', '')).not.toMatch(OBEYED);
  });

  test('is the answer, byte for byte, in a pipe; words for the person are clean there too', () => {
    const renderer = textRenderer(false);
    renderer.accepted(ACCEPTED);
    const { out, err } = renderer.result(stored(result('m', { text: EVIL })), 0);
    expect({ out, err }).toEqual({ out: `${EVIL}\n`, err: undefined });
    expect(played(textRenderer(false)).err.replaceAll('\n', '')).not.toMatch(OBEYED);
  });

  test('in a question shows what would run, and obeys nothing of it', () => {
    const { approval: asked } = approval({
      tool: `${EVIL}\nshell`,
      subject: `ls\r\u001b[1Arm -rf /\u001b[8m`,
      grant: `Bash(${EVIL}\n* )`,
    }) as Extract<SessionEvent, { kind: 'approval' }>;
    const text = questionText({ ...asked, rule: asked.grant }, COLOURS);
    expect(text.replaceAll('\n', '')).not.toMatch(OBEYED);
    expect(text).toContain('    ls\n    rm -rf /\n');
  });

  test('in an error is three lines at most, and one document', () => {
    const text = failureText({ ...FAILURE, message: `${EVIL}\n${EVIL}\n${EVIL}\n${EVIL}` });
    expect(text).toMatch(/^loomkin: /);
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
    expect(text.replaceAll('\n', '')).not.toMatch(OBEYED);
    const document = failureDocument(FAILURE);
    expect(document).not.toMatch(/[\u007f-\u009f]|\n./);
    expect(JSON.parse(document)).toEqual({ error: { kind: EVIL, message: EVIL, cure: EVIL } });
  });

  test('in a title, a model or a state is one row of the table', () => {
    const session = sessionDocument({ title: `${EVIL}\n${EVIL}`, model: 'x/y' });
    for (const columns of [null, 40, 80]) {
      const table = sessionTable([session], { columns, now: 0 });
      expect(table.trimEnd().split('\n')).toHaveLength(2);
      expect(table.replaceAll('\n', '')).not.toMatch(OBEYED);
    }
  });
});

describe('a JSON line', () => {
  const TRICKY = [
    'line\u2028separator',
    'paragraph\u2029separator',
    'next\u0085line',
    'half \ud83e pair',
    '\u0000\u001b\u007f\u009b',
    '"\\\n\r\t',
    '🧵 ünïcödé 漢字',
    '</script>',
  ];

  test('is one line to every reader, and the same document', () => {
    const document = { text: TRICKY, [TRICKY.join('')]: null };
    const line = jsonLine(document);
    // As Python and Java see lines.
    expect(line.trimEnd().split(/[\n\r\u000b\u000c\u001c-\u001e\u0085\u2028\u2029]/)).toHaveLength(
      1,
    );
    expect(JSON.parse(line)).toEqual(document);
  });

  test('survives the trip through bytes, but for halves of pairs that no byte can hold', () => {
    const line = Buffer.from(jsonLine({ text: TRICKY })).toString('utf8');
    expect(JSON.parse(line)).toEqual({ text: TRICKY });
  });

  test('of stream-json holds each event that was told, and no other line', () => {
    const lines = jsonLines(played(streamJsonRenderer()).out);
    const types = lines.map(({ type, subtype }) =>
      `${String(type)} ${String(subtype ?? '')}`.trim(),
    );
    expect(types.filter((type) => type === 'assistant')).toHaveLength(4);
    expect(types.filter((type) => type === 'user')).toHaveLength(3);
    expect(types.filter((type) => type === 'system loomkin_retry')).toHaveLength(2);
    expect(types.filter((type) => type === 'system loomkin_notice')).toHaveLength(3);
    expect(lines.every(({ session_id: id, uuid }) => Boolean(id) && Boolean(uuid))).toBe(true);
    expect(types[0]).toBe('system init');
  });

  test('of a question is the document that HTTP answers with', () => {
    const event = approval() as Extract<SessionEvent, { kind: 'approval' }>;
    const renderer = streamJsonRenderer();
    renderer.accepted(ACCEPTED);
    const [line] = jsonLines(renderer.event(stored(event)).out ?? '');
    expect(line?.['approval']).toEqual(approvalDocument(event.approval));
    expect(line?.['approval']).toMatchObject({ options: ['approve', 'deny', 'always'] });
  });
});

describe('a line that is cut', () => {
  test.each([
    ['漢字漢字', 5, '漢字…'],
    ['漢字漢字', 4, '漢…'],
    ['漢字', 4, '漢字'],
    ['🧵🧵🧵', 5, '🧵🧵…'],
    ['🧵🧵', 4, '🧵🧵'],
    ['e\u0301e\u0301e\u0301', 3, 'e\u0301e\u0301e\u0301'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
    ['한국어 텍스트', 7, '한국어…'],
    ['ｆｕｌｌ', 5, 'ｆｕ…'],
    ['abc', 1, '…'],
    ['abc', 0, '…'],
    ['abc', -1, '…'],
    ['', 0, ''],
  ])('%j to %i columns is %j', (text, columns, cut) => {
    expect(shorten(text, columns)).toBe(cut);
  });

  test('of a megabyte takes no time', async () => {
    const text = '漢'.repeat(1_000_000);
    const spentMs = await processorMs(() => expect(shorten(text, 80)).toHaveLength(40));
    expect(spentMs).toBeLessThan(200);
  });

  test('of a call takes the columns that there are, whatever the model wrote', () => {
    for (const command of [
      '漢字'.repeat(50),
      'a\tb\t'.repeat(20),
      '🧵'.repeat(50),
      `\u001b[${'1;'.repeat(99)}mx`,
    ]) {
      const screen = onTerminal(true, 20);
      const running =
        screen.event(stored(answer(1, '', [call(1, 'shell', { command })]))).out ?? '';
      expect(running).not.toContain('\t');
      const wide = [...running].filter((c) => /[\p{Script=Han}🧵]/u.test(c)).length;
      expect([...running].length + wide).toBeLessThanOrEqual(19);
    }
  });

  test('is a single one, tabs and all', () => {
    expect(oneLine('a\tb\nc')).toBe('a b …');
    expect(oneLine('\r\n\r\na\r\nb')).toBe('a …');
    expect(oneLine('\u001b[31m')).toBe('');
  });
});

describe('text that streams', () => {
  const streamed = (pieces: readonly string[], whole = pieces.join('')): string => {
    const screen = onTerminal(false);
    const shown = pieces.map(
      (text) => screen.delta({ kind: 'delta', agent: LEAD, turn: 1, attempt: 1, text }).out ?? '',
    );
    return [...shown, screen.event(stored(answer(1, whole))).out ?? ''].join('');
  };
  const TEXTS: readonly (readonly [string, string])[] = [
    ['a 🧵 thread', 'a 🧵 thread'],
    ['\u001b[1;31mred\u001b[0m end', 'red end'],
    ['one\r\ntwo\r\n', 'one\ntwo\n'],
    ['one\rtwo', 'one\ntwo'],
    ['漢\u001b[K字🧵', '漢字🧵'],
  ];

  test.each(TEXTS)('%j shows the same wherever its pieces are cut', (text, shown) => {
    for (let at = 0; at <= text.length; at += 1)
      expect(streamed([text.slice(0, at), text.slice(at)])).toBe(shown);
    expect(streamed([...Array(text.length).keys()].map((at) => text[at]!))).toBe(shown);
  });

  test('and ends in the middle of something is completed by its answer', () => {
    expect(streamed(['ab\ud83e'], 'ab🧵.')).toBe('ab🧵.');
    expect(streamed(['ab\u001b'], 'ab\u001b[1mc')).toBe('abc');
    expect(streamed(['ab\r'], 'ab\r')).toBe('ab\n');
  });

  test('holds back no more than the beginning of a sequence', () => {
    expect(finishedLength(`\u001b[${'1'.repeat(100)}`)).toBe(102);
    expect(finishedLength('x\u001b[38;5;')).toBe(1);
    expect(finishedLength('plain')).toBe(5);
  });

  test('and begins anew forgets what it held back', () => {
    const screen = onTerminal(false);
    screen.delta({ kind: 'delta', agent: LEAD, turn: 1, attempt: 1, text: 'x\u001b' });
    const { out } = screen.delta({ kind: 'delta', agent: LEAD, turn: 1, attempt: 2, text: '[31m' });
    expect(out).toBe('\n↻ the answer starts anew\n[31m');
  });
});

describe('an error', () => {
  test.each<[string, unknown, string]>([
    ['a text', 'boom', 'loomkin: unexpected failure: boom. '],
    ['nothing', undefined, 'loomkin: unexpected failure: undefined. '],
    ['null', null, 'loomkin: unexpected failure: null. '],
    ['a failure without cure', { kind: 'x', message: 'y.', exitCode: 3 }, 'loomkin: y.\n'],
  ])('that is %s is still one line', (_, thrown, text) => {
    const shown = failureText(failureOf(thrown));
    expect(shown.startsWith(text)).toBe(true);
    expect(shown.endsWith('\n')).toBe(true);
    expect(shown.split('\n')).toHaveLength(2);
  });
});
