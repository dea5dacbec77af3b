/**
 * Asks a Messages server, and reads off the wire what it was asked.
 */
import { makeAnthropicMessages } from '../../activities/models/anthropic-messages.js';
import type { ModelAnswer, ModelMessage, ModelRequest } from '../../activities/models/provider.js';
import type { MessagesServer } from '../support/anthropic-server.js';
import { requestOf } from './asking.js';

export type Block = Record<string, unknown>;
export interface WireBody {
  readonly max_tokens: number;
  readonly system: Block[];
  readonly tools: Block[];
  readonly messages: { readonly role: string; readonly content: Block[] }[];
}

/** The mark that ends what is worth keeping in the cache. */
export const MARK = { cache_control: { type: 'ephemeral' } };
export const TOOLS = ['read', 'edit', 'shell'].map((name) => ({
  name,
  description: `The tool ${name}.`,
  inputSchema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
}));

export const ask = (
  { baseUrl }: Pick<MessagesServer, 'baseUrl'>,
  change: Partial<ModelRequest> = {},
): Promise<ModelAnswer> =>
  makeAnthropicMessages({ name: 'mock', baseUrl, headers: {}, key: 'sk-k', env: {} }).answer(
    requestOf(change),
  );
export const bodyAt = ({ records }: MessagesServer, index: number): WireBody =>
  JSON.parse(records.at(index)?.body ?? '{}') as WireBody;

export const user = (text: string): ModelMessage => ({ role: 'user', text });
export const result = (callId: string, text = 'ok', isError = false): ModelMessage => ({
  ...{ role: 'tool', callId, text, isError },
});
export const assistant = (
  text: string,
  calls: readonly { id: string; name: string; raw: string }[] = [],
  native: unknown = null,
): ModelMessage => ({ role: 'assistant', text, calls, native });
export const call = (id: string, raw = '{"path":"a"}', name = 'read') => ({ id, name, raw });
/** An answer as the transcript keeps it. */
export const kept = (answer: ModelAnswer, turn: number): ModelMessage =>
  assistant(
    answer.text,
    answer.calls.map((made, index) => ({ ...made, id: `lead.${turn}.${index}` })),
    JSON.parse(JSON.stringify(answer.native)) as unknown,
  );
