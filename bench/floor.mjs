/**
 * The floor: the shortest agent one could write on the `openai` SDK, and what we are measured against.
 * usage: node bench/floor.mjs BASE_URL PROMPT     (in the project's folder)
 *
 * It streams, runs one tool and keeps nothing: a kill loses everything. What must stay true: it does no
 * more than it must, so that no figure of ours looks good because this one is slow.
 */
import { readFile } from 'node:fs/promises';
import OpenAI from 'openai';

const [baseURL, prompt] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'sk-floor', maxRetries: 0 });
const parameters = {
  type: 'object',
  properties: { path: { type: 'string' } },
  required: ['path'],
};
const tools = [
  { type: 'function', function: { name: 'read', description: 'Reads a file.', parameters } },
];
const messages = [
  { role: 'system', content: 'You are a coding agent.' },
  { role: 'user', content: prompt },
];

/** Adds a fragment of a call to the calls that came so far. */
const addFragment = (calls, { index, id, function: part }) => {
  calls[index] ??= { id, type: 'function', function: { name: part.name, arguments: '' } };
  calls[index].function.arguments += part.arguments ?? '';
};

const ask = async () => {
  const stream = await client.chat.completions.create({
    model: 'mock',
    stream: true,
    tools,
    messages,
  });
  const answer = { role: 'assistant', content: '', tool_calls: [] };
  for await (const { choices } of stream) {
    const { content, tool_calls: fragments = [] } = choices[0]?.delta ?? {};
    answer.content += content ?? '';
    for (const fragment of fragments) addFragment(answer.tool_calls, fragment);
  }
  return answer;
};

for (;;) {
  const { tool_calls: calls, ...answer } = await ask();
  messages.push(calls.length === 0 ? answer : { ...answer, tool_calls: calls });
  if (calls.length === 0) {
    console.log(answer.content);
    break;
  }
  for (const call of calls) {
    const { path } = JSON.parse(call.function.arguments);
    messages.push({ role: 'tool', tool_call_id: call.id, content: await readFile(path, 'utf8') });
  }
}
