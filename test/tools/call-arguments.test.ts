/**
 * From a stored answer to a call: only what is whole, and only what the gate judged, is carried out.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { answerRow, summariesOf } from '../../activities/models/answer-row.js';
import type { Store } from '../../activities/stores/store.js';
import { readCall, type ParsedCall } from '../../activities/tools/call-arguments.js';
import { TOOLS } from '../../activities/tools/registry.js';
import { sessionIdOf } from '../../workflows/protocol/ids.js';
import type { RunToolRequest, ToolCallSummary } from '../../workflows/protocol/turn.js';
import { AT, LEAD, REF, S, usage } from '../stores/samples.js';
import { openTestStore, storePaths, takeFence, type StorePaths } from '../support/store.js';

let paths: StorePaths;
let store: Store;
let turns = 0;
beforeAll(async () => {
  paths = storePaths(mkdtempSync(join(tmpdir(), 'loomkin-calls-')));
  store = await openTestStore(paths);
  await takeFence(store);
});
afterAll(async () => {
  await store.close();
  rmSync(paths.folder, { recursive: true });
});

type Sent = readonly { readonly name: string; readonly raw: string }[];

/** What the gate gets to see of an answer that is stored, and how each of its calls can be read. */
const withAnswer = async (
  calls: Sent,
  body: (
    summaries: readonly ToolCallSummary[],
    read: (call: ToolCallSummary) => Promise<ParsedCall>,
  ) => Promise<void>,
): Promise<void> => {
  const answer = { text: '', thinking: '', calls, stopReason: null, usage: null, native: null };
  const place = { sessionId: sessionIdOf(S), agent: LEAD, turn: (turns += 1) };
  const row = answerRow(place, 'scripted/x', answer, AT);
  await store.call('appendAnswer', { ...REF, row, usage: usage() });
  if (row.body.kind !== 'answer') throw new Error(row.body.kind);
  const request = { ...place, gate: { kind: 'allowed' }, interrupted: false };
  await body(summariesOf(row.body, TOOLS), (call) =>
    readCall(store, TOOLS, { ...request, permissionMode: 'default', call } as RunToolRequest),
  );
};

const one = (name: string, raw: string, body: (parsed: ParsedCall) => void): Promise<void> =>
  withAnswer([{ name, raw }], async ([call], read) => body(await read(call!)));

const DEEP = `{"path":${'['.repeat(40_000)}${']'.repeat(40_000)}}`;

test.each([
  ['read', '', '"path" is missing'],
  ['read', ' \n ', '"path" is missing'],
  ['read', '{}', '"path" is missing'],
  ['read', 'null', 'must be an object, not null'],
  ['read', '[{"path":"a"}]', 'must be an object, not a list'],
  ['read', '"{\\"path\\":\\"a\\"}"', 'must be an object, not a string'],
  ['read', '{"path":"a"', 'not valid JSON'],
  ['read', '{"path":"a"}{"path":"b"}', 'not valid JSON'],
  ['read', "{'path':'a'}", 'not valid JSON'],
  ['read', '{"path":"a",}', 'not valid JSON'],
  ['read', '{"path":NaN}', 'not valid JSON'],
  ['read', '{"path":"a\nb"}', 'not valid JSON'],
  ['read', '{"path":{"path":"a"}}', '"path" must be a string, not an object'],
  ['read', DEEP, '"path" must be a string, not a list'],
  ['read', '{"path":"a","offset":1e400}', '"offset" must be a whole number'],
  ['read', '{"path":"a","offset":true}', '"offset" must be a whole number, not a boolean'],
  ['read', '{"path":"a","__proto__":{"limit":1}}', '"__proto__" is not known'],
  ['read', '{"path":"a","constructor":{"prototype":{}}}', '"constructor" is not known'],
  ['write', '{"path":"a","content":["x"]}', '"content" must be a string, not a list'],
  ['write', '{"path":"\\ud83d","content":""}', 'half of a surrogate pair'],
  ['shell', '{"command":"\\u0000"}', 'must not hold NUL'],
  ['git', '{"operation":"status","paths":[["a"]]}', '"paths" must be a list of strings'],
  ['git', '{"operation":"STATUS"}', '"operation" must be one of status'],
  ['Read', '{"path":"a"}', 'There is no tool "Read"'],
  ['toString', '{}', 'There is no tool "toString"'],
  ['', '{}', 'There is no tool ""'],
])('%s is refused what it can’t use (case %#), and nothing is run', (name, raw, words) =>
  one(name, raw, (parsed) =>
    expect(parsed).toEqual({ kind: 'refused', reason: expect.stringContaining(words) }),
  ),
);

test.each([
  ['blanks and an order of its own', '\n{ "limit" : 2 ,\t"path":"a" }', { path: 'a', limit: 2 }],
  ['an optional field that is null', '{"path":"a","limit":null}', { path: 'a' }],
  ['a whole number with a point', '{"path":"a","limit":2.0}', { path: 'a', limit: 2 }],
  ['escapes', '{"path":"\\u00e9\\ud83d\\ude00\\/"}', { path: 'é😀/' }],
  ['the last of two equal names', '{"path":"a","path":"b"}', { path: 'b' }],
])('arguments with %s reach the tool typed', (_name, raw, input) =>
  one('read', raw, (parsed) => expect(parsed).toMatchObject({ kind: 'ready', input })),
);

test('the gate judges the value that the tool gets, also of two equal names', () =>
  withAnswer(
    [{ name: 'shell', raw: '{"command":"ls","command":"rm -rf x"}' }],
    async ([call], read) => {
      expect(call).toMatchObject({ subject: 'rm -rf x', permission: 'execute' });
      expect(await read(call!)).toMatchObject({ input: { command: 'rm -rf x' } });
    },
  ));

test('no argument becomes a property of every object', () =>
  one('shell', '{"command":"x","__proto__":{"background":true}}', (parsed) => {
    expect(parsed.kind).toBe('refused');
    expect(({} as { background?: boolean }).background).toBeUndefined();
  }));

test('a call is known by its place among the calls, and by the hash that was judged', () =>
  withAnswer(
    [
      { name: 'read', raw: '{"path":"a"}' },
      { name: 'read', raw: '{"path":"b"}' },
    ],
    async ([first, second], read) => {
      expect(await read(second!)).toMatchObject({ kind: 'ready', input: { path: 'b' } });
      for (const call of [
        { ...first!, index: 1 },
        { ...first!, index: 2 },
        { ...first!, index: -1 },
        { ...first!, argumentsHash: '' },
      ])
        expect(await read(call)).toEqual({
          kind: 'refused',
          reason: expect.stringContaining('not the ones that were allowed'),
        });
    },
  ));

test('a call that was let pass as a read is not carried out as anything else', () =>
  withAnswer([{ name: 'shell', raw: '{"command":"rm -rf x"}' }], async ([call], read) => {
    for (const permission of ['read', 'edit'] as const)
      expect(await read({ ...call!, permission })).toEqual({
        kind: 'refused',
        reason: expect.stringContaining('judged as something else'),
      });
    expect((await read(call!)).kind).toBe('ready');
  }));

test('a megabyte of arguments is read as it is, one field too long is named', () =>
  one('shell', JSON.stringify({ command: 'x'.repeat(1024 * 1024) }), (parsed) =>
    expect(parsed.kind).toBe('ready'),
  ).then(() =>
    one('shell', JSON.stringify({ command: 'x'.repeat(1024 * 1024 + 1) }), (parsed) =>
      expect(parsed).toMatchObject({ reason: expect.stringContaining('"command" is too long') }),
    ),
  ));

test('a hundred unknown fields are named a few at a time', () => {
  const raw = JSON.stringify(
    Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`${n}${'x'.repeat(1000)}`, n])),
  );
  return one('read', raw, (parsed) => {
    if (parsed.kind !== 'refused') throw new Error(parsed.kind);
    expect(parsed.reason.length).toBeLessThan(700);
  });
});
