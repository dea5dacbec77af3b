/**
 * The lines of stream-json against Claude's envelope, field by field.
 */
import { streamJsonRenderer } from '../../../../client/cli/render/stream-json.js';
import { derivedUuid } from '../../../../client/cli/render/result-document.js';
import type { Renderer } from '../../../../client/cli/render/renderer.js';
import type { SessionEvent, StoredEvent } from '../../../../workflows/protocol/events.js';
import { LEAD, toolCallIdOf } from '../../../../workflows/protocol/ids.js';
import { acceptedBody, jsonLines } from '../../../support/cli.js';
import {
  answer,
  approval,
  call,
  prompt,
  result,
  toolResult,
} from '../../../support/session-events.js';

const SESSION = acceptedBody().session_id;
const UUID = '00000000-0000-5000-8000-000000000007';
const stored = (event: SessionEvent): StoredEvent => ({ offset: 7, uuid: UUID, at: '', event });

const started = (): Renderer => {
  const renderer = streamJsonRenderer();
  renderer.accepted(acceptedBody());
  return renderer;
};
const lineOf = (event: SessionEvent, renderer = started()): Record<string, unknown> | undefined =>
  jsonLines(renderer.event(stored(event)).out ?? '')[0];

describe('the init line', () => {
  test('has what wrappers read, and ours beside it', () => {
    const body = acceptedBody({ permission_mode: 'bypass', api_key_source: 'OPENAI_API_KEY' });
    const [line, ...more] = jsonLines(streamJsonRenderer().accepted(body).out ?? '');
    expect(more).toEqual([]);
    expect(line).toEqual({
      type: 'system',
      subtype: 'init',
      session_id: SESSION,
      model: 'scripted/demo',
      cwd: '/code/project',
      tools: ['read', 'write', 'edit', 'shell', 'git'],
      mcp_servers: [],
      permissionMode: 'bypassPermissions',
      slash_commands: [],
      apiKeySource: 'OPENAI_API_KEY',
      loomkin_version: expect.any(String),
      agent: 'lead',
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test('is followed by the words for the person', () => {
    const body = acceptedBody({ notices: ['not a git repository'] });
    const lines = jsonLines(streamJsonRenderer().accepted(body).out ?? '');
    expect(lines).toMatchObject([
      { subtype: 'init' },
      { type: 'system', subtype: 'loomkin_notice', text: 'not a git repository' },
    ]);
  });

  test('is the same line for the same prompt', () => {
    const [first, second] = [streamJsonRenderer(), streamJsonRenderer()];
    expect(first.accepted(acceptedBody())).toEqual(second.accepted(acceptedBody()));
  });
});

describe('a line', () => {
  test('of an answer is one Messages object with all its blocks', () => {
    const event = answer(3, 'Let me look.', [
      call(3, 'edit', { path: 'a' }),
      call(3, 'x', null, 1),
    ]);
    expect(lineOf(event)).toEqual({
      type: 'assistant',
      message: {
        id: `msg_${UUID.replaceAll('-', '')}`,
        type: 'message',
        role: 'assistant',
        model: 'scripted/demo',
        content: [
          { type: 'text', text: 'Let me look.' },
          { type: 'tool_use', id: 'lead.3.0', name: 'edit', input: { path: 'a' } },
          { type: 'tool_use', id: 'lead.3.1', name: 'x', input: {} },
        ],
        stop_reason: 'tool_use',
        stop_sequence: null,
        usage: {
          input_tokens: 1000,
          output_tokens: 50,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
        },
      },
      parent_tool_use_id: null,
      session_id: SESSION,
      uuid: UUID,
    });
  });

  test('of thinking is a thinking block', () => {
    const event = { ...answer(1, ''), blocks: [{ kind: 'thinking', text: 'Hm.' }] } as SessionEvent;
    expect(lineOf(event)).toMatchObject({
      message: { content: [{ type: 'thinking', thinking: 'Hm.' }], stop_reason: 'end_turn' },
    });
  });

  test('of a tool result and of a prompt is a user line', () => {
    expect(lineOf(toolResult(1, 'no such file', true))).toEqual({
      type: 'user',
      message: {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'lead.1.0',
            content: 'no such file',
            is_error: true,
          },
        ],
      },
      parent_tool_use_id: null,
      session_id: SESSION,
      uuid: UUID,
    });
    expect(lineOf(prompt('m', 'Do it'))).toMatchObject({
      type: 'user',
      message: { role: 'user', content: [{ type: 'text', text: 'Do it' }] },
    });
  });

  const until = '2026-01-01T00:00:05.000Z';
  test.each<[string, SessionEvent, Record<string, unknown>]>([
    [
      'loomkin_state',
      { kind: 'state', agent: LEAD, state: 'thinking', waitingFor: null },
      { agent: 'lead', state: 'thinking', waiting_for: null },
    ],
    [
      'loomkin_effect',
      {
        kind: 'effect',
        agent: LEAD,
        callId: toolCallIdOf(LEAD, 1, 0),
        effect: 'opaque',
        outcome: 'unknown',
        recovered: true,
        paths: ['a'],
      },
      { call_id: 'lead.1.0', kind: 'opaque', outcome: 'unknown', recovered: true, paths: ['a'] },
    ],
    [
      'loomkin_retry',
      { kind: 'retry', agent: LEAD, reason: '429', attempt: 2, until },
      { reason: '429', attempt: 2, until },
    ],
    ['loomkin_notice', { kind: 'notice', agent: LEAD, text: 'a word' }, { text: 'a word' }],
    [
      'loomkin_approval',
      approval(),
      {
        approval: expect.objectContaining({
          id: 'q-0000abcd',
          session_id: SESSION,
          call_id: 'lead.1.0',
          rule: 'Bash(npm test)',
          state: 'pending',
          answered_at: null,
        }),
      },
    ],
  ])('%s is a system line of ours', (subtype, event, fields) => {
    expect(lineOf(event)).toEqual({
      type: 'system',
      subtype,
      ...fields,
      session_id: SESSION,
      uuid: UUID,
    });
  });
});

describe('the result line', () => {
  test('has every field, refusals with their arguments', () => {
    const renderer = started();
    lineOf(answer(1, '', [call(1, 'shell', { command: 'rm -rf /' })]), renderer);
    lineOf(toolResult(1, 'refused', true), renderer);
    lineOf(approval(), renderer);
    lineOf(approval({ state: 'denied' }), renderer);
    const event = result('m', {
      permissionDenials: [{ toolName: 'shell', callId: toolCallIdOf(LEAD, 1, 0) }],
      filesChanged: ['a'],
      commits: ['abc'],
      costUsd: null,
      costEstimatedUsd: 0.5,
    });
    const [line] = jsonLines(renderer.result(stored(event), 0).out ?? '');
    expect(line).toEqual({
      type: 'result',
      subtype: 'success',
      is_error: false,
      result: 'All done.',
      num_turns: 2,
      duration_ms: 1500,
      duration_api_ms: 900,
      session_id: SESSION,
      total_cost_usd: null,
      usage: expect.objectContaining({ input_tokens: 1000 }),
      permission_denials: [
        { tool_name: 'shell', tool_use_id: 'lead.1.0', tool_input: { command: 'rm -rf /' } },
      ],
      exit_code: 0,
      outcome: 'done',
      reason: null,
      files_changed: ['a'],
      commits: ['abc'],
      approvals: [],
      checks: [],
      cost_estimated_usd: 0.5,
      uuid: UUID,
    });
  });

  test('without last words says the reason', () => {
    const event = result('m', { outcome: 'failed', exitCode: 1, text: '', reason: 'no key' });
    const [line] = jsonLines(started().result(stored(event), 1).out ?? '');
    expect(line).toMatchObject({ result: 'no key', subtype: 'error_during_execution' });
  });
});

test('a derived uuid is well formed and depends on every character', () => {
  const uuid = derivedUuid('message-1/init');
  expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(derivedUuid('message-1/init')).toBe(uuid);
  expect(derivedUuid('message-2/init')).not.toBe(uuid);
});
