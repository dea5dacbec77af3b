/**
 * The events that the Responses API sends for an answer, in the shapes and the order it documents.
 *
 * What must stay true: this file imports nothing of the product.
 */
import { pieces } from './played-model.js';

export type Json = Readonly<Record<string, unknown>>;

export interface ResponsesReply {
  /** The output items, as `response.completed` has them; the events are made from them. */
  readonly output?: readonly Json[];
  /** Why the answer is incomplete. */
  readonly incomplete?: string;
  /** null = none is sent. */
  readonly usage?: unknown;
  readonly error?: unknown;
  /** The body as it is, frame by frame; nothing is added. */
  readonly raw?: readonly string[];
  readonly contentType?: string;
  /** Between two events. */
  readonly chunkMs?: number;
  /** The connection stays open behind the last event. */
  readonly staysOpen?: boolean;
}

export const USAGE = {
  input_tokens: 1000,
  input_tokens_details: { cached_tokens: 600 },
  output_tokens: 50,
  output_tokens_details: { reasoning_tokens: 20 },
  total_tokens: 1050,
};

export const message = (id: string, text: string, more: Json = {}): Json => ({
  id,
  type: 'message',
  status: 'completed',
  content: [{ type: 'output_text', annotations: [], logprobs: [], text }],
  role: 'assistant',
  ...more,
});

export const call = (id: string, name: string, args: string, more: Json = {}): Json => ({
  id,
  type: 'function_call',
  status: 'completed',
  arguments: args,
  call_id: `call_${id}`,
  name,
  ...more,
});

export const reasoning = (id: string, thought: string, more: Json = {}): Json => ({
  id,
  type: 'reasoning',
  encrypted_content: `gAAAAA${id}==`,
  summary: thought === '' ? [] : [{ type: 'summary_text', text: thought }],
  ...more,
});

/** One event as it stands on the wire. */
export const frame = (event: unknown): string => {
  const type = (event as { type?: unknown }).type;
  return `${typeof type === 'string' ? `event: ${type}\n` : ''}data: ${JSON.stringify(event)}\n\n`;
};

/** The response object of the last event. */
export const finalOf = ({
  output = [],
  incomplete,
  usage = USAGE,
  error = null,
}: ResponsesReply): Json => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1_741_476_777,
  status: error ? 'failed' : incomplete ? 'incomplete' : 'completed',
  error,
  incomplete_details: incomplete ? { reason: incomplete } : null,
  model: 'mock-1',
  output,
  parallel_tool_calls: true,
  store: false,
  ...(usage === null ? {} : { usage }),
});

const textEvents = (place: Json, kind: string, field: string, text: string): readonly Json[] => [
  ...pieces(text, 3).map((delta) => ({ type: `response.${kind}.delta`, ...place, delta })),
  { type: `response.${kind}.done`, ...place, [field]: text },
];

const partEvents = (place: Json, part: Json): readonly Json[] => {
  const field = part['type'] === 'refusal' ? 'refusal' : 'text';
  return [
    { type: 'response.content_part.added', ...place, part: { ...part, [field]: '' } },
    ...textEvents(place, String(part['type']), field, String(part[field])),
    { type: 'response.content_part.done', ...place, part },
  ];
};

const insideOf = (item: Json, place: Json): readonly Json[] => {
  const parts = (field: string): readonly Json[] => (item[field] ?? []) as readonly Json[];
  switch (item['type']) {
    case 'message':
      return parts('content').flatMap((part, content_index) =>
        partEvents({ ...place, content_index }, part),
      );
    case 'function_call':
      return textEvents(place, 'function_call_arguments', 'arguments', String(item['arguments']));
    default:
      return parts('summary').flatMap((part, summary_index) =>
        textEvents(
          { ...place, summary_index },
          'reasoning_summary_text',
          'text',
          String(part['text']),
        ),
      );
  }
};

const begun = (item: Json): Json => {
  const { encrypted_content: _hidden, ...rest } = item;
  const empty = {
    message: { content: [], status: 'in_progress' },
    function_call: { arguments: '', status: 'in_progress' },
    reasoning: { summary: [], encrypted_content: 'gAAAAAearly==' },
  }[String(item['type'])];
  return { ...rest, ...empty };
};

/** The events of one output item. */
export const itemEvents = (item: Json, output_index: number): readonly Json[] => [
  { type: 'response.output_item.added', output_index, item: begun(item) },
  ...insideOf(item, { item_id: item['id'], output_index }),
  { type: 'response.output_item.done', output_index, item },
];

export const created = (type = 'response.created'): Json => ({
  type,
  response: { ...finalOf({ usage: null }), status: 'in_progress' },
});

export const ended = (reply: ResponsesReply): Json => ({
  type: reply.incomplete ? 'response.incomplete' : 'response.completed',
  response: finalOf(reply),
});

/** Numbers the events as the API does. */
export const framesOf = (events: readonly Json[]): readonly string[] =>
  events.map((event, sequence_number) => frame({ ...event, sequence_number }));

/** All frames of a reply. */
export const eventsOf = (reply: ResponsesReply): readonly string[] =>
  reply.raw ??
  framesOf([
    created(),
    created('response.in_progress'),
    ...(reply.output ?? []).flatMap(itemEvents),
    ended(reply),
  ]);
