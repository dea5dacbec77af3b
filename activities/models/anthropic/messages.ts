/**
 * Our conversation as a Messages request.
 *
 * What a model wrote goes back to it word for word; what another one wrote is translated. What must
 * stay true: the same conversation always gives the same bytes, a longer one only appends to them (but
 * for the mark of the cache, which moves to the end), and every call has its result, in the first
 * blocks of the message behind it: the API refuses anything else.
 */
import { parseArguments } from '../../arguments-hash.js';
import type { ModelMessage, ModelRequest } from '../provider.js';
import { asList, asObject, asText, wellFormed, type Json } from '../wire/json.js';
import { wireId, wireName } from '../wire/names.js';

/** Tells our stored messages of this API from those of others. */
export const NATIVE_TYPE = 'message';

const OUTPUT_TOKENS_MAX = 32_000;
const NAME_CHARS_MAX = 128;

type Assistant = Extract<ModelMessage, { readonly role: 'assistant' }>;
type Result = Extract<ModelMessage, { readonly role: 'tool' }>;
type Row = Exclude<ModelMessage, Assistant>;

interface WireMessage {
  readonly role: 'user' | 'assistant';
  readonly content: Json[];
}

/** A call and the name it has on the wire. */
interface Awaited {
  readonly callId: string;
  readonly wireId: string;
}

export const isCallBlock = (block: Json): boolean => block['type'] === 'tool_use';

/** Blank texts are refused. */
const said = (text: string, instead: string): string => (text.trim() === '' ? instead : text);

const textBlock = (text: string): Json => ({ type: 'text', text });

const translated = ({ text, calls }: Assistant): readonly Json[] => [
  textBlock(text),
  ...calls.map(({ id, name, raw }) => ({
    type: 'tool_use',
    id: wireId(id),
    name,
    input: parseArguments(raw) ?? {},
  })),
];

/** The stored blocks of the provider, when they fit the calls that we know of. */
const nativeBlocks = ({ native, calls }: Assistant): readonly Json[] | null => {
  const { type, content } = asObject(native);
  if (type !== NATIVE_TYPE) return null;
  const blocks = asList(content).map(asObject);
  return blocks.filter(isCallBlock).length === calls.length ? blocks : null;
};

/** Without what the API refuses in any message. */
const sendable = (blocks: readonly Json[]): readonly Json[] => {
  const kept = blocks.filter(
    (block) => block['type'] !== 'text' || asText(block['text']).trim() !== '',
  );
  // Thoughts at the end were cut off; unfinished ones have no signature.
  const isThought = (block: Json): boolean => /thinking$/.test(asText(block['type']));
  return kept
    .slice(0, kept.findLastIndex((block) => !isThought(block)) + 1)
    .map((block) =>
      isCallBlock(block)
        ? { ...block, name: wireName(asText(block['name']), NAME_CHARS_MAX) }
        : block,
    );
};

const resultBlock = (id: string, result: Result | undefined): Json => ({
  type: 'tool_result',
  tool_use_id: id,
  content: said(result?.text ?? '', result ? '(no output)' : 'Interrupted: there is no result.'),
  ...((result?.isError ?? true) ? { is_error: true } : {}),
});

/** What stands between two answers: a result for each call, then all that was said. */
const userBlocks = (awaited: readonly Awaited[], rows: readonly Row[]): readonly Json[] => {
  const results = new Map<string, Result>();
  const texts: Json[] = [];
  const isOpen = (id: string): boolean =>
    awaited.some(({ callId }) => callId === id) && !results.has(id);
  for (const row of rows) {
    if (row.role === 'user') texts.push(textBlock(said(row.text, '(empty)')));
    else if (isOpen(row.callId)) results.set(row.callId, row);
    else texts.push(textBlock(`Result of the earlier call ${row.callId}:\n${row.text}`));
  }
  return [...awaited.map((call) => resultBlock(call.wireId, results.get(call.callId))), ...texts];
};

const wireMessages = (messages: readonly ModelMessage[]): readonly WireMessage[] => {
  const wire: WireMessage[] = [];
  let awaited: readonly Awaited[] = [];
  let rows: Row[] = [];
  const add = (role: WireMessage['role'], blocks: readonly Json[]): void => {
    const last = wire.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else if (blocks.length > 0) wire.push({ role, content: [...blocks] });
  };
  const addUser = (): void => {
    add('user', userBlocks(awaited, rows));
    rows = [];
  };
  for (const message of messages) {
    if (message.role !== 'assistant') {
      rows.push(message);
      continue;
    }
    addUser();
    const blocks = sendable(nativeBlocks(message) ?? translated(message));
    add('assistant', blocks);
    const ids = blocks.filter(isCallBlock).map((block) => asText(block['id']));
    awaited = message.calls.map(({ id }, index) => ({ callId: id, wireId: ids[index] ?? '' }));
  }
  addUser();
  return wire;
};

/** The last of these blocks ends what is worth keeping in the provider's cache. */
const marked = (blocks: readonly Json[]): readonly Json[] =>
  blocks.map((block, index) =>
    index < blocks.length - 1 ? block : { ...block, cache_control: { type: 'ephemeral' } },
  );

/** Key order is part of the bytes that providers cache: what never changes comes first. */
export const bodyOf = ({ model, outputTokensMax, tools, system, messages }: ModelRequest): Json => {
  const wire = wireMessages(messages);
  const declared = tools.map(({ name, description, inputSchema }) => ({
    ...{ name, description },
    input_schema: inputSchema,
  }));
  return wellFormed({
    model,
    max_tokens: outputTokensMax ?? OUTPUT_TOKENS_MAX,
    stream: true,
    ...(declared.length === 0 ? {} : { tools: marked(declared) }),
    ...(system.trim() === '' ? {} : { system: marked([textBlock(system)]) }),
    messages: wire.map(({ role, content }, index) => ({
      role,
      content: index < wire.length - 1 || role === 'assistant' ? content : marked(content),
    })),
  });
};
