/**
 * From what the model sent to a tool and its parsed input, or to words for the model about what is wrong.
 *
 * What must stay true: arguments are never guessed. What is not valid, or is not what the gate judged
 * (its hash or its class differs), is refused and nothing runs.
 */
import type { RunToolRequest } from '../../workflows/protocol/turn.js';
import type { Store } from '../stores/store.js';
import { hashArguments } from '../arguments-hash.js';
import type { Tool } from './tool.js';

export type ParsedCall =
  | { readonly kind: 'ready'; readonly tool: Tool; readonly input: unknown }
  | { readonly kind: 'refused'; readonly reason: string };

const refused = (reason: string): ParsedCall => ({ kind: 'refused', reason });

const parseJson = (raw: string): { readonly value: unknown } | { readonly error: string } => {
  try {
    return { value: JSON.parse(raw.trim() === '' ? '{}' : raw) as unknown };
  } catch (error) {
    return { error: (error as Error).message };
  }
};

/** Reads the stored arguments of a call. Throws when the store can't be read. */
export const readCall = async (
  store: Store,
  tools: readonly Tool[],
  request: RunToolRequest,
): Promise<ParsedCall> => {
  const { sessionId, agent, turn, call } = request;
  const answer = await store.call('readAnswer', { sessionId, agent, turn });
  const blocks = answer?.body.kind === 'answer' ? answer.body.blocks : [];
  const block = blocks.filter((candidate) => candidate.kind === 'tool_call')[call.index];
  if (!block || hashArguments(block.raw) !== call.argumentsHash)
    return refused(
      'The stored arguments of this call are not the ones that were allowed; nothing was run.',
    );
  const tool = tools.find((candidate) => candidate.name === block.name);
  if (!tool) {
    const names = tools.map((candidate) => candidate.name).join(', ');
    return refused(`There is no tool "${block.name}". The tools are: ${names}.`);
  }
  const json = parseJson(block.raw);
  if ('error' in json)
    return refused(
      `The arguments of ${tool.name} were not valid JSON (${json.error}); nothing was run. Send the call again with a complete JSON object.`,
    );
  const parsed = tool.parse(json.value);
  if (!parsed.ok) return refused(`${tool.name}: ${parsed.error} Nothing was run.`);
  // A newer build may understand what an older one judged to be no call at all.
  if (tool.permission(parsed.input) !== call.permission)
    return refused(`This call was judged as something else; nothing was run. Send it again.`);
  return { kind: 'ready', tool, input: parsed.input };
};
