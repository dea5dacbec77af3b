/** The feed of streaming text: what a reader finds, and that it stays small. */
import { makeDeltaFeed } from '../../../client/http/delta-feed.js';
import { LEAD } from '../../../workflows/protocol/ids.js';

const delta = (text: string, turn = 1, attempt = 1) =>
  ({ kind: 'delta', agent: LEAD, turn, attempt, text }) as const;

describe('streaming text', () => {
  test('grows within an attempt and begins anew with the next', () => {
    const feed = makeDeltaFeed();
    feed.publish('s', delta('Hel'));
    feed.publish('s', delta('lo'));
    expect(feed.current('s')).toMatchObject([{ turn: 1, attempt: 1, text: 'Hello' }]);
    feed.publish('s', delta('Hi', 1, 2));
    expect(feed.current('s')).toMatchObject([{ attempt: 2, text: 'Hi' }]);
    expect(feed.current('other')).toEqual([]);
  });

  test('listeners hear of their session until they leave', () => {
    const feed = makeDeltaFeed();
    let heard = 0;
    const leave = feed.subscribe('s', () => (heard += 1));
    feed.publish('s', delta('a'));
    feed.publish('t', delta('a'));
    leave();
    leave();
    feed.publish('s', delta('b'));
    expect(heard).toBe(1);
  });

  test('what is kept is bounded, and stays a beginning of the answer', () => {
    const feed = makeDeltaFeed();
    const piece = 'x'.repeat(300_000);
    for (let n = 0; n < 5; n += 1) feed.publish('s', delta(piece));
    feed.publish('s', delta('y'));
    expect(feed.current('s')[0]?.text).toBe('x'.repeat(1_000_000));
    for (let n = 0; n < 300; n += 1) feed.publish(`s${n}`, delta('a'));
    expect(feed.current('s')).toEqual([]);
    expect(feed.current('s299')).toHaveLength(1);
  });
});
