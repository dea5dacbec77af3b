/** Which calls of one answer run together, and that results keep the model's order. */
import { performInOrder } from '../../../workflows/agent/overlap.js';
import type { PermissionClass } from '../../../workflows/protocol/agent.js';
import type { ToolCallSummary } from '../../../workflows/protocol/turn.js';

const call = (
  index: number,
  name: string,
  permission: PermissionClass,
  subject: string,
): ToolCallSummary => ({ index, name, permission, subject, argumentsHash: '' });

/** Performs calls that end only when told, and notes who had begun by then. */
const perform = (calls: readonly ToolCallSummary[]) => {
  const begun: number[] = [];
  const enders = new Map<number, { end(): void; fail(error: Error): void }>();
  const all = performInOrder(
    calls,
    (one) =>
      new Promise<number>((resolve, reject) => {
        begun.push(one.index);
        enders.set(one.index, { end: () => resolve(one.index), fail: reject });
      }),
  );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    begun,
    all,
    end: (n: number) => enders.get(n)?.end(),
    fail: (n: number, e: Error) => enders.get(n)?.fail(e),
    settle,
  };
};

describe('calls of one answer', () => {
  test('reads run together', () => {
    const { begun } = perform([call(0, 'read', 'read', 'a'), call(1, 'read', 'read', 'a')]);
    expect(begun).toEqual([0, 1]);
  });

  test('edits of different files run together, of one file one after the other', async () => {
    const { begun, end, settle } = perform([
      call(0, 'edit', 'edit', 'a'),
      call(1, 'edit', 'edit', 'b'),
      call(2, 'edit', 'edit', 'a'),
    ]);
    expect(begun).toEqual([0, 1]);
    end(0);
    await settle();
    expect(begun).toEqual([0, 1, 2]);
  });

  test('an edit by a relative path waits for one that may mean the same file by an absolute one', async () => {
    const { begun, end, settle } = perform([
      call(0, 'edit', 'edit', '/project/src/a.ts'),
      call(1, 'edit', 'edit', 'src/a.ts'),
      call(2, 'edit', 'edit', 'src/ba.ts'),
      // Both relative: two files, whatever they end in.
      call(3, 'edit', 'edit', 'lib/src/ba.ts'),
    ]);
    expect(begun).toEqual([0, 2, 3]);
    end(0);
    await settle();
    expect(begun).toEqual([0, 2, 3, 1]);
  });

  test('shell commands run together, a commit waits for them', async () => {
    const { begun, end, settle } = perform([
      call(0, 'shell', 'execute', 'x'),
      call(1, 'shell', 'execute', 'y'),
      call(2, 'git', 'execute', 'git commit'),
    ]);
    expect(begun).toEqual([0, 1]);
    end(0);
    await settle();
    expect(begun).toEqual([0, 1]);
    end(1);
    await settle();
    expect(begun).toEqual([0, 1, 2]);
  });

  test('a test run waits for the edits above it, a read below waits for the test run', async () => {
    const { begun, end, settle } = perform([
      call(0, 'edit', 'edit', 'a'),
      call(1, 'shell', 'execute', 'npm test'),
      call(2, 'read', 'read', 'a'),
    ]);
    expect(begun).toEqual([0]);
    end(0);
    await settle();
    expect(begun).toEqual([0, 1]);
    end(1);
    await settle();
    expect(begun).toEqual([0, 1, 2]);
  });

  test('results come in the order of the calls', async () => {
    const { all, end } = perform([call(0, 'read', 'read', 'a'), call(1, 'read', 'read', 'b')]);
    end(1);
    end(0);
    await expect(all).resolves.toEqual([0, 1]);
  });

  test('a failure is thrown only after every call has ended', async () => {
    const { all, end, fail, settle } = perform([
      call(0, 'read', 'read', 'a'),
      call(1, 'read', 'read', 'b'),
    ]);
    let thrown = false;
    const watched = all.catch(() => {
      thrown = true;
    });
    fail(0, new Error('first'));
    await settle();
    expect(thrown).toBe(false);
    end(1);
    await watched;
    expect(thrown).toBe(true);
  });
});
