/** Calls of one answer under every order of endings: what must wait waits, and nothing waits for ever. */
import { performInOrder } from '../../../workflows/agent/overlap.js';
import type { PermissionClass } from '../../../workflows/protocol/agent.js';
import type { ToolCallSummary } from '../../../workflows/protocol/turn.js';

type Kind = readonly [name: string, permission: PermissionClass, subject: string];
const KINDS = {
  read: ['read', 'read', 'a'],
  editA: ['edit', 'edit', 'a'],
  writeA: ['write', 'edit', 'a'],
  editB: ['edit', 'edit', 'b'],
  shell: ['shell', 'execute', 'npm test'],
  commit: ['git', 'execute', 'git commit'],
  fetch: ['fetch', 'network', 'example.org'],
} as const satisfies Readonly<Record<string, Kind>>;
type KindName = keyof typeof KINDS;

const callsOf = (names: readonly KindName[]): readonly ToolCallSummary[] =>
  names.map((kind, index) => {
    const [name, permission, subject] = KINDS[kind];
    return { index, name, permission, subject, argumentsHash: '' };
  });

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Calls that end only when told. */
const perform = (names: readonly KindName[]) => {
  const begun: number[] = [];
  const ends = new Map<number, { end(): void; fail(error: unknown): void }>();
  const all = performInOrder(callsOf(names), ({ index }) => {
    begun.push(index);
    return new Promise<number>((resolve, reject) => {
      ends.set(index, { end: () => resolve(index), fail: reject });
    });
  });
  all.catch(() => undefined);
  return { begun, ends, all };
};

/** Whether two calls, asked for in this order, are on their way at the same time. */
const overlaps = (first: KindName, second: KindName): boolean =>
  perform([first, second]).begun.length === 2;

describe('two calls', () => {
  test.each<[KindName, readonly KindName[]]>([
    ['read', ['read']],
    ['editA', ['editB']],
    ['writeA', ['editB']],
    ['editB', ['editA', 'writeA']],
    ['shell', ['shell']],
    ['commit', []],
    ['fetch', []],
  ])('after %s only %j may begin before it has ended', (first, together) => {
    const names = Object.keys(KINDS) as KindName[];
    expect(names.filter((second) => overlaps(first, second))).toEqual(together);
  });

  test('the second begins although the first failed: each call gets its own answer', async () => {
    const { begun, ends } = perform(['commit', 'shell']);
    ends.get(0)?.fail(new Error('no'));
    await settle();
    expect(begun).toEqual([0, 1]);
  });

  test('one that throws before it began anything does not keep the other from its answer', async () => {
    const ended: number[] = [];
    const all = performInOrder(callsOf(['read', 'read']), async ({ index }) => {
      if (index === 0) throw new Error('at once');
      await settle();
      ended.push(index);
    });
    await expect(all).rejects.toThrow('at once');
    expect(ended).toEqual([1]);
  });

  test('of several failures the first in the model’s order is the one that is thrown', async () => {
    const { ends, all } = perform(['read', 'read', 'read']);
    ends.get(2)?.fail(new Error('third'));
    await settle();
    ends.get(1)?.fail(new Error('second'));
    ends.get(0)?.end();
    await expect(all).rejects.toThrow('second');
  });
});

test('an answer without calls is done at once', async () => {
  await expect(
    performInOrder([], () => Promise.reject(new Error('nobody asked'))),
  ).resolves.toEqual([]);
});

test('a call waits for those before it, and a later one that could have begun does not overtake what it waits for', async () => {
  const { begun, ends, all } = perform(['editA', 'shell', 'editB', 'commit']);
  for (const index of [0, 1, 2, 3]) {
    expect(begun).toEqual(Array.from({ length: index + 1 }, (_, n) => n));
    ends.get(index)?.end();
    await settle();
  }
  await expect(all).resolves.toEqual([0, 1, 2, 3]);
});

/** All orders in which so many calls could be told to end. */
const permutations = (count: number): number[][] =>
  count === 0
    ? [[]]
    : permutations(count - 1).flatMap((rest) =>
        Array.from({ length: count }, (_, at) => [
          ...rest.slice(0, at),
          count - 1,
          ...rest.slice(at),
        ]),
      );

test.each<[readonly KindName[]]>([
  [['read', 'editA', 'read', 'shell']],
  [['shell', 'shell', 'commit', 'shell']],
  [['editA', 'editB', 'writeA', 'editB']],
  [['commit', 'fetch', 'read', 'read']],
])(
  '%j all end, in the model’s order, whichever of those on their way ends first',
  async (names) => {
    for (const order of permutations(names.length)) {
      const { begun, ends, all } = perform(names);
      const ended = new Set<number>();
      while (ended.size < names.length) {
        const next = order.find((index) => begun.includes(index) && !ended.has(index));
        if (next === undefined) throw new Error(`nothing is on its way after ${[...ended].join()}`);
        ended.add(next);
        ends.get(next)?.end();
        await settle();
      }
      await expect(all).resolves.toEqual([0, 1, 2, 3]);
    }
  },
);
