/**
 * Streams as servers send them that imitate the Messages API, or speak a later version of it.
 */
import { sse } from '../support/anthropic-server.js';
import {
  begin,
  called,
  close,
  END,
  json,
  open,
  opened,
  piece,
  said,
  stop,
  type MessagesCase,
} from './anthropic-cases.js';

const withoutNames = (raw: string): string => raw.replace(/^event: .*\n/gm, '');

export const IMITATED_CASES: readonly MessagesCase[] = [
  {
    name: 'events, blocks and members of tomorrow',
    raw:
      begin() +
      sse('message_mood', { mood: 'good' }) +
      open(0, { type: 'compaction', content: null, encrypted: 'abc' }) +
      piece(0, { type: 'compaction_delta', content: 'so ' }) +
      piece(0, { type: 'compaction_delta', content: 'far', weight: 3 }) +
      close(0) +
      said(1, 'a') +
      open(2, { type: 'hologram', voxels: [1, { deep: true }] }) +
      close(2) +
      stop('reached_enlightenment') +
      END,
    text: 'a',
    stop: 'reached_enlightenment',
    content: [
      { type: 'compaction', content: 'so far', encrypted: 'abc' },
      { type: 'text', text: 'a' },
      { type: 'hologram', voxels: [1, { deep: true }] },
    ],
  },
  {
    name: 'events without names, and the end mark of another API behind them',
    raw: `${withoutNames(begin() + said(0, 'a') + stop('end_turn') + END)}data: [DONE]\n\n`,
    text: 'a',
    stop: 'end_turn',
    usage: [25, 0, 0, 15],
  },
  {
    name: 'events that say their type in their names alone',
    raw: (begin() + said(0, 'a') + stop('end_turn') + END).replace(
      /"type":"(message|content)_\w+",?/g,
      '',
    ),
    text: 'a',
    stop: 'end_turn',
  },
  {
    name: 'frames of CRLF with comments',
    raw: `: hello\r\n\r\n${(begin() + said(0, 'a') + stop('end_turn') + END).replaceAll('\n', '\r\n')}`,
    text: 'a',
    stop: 'end_turn',
  },
  {
    name: 'usage of zeroes at the beginning, the real one at the end',
    raw:
      begin({ input_tokens: 0, output_tokens: 0 }) +
      said(0, 'a') +
      stop('end_turn', { input_tokens: 30, output_tokens: 5, cache_read_input_tokens: 7 }) +
      END,
    text: 'a',
    stop: 'end_turn',
    usage: [30, 0, 7, 5],
  },
  {
    name: 'usage at the beginning, zeroes for it at the end',
    raw: begin() + said(0, 'a') + stop('end_turn', { input_tokens: 0, output_tokens: 5 }) + END,
    text: 'a',
    stop: 'end_turn',
    usage: [25, 0, 0, 5],
  },
  {
    name: 'arguments that are whole when their call begins',
    raw:
      begin() +
      open(0, { type: 'tool_use', id: 'a', name: 'read', input: { path: 'a' } }) +
      open(1, { type: 'tool_use', id: 'b', name: 'read', input: '{"path":"b"}' }) +
      stop('tool_use') +
      END,
    calls: [
      ['read', '{"path":"a"}'],
      ['read', '{"path":"b"}'],
    ],
    stop: 'tool_use',
    content: ['a', 'b'].map((id) => ({
      ...{ type: 'tool_use', id, name: 'read', input: { path: id } },
    })),
  },
  {
    name: 'every block in place 0, one after the other',
    raw:
      begin() +
      said(0, 'I look.') +
      called(0, 'a', 'read', '{"path":"a"}') +
      called(0, 'b', 'read', '{"path":"b"}') +
      stop('tool_use') +
      END,
    text: 'I look.',
    calls: [
      ['read', '{"path":"a"}'],
      ['read', '{"path":"b"}'],
    ],
    stop: 'tool_use',
  },
  {
    name: 'pieces of blocks that mix, and blocks in an order of their own',
    raw:
      begin() +
      opened(1, 'b', 'edit') +
      opened(0, 'a', 'read') +
      json(0, '{"path"') +
      json(1, '{"x":') +
      json(0, ':"a"}') +
      json(1, '1}') +
      stop('tool_use') +
      END,
    calls: [
      ['edit', '{"x":1}'],
      ['read', '{"path":"a"}'],
    ],
    stop: 'tool_use',
  },
  {
    name: 'pieces without the beginning of their block',
    raw:
      begin() +
      piece(0, { type: 'thinking_delta', thinking: 'hm' }) +
      piece(1, { type: 'text_delta', text: 'a' }) +
      piece(1, { type: 'text_delta', text: 'b' }) +
      piece(7, { type: 'unknown_delta', text: 'z' }) +
      stop('end_turn') +
      END,
    text: 'ab',
    thinking: 'hm',
    stop: 'end_turn',
  },
  {
    name: 'text that is there when its block begins',
    raw:
      begin() +
      open(0, { type: 'text', text: 'a' }) +
      piece(0, { type: 'text_delta', text: 'b' }) +
      stop('end_turn') +
      END,
    text: 'ab',
    stop: 'end_turn',
  },
  {
    name: 'no reason to stop at all, but an end mark',
    raw: begin() + said(0, 'a') + END,
    text: 'a',
    stop: null,
    usage: null,
  },
  {
    name: 'a reason to stop, but no end mark',
    raw: begin() + said(0, 'a') + stop('end_turn'),
    text: 'a',
    stop: 'end_turn',
    usage: [25, 0, 0, 15],
  },
  {
    name: 'the reason in one event and the usage in another',
    raw:
      begin() +
      said(0, 'a') +
      stop('end_turn', null) +
      sse('message_delta', { delta: {}, usage: { output_tokens: 9 } }) +
      END,
    text: 'a',
    stop: 'end_turn',
    usage: [25, 0, 0, 9],
  },
  {
    name: 'null, numbers, lists and texts in the place of events and their members',
    raw:
      ['null', '7', '[]', '"x"', '{}']
        .map((data) => `event: message_start\ndata: ${data}\n\n`)
        .join('') +
      sse('content_block_start', { index: 0, content_block: null }) +
      sse('content_block_delta', { index: 0, delta: 'x' }) +
      sse('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 5 } }) +
      said(1, 'a') +
      sse('message_delta', { delta: null, usage: 'free' }) +
      stop('end_turn', []) +
      END,
    text: 'a',
    stop: 'end_turn',
    usage: null,
  },
];
