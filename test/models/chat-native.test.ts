/**
 * The provider's own message, as it is kept to be sent back to the model that wrote it.
 */
import { AnswerBuilder } from '../../activities/models/chat/answer.js';

describe('what is sent back to the same model', () => {
  const nativeOf = (chunks: readonly unknown[]): Record<string, unknown> => {
    const builder = new AnswerBuilder();
    for (const chunk of chunks) builder.add(chunk);
    return builder.build('turn').native as Record<string, unknown>;
  };
  const chunkOf = (fields: unknown): unknown => ({ choices: [{ delta: fields }] });

  test('keeps fields that we do not know, such as signatures of thinking', () => {
    const signed = { extra_content: { google: { thought_signature: 'sig' } } };
    const native = nativeOf([
      chunkOf({ reasoning_details: [{ type: 'reasoning.encrypted', data: 'abc' }] }),
      chunkOf({
        tool_calls: [{ index: 0, id: 'a', ...signed, function: { name: 'read', arguments: '{}' } }],
      }),
    ]);
    expect(native).toEqual({
      role: 'assistant',
      content: null,
      reasoning_details: [{ type: 'reasoning.encrypted', data: 'abc' }],
      tool_calls: [
        { ...signed, id: 'a', type: 'function', function: { name: 'read', arguments: '{}' } },
      ],
    });
  });

  test('names its thinking as the provider did', () => {
    expect(nativeOf([chunkOf({ reasoning: 'hm' }), chunkOf({ content: 'a' })])).toEqual({
      role: 'assistant',
      content: 'a',
      reasoning: 'hm',
    });
  });

  test.each([
    ['missing', ['', '']],
    ['used twice', ['x', 'x']],
  ])('has ids of ours when those of the provider are %s', (_name, [first, second]) => {
    const native = nativeOf([
      chunkOf({ tool_calls: [{ index: 0, id: first, function: { name: 'a', arguments: '{}' } }] }),
      chunkOf({ tool_calls: [{ index: 1, id: second, function: { name: 'b', arguments: '{}' } }] }),
    ]);
    const calls = native['tool_calls'] as { id: string }[];
    expect(calls.map(({ id }) => id)).toEqual(['call_turn_0', 'call_turn_1']);
  });

  test('holds broken arguments as text inside valid JSON: some servers parse them', () => {
    const native = nativeOf([
      chunkOf({
        tool_calls: [{ index: 0, id: 'a', function: { name: 'read', arguments: '{"pa' } }],
      }),
    ]);
    const [sent] = native['tool_calls'] as { function: { arguments: string } }[];
    expect(JSON.parse(sent?.function.arguments ?? '')).toEqual({ malformed_arguments: '{"pa' });
  });
});
