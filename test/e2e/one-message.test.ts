/**
 * One prompt through the whole product, told in the order in which it happens: the test to read first.
 *
 * ARCHITECTURE.md names the file of each station: command line, gateway, workflow, model, gate, tool,
 * transcript, events. What must stay true: every station is seen from outside, with nothing replaced
 * but the model, which is a server that plays its answers over HTTP.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { ChatRecord } from '../support/chat-server.js';
import { withRig, type CommandEnd, type Line, type Rig } from '../support/rig.js';

const PROMPT = 'Greet the whole world, check it, and commit.';
const LAST_WORDS = 'The greeting is for the whole world now.';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const FILES = {
  'src/greet.js': "console.log('Hello, you');\n",
  'AGENTS.md': 'Greetings end without a full stop.\n',
};

const REPLIES = [
  {
    text: 'I change the greeting.',
    calls: [
      {
        name: 'edit',
        arguments: { path: 'src/greet.js', old_string: 'Hello, you', new_string: 'Hello, world' },
      },
    ],
  },
  {
    calls: [
      { name: 'shell', arguments: { command: 'node src/greet.js && echo "$OPENAI_API_KEY."' } },
    ],
  },
  {
    calls: [{ name: 'git', arguments: { operation: 'commit', message: 'feat: greet the world' } }],
  },
  { text: LAST_WORDS },
];

interface ChatMessage {
  readonly role: string;
  readonly content: unknown;
  readonly tool_calls?: readonly { readonly id: string }[];
}

interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly { readonly function: { readonly name: string } }[];
}

const requestOf = ({ body }: ChatRecord): ChatRequest => JSON.parse(body) as ChatRequest;

const requests = (rig: Rig): readonly ChatRequest[] => rig.chat.records.map(requestOf);

/** The bytes before the first message that is not the system's. */
const stablePrefix = ({ body }: ChatRecord): string => {
  const { messages, tools } = JSON.parse(body) as ChatRequest;
  const system = messages.filter(({ role }) => role === 'system' || role === 'developer');
  return JSON.stringify({ tools, system });
};

/** A line without what is different each time. */
const kindOf = ({ type, subtype, message }: Line): string => {
  if (type !== 'assistant' && type !== 'user') return `${type} ${String(subtype)}`;
  const { content } = message as { content: readonly { type: string; name?: string }[] };
  return `${type}: ${content.map((block) => block.name ?? block.type).join(', ')}`;
};

const proveCommandLine = ({ code, stdout, stderr, lines }: CommandEnd): void => {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.trimEnd().split('\n')).toHaveLength(lines.length);
  const [init] = lines;
  expect(init).toMatchObject({ type: 'system', subtype: 'init', agent: 'lead', mcp_servers: [] });
  expect(init).toMatchObject({ model: 'openai/mock', permissionMode: 'bypassPermissions' });
  expect(init?.['tools']).toEqual(['read', 'write', 'edit', 'shell', 'git']);
  expect(init?.['apiKeySource']).toBe('OPENAI_API_KEY');
  for (const line of lines) {
    expect(line['session_id']).toBe(init?.['session_id']);
    expect(line['uuid']).toMatch(UUID);
  }
  expect(new Set(lines.map((line) => line['uuid'])).size).toBe(lines.length);
};

/** What an agent did, in the order in which it did it. */
const proveConversation = ({ lines }: CommandEnd): void => {
  const spoken = lines.filter(({ type }) => type === 'assistant' || type === 'user');
  expect(spoken.map(kindOf)).toEqual([
    'user: text',
    'assistant: text, edit',
    'user: tool_result',
    'assistant: shell',
    'user: tool_result',
    'assistant: git',
    'user: tool_result',
    'assistant: text',
  ]);
  for (const line of spoken) expect(line['parent_tool_use_id']).toBeNull();
  const results = spoken.filter((line) => kindOf(line) === 'user: tool_result');
  const blocks = results.map(
    ({ message }) => (message as { content: readonly Record<string, unknown>[] }).content[0],
  );
  expect(blocks.map((block) => block?.['tool_use_id'])).toEqual([
    'lead.1.0',
    'lead.2.0',
    'lead.3.0',
  ]);
  expect(blocks.map((block) => block?.['is_error'])).toEqual([false, false, false]);
  // The command ran after the edit, and without the key.
  expect(String(blocks[1]?.['content'])).toMatch(/Hello, world\n\.\n/);
};

const proveEffects = ({ lines }: CommandEnd): void => {
  const effects = lines.filter(({ subtype }) => subtype === 'loomkin_effect');
  expect(effects.map((line) => [line['call_id'], line['outcome'], line['recovered']])).toEqual([
    ['lead.1.0', 'applied', false],
    ['lead.2.0', 'applied', false],
    ['lead.3.0', 'applied', false],
  ]);
};

const proveResult = (rig: Rig, { lines }: CommandEnd): void => {
  expect(lines.filter(({ type }) => type === 'result')).toHaveLength(1);
  expect(lines.at(-1)).toMatchObject({
    type: 'result',
    subtype: 'success',
    is_error: false,
    result: LAST_WORDS,
    num_turns: 4,
    exit_code: 0,
    outcome: 'done',
    usage: { input_tokens: 4000, output_tokens: 200 },
    permission_denials: [],
    files_changed: [join(rig.project, 'src/greet.js')],
    commits: [rig.git('rev-parse', 'HEAD').trim()],
    approvals: [],
    checks: [],
  });
};

const proveRepository = (rig: Rig, sessionId: unknown): void => {
  expect(readFileSync(join(rig.project, 'src/greet.js'), 'utf8')).toContain('Hello, world');
  expect(rig.git('log', '--format=%s')).toBe('feat: greet the world\nfirst\n');
  expect(rig.git('log', '-1', '--format=%(trailers:only,unfold)').trim().split('\n')).toEqual([
    `Loomkin-Session: ${String(sessionId)}`,
    'Loomkin-Call: lead.3.0',
    'Co-Authored-By: Loomkin <noreply@loomkin.dev>',
  ]);
  expect(rig.git('show', '--name-only', '--format=')).toBe('src/greet.js\n');
  expect(rig.git('status', '--porcelain')).toBe('');
};

/** The second request is the first one with messages behind it: what was paid for is read from cache. */
const proveRequests = (rig: Rig): void => {
  const seen = requests(rig);
  expect(seen).toHaveLength(REPLIES.length);
  for (const [at, request] of seen.slice(1).entries()) {
    const before = seen[at]!;
    expect(request.messages.slice(0, before.messages.length)).toEqual(before.messages);
    expect(request.tools).toEqual(before.tools);
    const added = request.messages.slice(before.messages.length).map(({ role }) => role);
    expect(added).toEqual(['assistant', 'tool']);
  }
  const [system, context, prompt] = seen[0]!.messages;
  expect(['system', 'developer']).toContain(system?.role);
  expect(JSON.stringify(context)).toContain('Greetings end without a full stop.');
  expect(prompt).toMatchObject({ role: 'user', content: PROMPT });
  const keys = rig.chat.records.map(({ idempotencyKey }) => idempotencyKey);
  expect(new Set(keys).size).toBe(keys.length);
};

/** Where a key could stay behind: everything in the home but its own place. */
const proveKeyIsNowhere = (rig: Rig): void => {
  for (const name of [
    'loomkin.db',
    'loomkin.db-wal',
    'temporal.db',
    'temporal.db-wal',
    'runtime.json',
  ])
    expect([name, readIfThere(join(rig.home, name)).includes('sk-rig-0123456789')]).toEqual([
      name,
      false,
    ]);
};

const readIfThere = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
};

const makePlainFolder = (rig: Rig): string => {
  const folder = join(dirname(rig.project), 'another place');
  mkdirSync(folder);
  writeFileSync(join(folder, 'notes.txt'), 'other things\n');
  return folder;
};

test('a prompt becomes an edit, a command that was run, a commit, and one result', () =>
  withRig({ script: { replies: REPLIES }, files: FILES }, async (rig) => {
    const command = rig.prompt(PROMPT);
    const init = await command.until(({ subtype }) => subtype === 'init');
    const end = await command.end;

    proveCommandLine(end);
    proveConversation(end);
    proveEffects(end);
    proveResult(rig, end);
    proveRepository(rig, init['session_id']);
    proveRequests(rig);
    proveKeyIsNowhere(rig);

    // Another project, no repository: the same bytes before what is particular to it.
    const other = makePlainFolder(rig);
    const second = await rig.prompt('Look around.', '--project', other).end;
    expect(second.code).toBe(0);
    const last = rig.chat.records.at(-1)!;
    expect(stablePrefix(last)).toBe(stablePrefix(rig.chat.records[0]!));
    expect(last.body).toContain(other);
    expect(rig.chat.records[0]!.body).not.toContain(other);
  }));
