/**
 * Streams of Responses servers in the shapes that they really send, and the answer each of them is.
 */
import {
  call,
  created,
  ended,
  frame,
  framesOf,
  itemEvents,
  message,
  reasoning,
  type Json,
} from '../support/responses-events.js';

export interface ResponsesCase {
  readonly name: string;
  readonly raw: readonly string[];
  readonly text?: string;
  readonly calls?: readonly (readonly [name: string, raw: string])[];
  readonly stop?: string;
  readonly thinking?: string;
  /** [1000 − 600 cached, 600, 50] unless told. */
  readonly usage?: readonly [input: number, cacheRead: number, output: number] | null;
  /** What was reported as it streamed; the text unless told. */
  readonly told?: string;
}

const DONE = 'data: [DONE]\n\n';
const READ_A = call('a', 'read', '{"path":"a.ts"}');
const READ_B = call('b', 'read', '{"path":"b.ts"}');
const HELLO = message('m', 'Hello there.');

type Called = Pick<ResponsesCase, 'calls' | 'stop'>;
const ONE: Called = { calls: [['read', '{"path":"a.ts"}']], stop: 'tool_calls' };
const BOTH: Called = {
  calls: [
    ['read', '{"path":"a.ts"}'],
    ['read', '{"path":"b.ts"}'],
  ],
  stop: 'tool_calls',
};

/** Items in their events, between the first and the last one. */
const streamOf = (
  items: readonly Json[],
  last: Json = ended({ output: items }),
): readonly string[] => framesOf([created(), ...items.flatMap(itemEvents), last]);
const without = (events: readonly Json[], type: RegExp): readonly Json[] =>
  events.filter((event) => !type.test(String(event['type'])));
const changed = (events: readonly Json[], change: (event: Json, at: number) => Json) =>
  events.map((event, at) => ({ ...event, ...change(event, at) }));
const both = [READ_A, READ_B].flatMap(itemEvents);

/** As the API's reference prints it. */
const DOCUMENTED = `event: response.created
data: {"type":"response.created","response":{"id":"resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654","object":"response","created_at":1741290958,"status":"in_progress","error":null,"incomplete_details":null,"instructions":"You are a helpful assistant.","max_output_tokens":null,"model":"gpt-4.1-2025-04-14","output":[],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":true,"temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":null,"user":null,"metadata":{}}}

event: response.output_item.added
data: {"type":"response.output_item.added","output_index":0,"item":{"id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","type":"message","status":"in_progress","role":"assistant","content":[]}}

event: response.content_part.added
data: {"type":"response.content_part.added","item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","output_index":0,"content_index":0,"delta":"Hi"}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","output_index":0,"content_index":0,"delta":" there! How can I assist you today?"}

event: response.output_text.done
data: {"type":"response.output_text.done","item_id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","output_index":0,"content_index":0,"text":"Hi there! How can I assist you today?"}

event: response.output_item.done
data: {"type":"response.output_item.done","output_index":0,"item":{"id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there! How can I assist you today?","annotations":[]}]}}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654","object":"response","created_at":1741290958,"status":"completed","error":null,"incomplete_details":null,"model":"gpt-4.1-2025-04-14","output":[{"id":"msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there! How can I assist you today?","annotations":[]}]}],"store":true,"usage":{"input_tokens":37,"output_tokens":11,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":48},"user":null,"metadata":{}}}

`;

const plain: readonly ResponsesCase[] = [
  {
    name: "OpenAI: the reference's own example",
    raw: [DOCUMENTED],
    text: 'Hi there! How can I assist you today?',
    stop: 'stop',
    usage: [37, 0, 11],
  },
  {
    name: 'the same with the line ends of Windows',
    raw: [DOCUMENTED.replaceAll('\n', '\r\n')],
    text: 'Hi there! How can I assist you today?',
    stop: 'stop',
    usage: [37, 0, 11],
  },
  {
    name: 'OpenAI: a thought with its summary, then parallel calls',
    raw: streamOf([reasoning('rs', '**Looking** at both'), READ_A, READ_B]),
    thinking: '**Looking** at both',
    ...BOTH,
  },
  {
    name: 'OpenAI: two thoughts, one of several parts and one without words',
    raw: streamOf([
      reasoning('r1', '', {
        summary: ['one', 'two'].map((text) => ({ type: 'summary_text', text })),
      }),
      reasoning('r2', ''),
      HELLO,
    ]),
    thinking: 'one\n\ntwo',
    text: 'Hello there.',
    stop: 'stop',
  },
  {
    name: 'OpenAI: a commentary before the call, and the phase of each',
    raw: streamOf([
      message('m1', 'I look.', { phase: 'commentary' }),
      READ_A,
      message('m2', 'Then I say.', { phase: 'final_answer' }),
    ]),
    text: 'I look.\n\nThen I say.',
    ...ONE,
  },
  {
    name: 'OpenAI: a message of several parts',
    raw: streamOf([
      message('m', '', {
        content: ['Hello ', 'there.'].map((text) => ({
          type: 'output_text',
          text,
          annotations: [],
        })),
      }),
    ]),
    text: 'Hello there.',
    stop: 'stop',
  },
  {
    name: 'OpenAI: arguments that are no JSON, and none at all',
    raw: streamOf([call('a', 'write', '{"path": "a'), call('b', 'ls', '')]),
    calls: [
      ['write', '{"path": "a'],
      ['ls', ''],
    ],
    stop: 'tool_calls',
  },
  {
    name: 'OpenAI: a refusal',
    raw: streamOf([
      message('m', '', { content: [{ type: 'refusal', refusal: "I can't help with that." }] }),
    ]),
    text: "I can't help with that.",
    stop: 'refusal',
    told: '',
  },
  {
    name: 'OpenAI: tokens run out in a text',
    raw: streamOf(
      [message('m', 'Half of', { status: 'incomplete' })],
      ended({
        output: [message('m', 'Half of', { status: 'incomplete' })],
        incomplete: 'max_output_tokens',
      }),
    ),
    text: 'Half of',
    stop: 'length',
  },
  {
    name: 'OpenAI: tokens run out in a call',
    raw: streamOf(
      [call('a', 'write', '{"path":"a.ts","content":"imp', { status: 'incomplete' })],
      ended({
        output: [call('a', 'write', '{"path":"a.ts","content":"imp', { status: 'incomplete' })],
        incomplete: 'max_output_tokens',
      }),
    ),
    calls: [['write', '{"path":"a.ts","content":"imp']],
    stop: 'length',
  },
  {
    name: 'OpenAI: a filter stops a text that has begun',
    raw: streamOf([HELLO], ended({ output: [HELLO], incomplete: 'content_filter' })),
    text: 'Hello there.',
    stop: 'content_filter',
  },
];

const odd: readonly ResponsesCase[] = [
  {
    name: 'OpenAI: events that we do not know, and a tool of its own',
    raw: framesOf([
      created('response.queued'),
      { type: 'response.web_search_call.in_progress', output_index: 0, item_id: 'ws' },
      ...itemEvents({ id: 'ws', type: 'web_search_call', status: 'completed' }, 0),
      ...itemEvents(HELLO, 1),
      { type: 'response.output_text.annotation.added', output_index: 1, annotation: {} },
      { type: 'constructor.delta' },
      { type: 7 },
      ended({ output: [{ id: 'ws', type: 'web_search_call', status: 'completed' }, HELLO] }),
    ]),
    text: 'Hello there.',
    stop: 'stop',
  },
  {
    name: 'the backend of ChatGPT: items as they are done, none in the last event',
    raw: streamOf([reasoning('rs', 'hm'), HELLO, READ_A], ended({ output: [] })),
    thinking: 'hm',
    text: 'Hello there.',
    ...ONE,
  },
  {
    name: 'a gateway: items in the last event alone',
    raw: framesOf([created(), ended({ output: [reasoning('rs', 'hm'), HELLO, READ_A, READ_B] })]),
    thinking: 'hm',
    text: 'Hello there.',
    ...BOTH,
  },
  {
    name: 'a gateway: some items as they are done, one of them in the last event alone',
    raw: framesOf([created(), ...itemEvents(READ_B, 1), ended({ output: [READ_A, READ_B] })]),
    ...BOTH,
  },
  {
    name: 'a gateway: no item is ever sent as a whole',
    raw: framesOf([
      created(),
      ...without([reasoning('rs', 'hm'), HELLO, READ_A].flatMap(itemEvents), /item\.done/),
      ended({ output: [] }),
    ]),
    thinking: 'hm',
    text: 'Hello there.',
    ...ONE,
  },
  {
    name: 'a gateway: nothing but the whole of each part',
    raw: framesOf([
      ...without([HELLO, READ_A].flatMap(itemEvents), /delta|item\.done|content_part/),
      ended({ output: [] }),
    ]),
    text: 'Hello there.',
    ...ONE,
  },
  {
    name: 'what is done counts, not its pieces and not the last event',
    raw: framesOf([
      ...changed([...itemEvents(HELLO, 0), ...itemEvents(READ_A, 1)], ({ type }) =>
        String(type).endsWith('.delta') ? { delta: '?' } : {},
      ),
      ended({ output: [message('m', 'drifted'), call('a', 'read', '{"path":"drifted"}')] }),
    ]),
    text: 'Hello there.',
    ...ONE,
    told: '???',
  },
  {
    name: 'GitHub Copilot: another item_id in every event',
    raw: framesOf([
      created(),
      ...changed([HELLO, READ_A, READ_B].flatMap(itemEvents), ({ item }, at) =>
        item ? { item: { ...(item as Json), id: `enc${at}` } } : { item_id: `enc${at}` },
      ),
      ended({ output: [HELLO, READ_A, READ_B].map((item, at) => ({ ...item, id: `end${at}` })) }),
    ]),
    text: 'Hello there.',
    ...BOTH,
  },
  {
    name: 'a local server: index 0 for every item',
    raw: framesOf([
      ...changed([HELLO, READ_A, READ_B].flatMap(itemEvents), () => ({ output_index: 0 })),
      ended({ output: [HELLO, READ_A, READ_B] }),
    ]),
    text: 'Hello there.',
    ...BOTH,
  },
  {
    name: 'a local server: no index, its calls at once, none in the last event',
    raw: framesOf([
      ...changed(
        both.toSorted(
          (a, b) => Number(/done/.test(String(a['type']))) - Number(/done/.test(String(b['type']))),
        ),
        () => ({ output_index: undefined }),
      ),
      ended({ output: [] }),
    ]),
    ...BOTH,
  },
  {
    name: 'pieces of parallel calls in turns, the second one done first',
    raw: framesOf([
      ...itemEvents(READ_A, 0).slice(0, 3),
      ...itemEvents(READ_B, 1),
      ...itemEvents(READ_A, 0).slice(3),
      ended({ output: [] }),
    ]),
    ...BOTH,
  },
  {
    name: 'vLLM: the thought itself, null instead of what is encrypted, an end mark of Chat Completions',
    raw: [
      ': keep-alive\n\n',
      ...streamOf([
        reasoning('rs', '', {
          encrypted_content: null,
          content: [{ type: 'reasoning_text', text: 'The user greets.' }],
        }),
        HELLO,
      ]),
      DONE,
    ],
    thinking: 'The user greets.',
    text: 'Hello there.',
    stop: 'stop',
  },
  {
    name: 'events without their names on a line of their own',
    raw: streamOf([HELLO]).map((part) => part.replace(/^event: .*\n/, '')),
    text: 'Hello there.',
    stop: 'stop',
  },
  {
    name: 'arguments as an object instead of a text',
    raw: [frame(ended({ output: [{ ...READ_A, arguments: { path: 'a.ts' } }] }))],
    ...ONE,
  },
  {
    name: 'content as a text instead of a list',
    raw: [frame(ended({ output: [message('m', '', { content: 'Hello there.' })] }))],
    text: 'Hello there.',
    stop: 'stop',
  },
  {
    name: 'pieces that come behind their item change nothing',
    raw: framesOf([
      ...itemEvents(HELLO, 0),
      { type: 'response.output_text.delta', output_index: 0, item_id: 'm', delta: 'late' },
      { type: 'response.output_text.done', output_index: 0, item_id: 'm', text: 'late' },
      ended({ output: [HELLO] }),
      ...itemEvents(READ_A, 1),
    ]),
    text: 'Hello there.',
    stop: 'stop',
  },
  {
    name: 'a local server: index 0 for each of its calls',
    raw: framesOf([
      ...changed(both, () => ({ output_index: 0 })),
      ended({ output: [READ_A, READ_B] }),
    ]),
    ...BOTH,
  },
  {
    name: 'whole calls alone, without index and id',
    raw: framesOf([
      ...[READ_A, READ_B].map((item) => ({
        type: 'response.output_item.done',
        item: { ...item, id: undefined },
      })),
      ended({ output: [] }),
    ]),
    ...BOTH,
  },
  {
    name: 'index 0 for each of its calls, told apart by their ids, and never sent as a whole',
    raw: framesOf([
      ...changed(without(both, /item\.done/), () => ({ output_index: 0 })).toSorted(
        (a, b) => Number('item_id' in a) - Number('item_id' in b),
      ),
      ended({ output: [] }),
    ]),
    ...BOTH,
  },
  {
    name: 'calls without index and id, one of them never sent as a whole',
    raw: framesOf([
      ...changed(both.slice(0, -1), ({ item }) => ({
        ...{ output_index: undefined, item_id: undefined },
        ...(item ? { item: { ...(item as Json), id: undefined } } : {}),
      })),
      ended({ output: [] }),
    ]),
    ...BOTH,
  },
  {
    name: 'items that begin in another order than they have',
    raw: framesOf([...itemEvents(READ_B, 1), ...itemEvents(READ_A, 0), ended({ output: [] })]),
    ...BOTH,
  },
  {
    name: 'fewer items in the last event than there were',
    raw: streamOf([READ_A, READ_B], ended({ output: [READ_B] })),
    ...BOTH,
  },
];

export const RESPONSES_CASES: readonly ResponsesCase[] = [...plain, ...odd];
