/** "Did you mean": what is near, in which order, and what is not. */
import { nearestNames } from '../../config/nearest-name.js';
import { processorMs } from '../support/processor-time.js';

describe('nearest names', () => {
  test.each([
    ['opnai', ['openai', 'lab', 'scripted'], ['openai']],
    ['OpenAI', ['openai'], ['openai']],
    ['mdoel', ['mode', 'model', 'models'], ['model', 'mode', 'models']],
    ['mini', ['gpt-5-mini', 'gpt-5'], ['gpt-5-mini']],
    ['zzzzzzzz', ['openai', 'lab'], []],
    ['x', [], []],
  ])('of %j among %j', (name, candidates, near) => {
    expect(nearestNames(name, candidates, 3)).toEqual(near);
  });

  test('are at most as many as asked for, and a huge name costs little', async () => {
    expect(nearestNames('a1', ['a2', 'a3', 'a4'], 2)).toEqual(['a2', 'a3']);
    const many = Array(100).fill('openai/some-model') as string[];
    const spentMs = await processorMs(() => nearestNames('x'.repeat(1_000_000), many, 3));
    expect(spentMs).toBeLessThan(5000);
  });
});
