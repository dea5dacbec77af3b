/**
 * Streams in the shapes that providers really send, and the answer each of them is.
 */

export const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
export const delta = (fields: unknown, finish: string | null = null): string =>
  event({ choices: [{ index: 0, delta: fields, finish_reason: finish }] });
export const call = (fields: Record<string, unknown>, name?: string, args?: string): string =>
  delta({ tool_calls: [{ ...fields, function: { name, arguments: args } }] });
export const DONE = 'data: [DONE]\n\n';

export interface StreamCase {
  readonly name: string;
  readonly raw: readonly string[];
  readonly text?: string;
  readonly calls?: readonly (readonly [name: string, raw: string])[];
  readonly stop?: string | null;
  readonly usage?: readonly [input: number, cacheRead: number, output: number] | null;
  readonly thinking?: string;
}

export const OPENAI_USAGE = {
  prompt_tokens: 120,
  completion_tokens: 30,
  prompt_tokens_details: { cached_tokens: 100 },
};

export const STREAM_CASES: readonly StreamCase[] = [
  {
    name: 'OpenAI: arguments split over chunks, usage at the very end',
    raw: [
      delta({ role: 'assistant', content: null }),
      call({ index: 0, id: 'call_a', type: 'function' }, 'read', ''),
      call({ index: 0 }, undefined, '{"pa'),
      call({ index: 0 }, undefined, 'th":"a.ts"}'),
      call({ index: 1, id: 'call_b', type: 'function' }, 'shell', ''),
      call({ index: 1 }, undefined, '{"command":"ls"}'),
      delta({}, 'tool_calls'),
      event({ choices: [], usage: OPENAI_USAGE }),
      DONE,
    ],
    calls: [
      ['read', '{"path":"a.ts"}'],
      ['shell', '{"command":"ls"}'],
    ],
    stop: 'tool_calls',
    usage: [20, 100, 30],
  },
  {
    name: 'Gemini: whole parallel calls, all with index 0, finish "stop"',
    raw: [
      delta({
        tool_calls: [
          {
            index: 0,
            id: 'x1',
            type: 'function',
            function: { name: 'read', arguments: '{"path":"a"}' },
          },
          {
            index: 0,
            id: 'x2',
            type: 'function',
            function: { name: 'read', arguments: '{"path":"b"}' },
          },
        ],
      }),
      delta({}, 'stop'),
      event({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 6 } }),
      DONE,
    ],
    calls: [
      ['read', '{"path":"a"}'],
      ['read', '{"path":"b"}'],
    ],
    stop: 'stop',
    usage: [5, 0, 6],
  },
  {
    name: 'Ollama: index and id missing, each call whole',
    raw: [
      call({}, 'read', '{"path":"a"}'),
      call({}, 'read', '{"path":"b"}'),
      delta({ content: '' }, 'stop'),
      DONE,
    ],
    calls: [
      ['read', '{"path":"a"}'],
      ['read', '{"path":"b"}'],
    ],
    stop: 'stop',
    usage: null,
  },
  {
    name: 'a local server: ids empty, index 0 for every call',
    raw: [
      call({ index: 0, id: '' }, 'read', '{"path":"a"}'),
      call({ index: 0, id: '' }, 'read', '{"path":"b"}'),
      delta({}, 'tool_calls'),
      DONE,
    ],
    calls: [
      ['read', '{"path":"a"}'],
      ['read', '{"path":"b"}'],
    ],
    stop: 'tool_calls',
  },
  {
    name: 'a gateway: id and name repeated with every fragment, no index',
    raw: [
      call({ id: 'k1' }, 'read', '{"path"'),
      call({ id: 'k1' }, 'read', ':"a"}'),
      call({ id: 'k2' }, 'git', '{"operation":"status"}'),
      delta({}, 'tool_calls'),
      DONE,
    ],
    calls: [
      ['read', '{"path":"a"}'],
      ['git', '{"operation":"status"}'],
    ],
    stop: 'tool_calls',
  },
  {
    name: 'interleaved fragments of parallel calls',
    raw: [
      call({ index: 0, id: 'a' }, 'read', ''),
      call({ index: 1, id: 'b' }, 'read', ''),
      call({ index: 1 }, undefined, '{"path":'),
      call({ index: 0 }, undefined, '{"path":'),
      call({ index: 1 }, undefined, '"2"}'),
      call({ index: 0 }, undefined, '"1"}'),
      delta({}, 'tool_calls'),
      DONE,
    ],
    calls: [
      ['read', '{"path":"1"}'],
      ['read', '{"path":"2"}'],
    ],
    stop: 'tool_calls',
  },
  {
    name: 'the same id for two calls',
    raw: [
      call({ index: 0, id: 'same' }, 'read', '{"path":"1"}'),
      call({ index: 1, id: 'same' }, 'read', '{"path":"2"}'),
      delta({}, 'tool_calls'),
      DONE,
    ],
    calls: [
      ['read', '{"path":"1"}'],
      ['read', '{"path":"2"}'],
    ],
    stop: 'tool_calls',
  },
  {
    name: 'arguments as an object instead of a text',
    raw: [
      delta({ tool_calls: [{ function: { name: 'read', arguments: { path: 'a' } } }] }, 'stop'),
      DONE,
    ],
    calls: [['read', '{"path":"a"}']],
    stop: 'stop',
  },
  {
    name: 'DeepSeek: reasoning_content first, cache hits under its own name',
    raw: [
      ': keep-alive\n\n',
      delta({ role: 'assistant', content: null, reasoning_content: 'let me' }),
      delta({ content: null, reasoning_content: ' think' }),
      ': keep-alive\n\n',
      delta({ content: 'Hi', reasoning_content: null }),
      delta({ content: ' you' }),
      event({
        choices: [{ index: 0, delta: { content: '' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 50, completion_tokens: 9, prompt_cache_hit_tokens: 40 },
      }),
      DONE,
    ],
    text: 'Hi you',
    thinking: 'let me think',
    stop: 'stop',
    usage: [10, 40, 9],
  },
  {
    name: 'OpenRouter: "reasoning", processing comments, usage at the end',
    raw: [
      ': OPENROUTER PROCESSING\n\n',
      delta({ role: 'assistant', content: '', reasoning: 'hm' }),
      delta({ content: 'ok' }),
      delta({ content: '' }, 'stop'),
      event({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } }),
      DONE,
    ],
    text: 'ok',
    thinking: 'hm',
    stop: 'stop',
    usage: [3, 0, 1],
  },
  {
    name: 'Mistral: content in parts, some of them thinking',
    raw: [
      delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'why' }] }] }),
      delta({ content: [{ type: 'text', text: 'because' }] }, 'stop'),
      DONE,
    ],
    text: 'because',
    thinking: 'why',
    stop: 'stop',
  },
  {
    name: 'Moonshot: usage inside the choice',
    raw: [
      delta({ content: 'hi' }),
      event({
        choices: [
          { delta: {}, finish_reason: 'stop', usage: { prompt_tokens: 8, completion_tokens: 2 } },
        ],
      }),
      DONE,
    ],
    text: 'hi',
    stop: 'stop',
    usage: [8, 0, 2],
  },
  {
    name: 'Groq: usage in x_groq',
    raw: [
      delta({ content: 'hi' }),
      event({
        choices: [{ delta: {}, finish_reason: 'stop' }],
        x_groq: { usage: { prompt_tokens: 8, completion_tokens: 2 } },
      }),
      DONE,
    ],
    text: 'hi',
    stop: 'stop',
    usage: [8, 0, 2],
  },
  {
    name: 'cumulative usage in every chunk: the last one counts',
    raw: [
      event({
        choices: [{ delta: { content: 'a' } }],
        usage: { prompt_tokens: 8, completion_tokens: 1 },
      }),
      event({
        choices: [{ delta: { content: 'b' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 8, completion_tokens: 2 },
      }),
      DONE,
    ],
    text: 'ab',
    stop: 'stop',
    usage: [8, 0, 2],
  },
  {
    name: 'usage of zeroes is none',
    raw: [
      delta({ content: 'a' }, 'stop'),
      event({ choices: [], usage: { prompt_tokens: 0, completion_tokens: 0 } }),
      DONE,
    ],
    text: 'a',
    stop: 'stop',
    usage: null,
  },
  {
    name: 'no finish reason at all, but an end mark',
    raw: [delta({ content: 'a' }), delta({ content: 'b' }), DONE],
    text: 'ab',
    stop: null,
  },
  {
    name: 'a finish reason, but no end mark',
    raw: [delta({ content: 'ab' }, 'stop')],
    text: 'ab',
    stop: 'stop',
  },
  {
    name: 'an answer cut by its length: the broken arguments are kept as they are',
    raw: [
      call({ index: 0, id: 'a' }, 'write', '{"path":"a","content":"x'),
      delta({}, 'length'),
      DONE,
    ],
    calls: [['write', '{"path":"a","content":"x']],
    stop: 'length',
  },
  {
    name: 'a finish reason nobody knows',
    raw: [delta({ content: 'x' }, 'end_turn'), DONE],
    text: 'x',
    stop: 'end_turn',
  },
  {
    name: 'a refusal',
    raw: [delta({ refusal: 'I can' }), delta({ refusal: "'t." }, 'stop'), DONE],
    text: "I can't.",
    stop: 'refusal',
  },
  {
    name: 'frames of CRLF, with event names and without a blank after the colon',
    raw: [
      'event: message\r\ndata:{"choices":[{"delta":{"content":"a"}}]}\r\n\r\n',
      'data:{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}\r\n\r\n',
      'data:[DONE]\r\n\r\n',
    ],
    text: 'ab',
    stop: 'stop',
  },
  {
    name: 'Azure: a first chunk without choices',
    raw: [event({ choices: [], prompt_filter_results: [] }), delta({ content: 'a' }, 'stop'), DONE],
    text: 'a',
    stop: 'stop',
  },
];
