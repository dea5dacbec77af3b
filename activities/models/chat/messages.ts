/**
 * Our conversation as the messages of a Chat Completions request.
 *
 * What a model wrote goes back to it word for word; what another one wrote is translated. What must
 * stay true: the same conversation always gives the same bytes, and a longer one only appends to them,
 * since providers cache by prefix. Half a character (a lone surrogate) would have the request refused, now
 * and for ever after: it is replaced.
 */
import { parseArguments } from '../../arguments-hash.js';
import type { ModelMessage, ToolDefinition } from '../provider.js';
import { wireId, wireName } from '../wire/names.js';

export interface WireCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface WireAssistant {
  readonly role: 'assistant';
  readonly content: string | null;
  readonly tool_calls?: readonly WireCall[];
}

export type WireMessage =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | WireAssistant
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string };

const NAME_CHARS_MAX = 64;

/** Servers refuse a whole request for one name or one argument text they can't read. */
export const wireFunction = (name: string, raw: string): WireCall['function'] => ({
  name: wireName(name, NAME_CHARS_MAX),
  arguments: wireArguments(raw.toWellFormed()),
});

/** Arguments that are no JSON object stay visible to the model, as the text they are. */
const wireArguments = (raw: string): string => {
  if (raw.trim() === '') return '{}';
  return parseArguments(raw) ? raw : JSON.stringify({ malformed_arguments: raw });
};

type Assistant = Extract<ModelMessage, { readonly role: 'assistant' }>;

const translated = ({ text: said, calls }: Assistant): WireAssistant => {
  const text = said.toWellFormed();
  const tool_calls = calls.map(({ id, name, raw }): WireCall => ({
    id: wireId(id),
    type: 'function',
    function: wireFunction(name, raw),
  }));
  return tool_calls.length === 0
    ? { role: 'assistant', content: text }
    : { role: 'assistant', content: text === '' ? null : text, tool_calls };
};

/** The stored message of the provider, when it fits the calls that we know of. */
const nativeOf = ({ native, calls }: Assistant): WireAssistant | null => {
  const message = native as Partial<WireAssistant> | null | undefined;
  if (message?.role !== 'assistant') return null;
  return (message.tool_calls ?? []).length === calls.length ? (message as WireAssistant) : null;
};

export const wireMessages = (
  system: string,
  messages: readonly ModelMessage[],
): readonly WireMessage[] => {
  const ids = new Map<string, string>();
  const wire: WireMessage[] = [{ role: 'system', content: system }];
  for (const message of messages) {
    if (message.role === 'user') wire.push({ role: 'user', content: message.text.toWellFormed() });
    if (message.role === 'assistant') {
      const assistant = nativeOf(message) ?? translated(message);
      for (const [index, call] of message.calls.entries())
        ids.set(call.id, assistant.tool_calls?.[index]?.id ?? wireId(call.id));
      wire.push(assistant);
    }
    if (message.role === 'tool')
      wire.push({
        role: 'tool',
        tool_call_id: ids.get(message.callId) ?? wireId(message.callId),
        content: message.text === '' ? '(no output)' : message.text.toWellFormed(),
      });
  }
  return wire;
};

export const wireTools = (tools: readonly ToolDefinition[]) =>
  tools.map(({ name, description, inputSchema }) => ({
    type: 'function' as const,
    function: { name, description, parameters: inputSchema },
  }));
