/**
 * Streams as the public documents of the Messages API show them, each with the answer that it is.
 */
import { sse } from '../support/anthropic-server.js';

type Fields = Readonly<Record<string, unknown>>;

export const begin = (usage: unknown = { input_tokens: 25, output_tokens: 1 }): string =>
  sse('message_start', {
    message: {
      id: 'msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY',
      ...{ type: 'message', role: 'assistant', content: [], model: 'claude-x' },
      ...{ stop_reason: null, stop_sequence: null, usage },
    },
  });
export const open = (index: number, content_block: Fields): string =>
  sse('content_block_start', { index, content_block });
export const piece = (index: number, delta: Fields): string =>
  sse('content_block_delta', { index, delta });
export const close = (index: number): string => sse('content_block_stop', { index });
export const stop = (stop_reason: string | null, usage: unknown = { output_tokens: 15 }): string =>
  sse('message_delta', { delta: { stop_reason, stop_sequence: null }, usage });
export const END = sse('message_stop');

export const said = (index: number, ...texts: readonly string[]): string =>
  [
    open(index, { type: 'text', text: '' }),
    ...texts.map((text) => piece(index, { type: 'text_delta', text })),
    close(index),
  ].join('');
export const thought = (index: number, signature: string, ...texts: readonly string[]): string =>
  [
    open(index, { type: 'thinking', thinking: '', signature: '' }),
    ...texts.map((thinking) => piece(index, { type: 'thinking_delta', thinking })),
    piece(index, { type: 'signature_delta', signature }),
    close(index),
  ].join('');
export const opened = (index: number, id: string, name: string): string =>
  open(index, { type: 'tool_use', id, name, input: {} });
export const json = (index: number, ...pieces: readonly string[]): string =>
  pieces.map((partial_json) => piece(index, { type: 'input_json_delta', partial_json })).join('');
export const called = (index: number, id: string, name: string, ...pieces: readonly string[]) =>
  opened(index, id, name) + json(index, '', ...pieces) + close(index);

export interface MessagesCase {
  readonly name: string;
  readonly raw: string;
  readonly text?: string;
  readonly thinking?: string;
  readonly calls?: readonly (readonly [name: string, raw: string])[];
  readonly stop: string | null;
  readonly usage?: readonly [input: number, written: number, read: number, output: number] | null;
  /** What is kept to be sent back. */
  readonly content?: readonly Fields[];
}

const SIGNATURE = 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds/+w==';
const SEARCHED = [{ type: 'web_search_result', title: 'T', url: 'https://e.org', page_age: null }];
const CITED = { type: 'web_search_result_location', url: 'https://e.org', cited_text: 'c' };

export const DOCUMENTED_CASES: readonly MessagesCase[] = [
  {
    name: 'text, with a ping, the output counted at the end',
    raw: begin() + sse('ping') + said(0, 'Hello', '!') + stop('end_turn') + END,
    text: 'Hello!',
    stop: 'end_turn',
    usage: [25, 0, 0, 15],
    content: [{ type: 'text', text: 'Hello!' }],
  },
  {
    name: 'a call whose arguments come in pieces behind some words',
    raw:
      begin({ input_tokens: 472, output_tokens: 2 }) +
      said(0, 'Okay', ', let', "'s", ' check') +
      called(
        ...([1, 'toolu_01T1x1fJ34qAmk2tNTrN7Up6', 'get_weather'] as const),
        ...['{"location":', ' "San', ' Francisc', 'o,', ' CA"', ', "unit": "fah', 'renheit"}'],
      ) +
      stop('tool_use', { output_tokens: 89 }) +
      END,
    text: "Okay, let's check",
    calls: [['get_weather', '{"location": "San Francisco, CA", "unit": "fahrenheit"}']],
    stop: 'tool_use',
    usage: [472, 0, 0, 89],
    content: [
      { type: 'text', text: "Okay, let's check" },
      {
        ...{ type: 'tool_use', id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6', name: 'get_weather' },
        input: { location: 'San Francisco, CA', unit: 'fahrenheit' },
      },
    ],
  },
  {
    name: 'thinking with its signature before the words',
    raw:
      begin() +
      thought(0, SIGNATURE, 'Let me solve this:\n\n1. ', '27 * 453 = 12,231') +
      said(1, '27 * 453 = 12,231') +
      stop('end_turn') +
      END,
    text: '27 * 453 = 12,231',
    thinking: 'Let me solve this:\n\n1. 27 * 453 = 12,231',
    stop: 'end_turn',
    content: [
      {
        type: 'thinking',
        thinking: 'Let me solve this:\n\n1. 27 * 453 = 12,231',
        signature: SIGNATURE,
      },
      { type: 'text', text: '27 * 453 = 12,231' },
    ],
  },
  {
    name: 'thinking whose words are left out, and thinking that nobody may read',
    raw:
      begin() +
      thought(0, SIGNATURE) +
      open(1, { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3' }) +
      close(1) +
      said(2, 'Hi') +
      stop('end_turn') +
      END,
    text: 'Hi',
    stop: 'end_turn',
    content: [
      { type: 'thinking', thinking: '', signature: SIGNATURE },
      { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3' },
      { type: 'text', text: 'Hi' },
    ],
  },
  {
    name: 'parallel calls with thinking between them',
    raw:
      begin() +
      called(0, 'toolu_a', 'read', '{"path":', '"a"}') +
      thought(1, SIGNATURE, 'and b') +
      called(2, 'toolu_b', 'read', '{"path":"b"}') +
      called(3, 'toolu_c', 'git', '{"operation"', ':"status"}') +
      stop('tool_use') +
      END,
    thinking: 'and b',
    calls: [
      ['read', '{"path":"a"}'],
      ['read', '{"path":"b"}'],
      ['git', '{"operation":"status"}'],
    ],
    stop: 'tool_use',
  },
  {
    name: 'a call without arguments, with one empty piece or with none',
    raw:
      begin() +
      called(0, 'toolu_a', 'status') +
      opened(1, 'toolu_b', 'status') +
      close(1) +
      stop('tool_use') +
      END,
    calls: [
      ['status', ''],
      ['status', ''],
    ],
    stop: 'tool_use',
    content: ['toolu_a', 'toolu_b'].map((id) => ({
      ...{ type: 'tool_use', id, name: 'status', input: {} },
    })),
  },
  {
    name: 'a call cut off by max_tokens: the broken arguments stay as they are',
    raw:
      begin() +
      said(0, 'I write.') +
      opened(1, 'toolu_a', 'write') +
      json(1, '', '{"path":"a","content":"x') +
      close(1) +
      stop('max_tokens', { output_tokens: 32_000 }) +
      END,
    text: 'I write.',
    calls: [['write', '{"path":"a","content":"x']],
    stop: 'max_tokens',
    usage: [25, 0, 0, 32_000],
    content: [
      { type: 'text', text: 'I write.' },
      { type: 'tool_use', id: 'toolu_a', name: 'write', input: {} },
    ],
  },
  {
    name: 'usage of the cache, cumulative at the end, with details we do not count',
    raw:
      begin({
        ...{ input_tokens: 4, cache_creation_input_tokens: 1_200, cache_read_input_tokens: 8_000 },
        cache_creation: { ephemeral_5m_input_tokens: 1_200, ephemeral_1h_input_tokens: 0 },
        ...{ output_tokens: 3, service_tier: 'standard', inference_geo: null },
      }) +
      said(0, 'a') +
      stop('end_turn', {
        ...{ input_tokens: 4, cache_creation_input_tokens: 1_200, cache_read_input_tokens: 8_000 },
        ...{
          output_tokens: 77,
          output_tokens_details: { thinking_tokens: 5 },
          server_tool_use: null,
        },
      }) +
      END,
    text: 'a',
    stop: 'end_turn',
    usage: [4, 1_200, 8_000, 77],
  },
  {
    name: 'a refusal in the middle of an answer',
    raw: begin() + said(0, 'First you') + stop('refusal') + END,
    text: 'First you',
    stop: 'refusal',
  },
  {
    name: 'a turn that is paused behind a search of the server, with citations',
    raw:
      begin() +
      open(0, { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }) +
      json(0, '{"query":', '"x"}') +
      close(0) +
      open(1, {
        ...{ type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: SEARCHED },
      }) +
      close(1) +
      open(2, { type: 'text', text: '', citations: [] }) +
      piece(2, { type: 'citations_delta', citation: CITED }) +
      piece(2, { type: 'text_delta', text: 'As it says.' }) +
      close(2) +
      stop('pause_turn') +
      END,
    text: 'As it says.',
    stop: 'pause_turn',
    content: [
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
      { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: SEARCHED },
      { type: 'text', text: 'As it says.', citations: [CITED] },
    ],
  },
  {
    name: 'an answer that filled the window',
    raw: begin() + said(0, 'long') + stop('model_context_window_exceeded') + END,
    text: 'long',
    stop: 'model_context_window_exceeded',
  },
  {
    name: 'a stop sequence and an end mark with blanks in it',
    raw:
      begin() +
      said(0, 'a') +
      stop('stop_sequence') +
      'event: message_stop\ndata: {"type":"message_stop"            }\n\n',
    text: 'a',
    stop: 'stop_sequence',
  },
];
