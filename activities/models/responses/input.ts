/**
 * Our conversation as the input items of a Responses request.
 *
 * The server stores nothing of it (`store: false`), so every request holds the whole conversation. What
 * a model wrote goes back to it word for word; what another one wrote is translated. What must stay
 * true: the same conversation always gives the same bytes, and a longer one only appends to them.
 */
import type { ModelMessage, ToolDefinition } from '../provider.js';
import type { NativeAnswer } from './answer.js';
import { asList, asObject, asText, type Json } from '../wire/json.js';
import { wireId, wireName } from '../wire/names.js';

type Assistant = Extract<ModelMessage, { readonly role: 'assistant' }>;

const NAME_CHARS_MAX = 64;

const isCall = (item: Json): boolean => item['type'] === 'function_call';
const isReasoning = (item: Json): boolean => item['type'] === 'reasoning';

/** True for a thought that can be read without the server's memory of it. */
const isSelfContained = (item: Json): boolean =>
  asText(item['encrypted_content']) !== '' || asList(item['content']).length > 0;

const withoutId = (item: Json): Json => {
  const { id: _id, ...rest } = item;
  return rest;
};

/**
 * Items of an answer as they can be sent back.
 *
 * A thought without its content is only an id, which a server that stored nothing does not know ("Item
 * with id … not found"), and one that nothing follows is refused too. Both are left out. What followed
 * a thought that is left out goes without its own id, since servers look ids up to demand the thought.
 */
const sendable = (output: readonly Json[], withReasoning: boolean): readonly Json[] => {
  const last = output.findLastIndex((item) => !isReasoning(item));
  const sent: Json[] = [];
  let isPaired = true;
  for (const item of output.slice(0, last + 1)) {
    if (isReasoning(item)) isPaired = withReasoning && isSelfContained(item);
    if (isReasoning(item) && !isPaired) continue;
    const named = isCall(item)
      ? { ...item, name: wireName(asText(item['name']), NAME_CHARS_MAX) }
      : item;
    sent.push(isPaired ? named : withoutId(named));
  }
  return sent;
};

/** The stored items of the provider, when they fit the calls that we know of. */
const nativeOf = ({ native, calls }: Assistant): readonly Json[] | null => {
  const { api, output } = asObject(native) as Partial<NativeAnswer>;
  if (api !== 'responses' || !Array.isArray(output)) return null;
  return output.filter(isCall).length === calls.length ? output : null;
};

const translated = ({ text, calls }: Assistant): readonly Json[] => [
  ...(text === '' ? [] : [message('assistant', 'output_text', text)]),
  ...calls.map(({ id, name, raw }) => ({
    type: 'function_call',
    call_id: wireId(id),
    name: wireName(name, NAME_CHARS_MAX),
    arguments: raw.toWellFormed() || '{}',
  })),
];

const message = (role: string, type: string, text: string): Json => ({
  type: 'message',
  role,
  content: [{ type, text: text.toWellFormed() }],
});

export const inputItems = (
  messages: readonly ModelMessage[],
  withReasoning: boolean,
): readonly Json[] => {
  const ids = new Map<string, string>();
  return messages.flatMap((said): readonly Json[] => {
    if (said.role === 'user') return [message('user', 'input_text', said.text)];
    if (said.role === 'tool') {
      const output = said.text === '' ? '(no output)' : said.text.toWellFormed();
      const call_id = ids.get(said.callId) ?? wireId(said.callId);
      return [{ type: 'function_call_output', call_id, output }];
    }
    const native = nativeOf(said);
    const items = native ? sendable(native, withReasoning) : translated(said);
    for (const [at, item] of items.filter(isCall).entries())
      ids.set(said.calls[at]?.id ?? '', asText(item['call_id']));
    return items;
  });
};

/** Not strict: that mode demands every property, and ours may be left out. */
export const wireTools = (tools: readonly ToolDefinition[]) =>
  tools.map(({ name, description, inputSchema }) => ({
    type: 'function' as const,
    name,
    description,
    strict: false,
    parameters: inputSchema,
  }));
