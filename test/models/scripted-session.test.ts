/**
 * The scripted model through the real activity and the real store: its only counters are theirs.
 */
import { REF, scopeOf, Table, thrownBy } from './table.js';

let table: Table;
beforeEach(async () => {
  table = await Table.open({ limits: { modelStallMs: 60 } });
});
afterEach(() => table.close());

const MODEL = { model: 'scripted/play' };
const USAGE = { input_tokens: 1_000_000, output_tokens: 500_000 };
const answerTexts = async (): Promise<string[]> =>
  (await table.rows()).flatMap(({ body }) =>
    body.kind === 'answer'
      ? body.blocks.flatMap((block) => (block.kind === 'text' ? [block.text] : []))
      : [],
  );

test('a script is played reply by reply, over a restart and over interrupts', async () => {
  table.writeScript('play', {
    agents: {
      lead: [
        { text: 'one', calls: [{ tool: 'read', input: { path: '${cwd}/a' } }] },
        { text: 'two', expect: 'fine' },
        { text: 'three' },
      ],
    },
  });
  const first = await table.call(1, MODEL);
  expect(first.calls[0]?.subject).toBe(`${table.project}/a`);
  await table.answerCalls(1, 'fine');
  const stopped = await table.call(2, MODEL, { signal: AbortSignal.abort(new Error('stop')) });
  expect(stopped.kind).toBe('interrupted');
  await table.restart();
  await table.call(3, MODEL);
  await table.call(4, { ...MODEL, messages: [await table.prompt('more')] });
  expect(await answerTexts()).toEqual(['one', 'two', 'three']);
  expect(table.server.records).toHaveLength(0);
});

test('usage and price of the script make the bill', async () => {
  const price = { input: 2, output: 8 };
  table.writeScript('play', { usage: USAGE, price, agents: { '*': [{ text: 'one' }] } });
  expect((await table.call(1, MODEL)).costUsd).toBe(6);
  const sums = await table.store.call('sumUsage', { ...REF, fromTurn: 1 });
  expect(sums).toMatchObject({ costUsd: 6, usage: USAGE });
});

test('faults are played on real failures alone, a lost worker plays the same one again', async () => {
  const faults = [{ kind: 429, times: 2, retry_after_s: 1 }, { kind: 'hang' }];
  table.writeScript('play', { agents: { lead: [{ text: 'one two three', faults }] } });
  const request = await table.request(1, MODEL);
  const reasons: string[] = [];
  const events: unknown[] = [];
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const crashing = table.activity({
      reachFault: (point) => {
        if (point === 'model.before-request') throw new Error('killed');
      },
    });
    await thrownBy(crashing(request, scopeOf({ attempt })));
    const failed = await thrownBy(table.activity()(request, scopeOf({ attempt })));
    reasons.push(failed.message.split(':')[0] ?? '');
    events.push(failed.nextRetryDelay);
  }
  expect(reasons).toEqual(['429', '429', 'stall']);
  expect(events.slice(0, 2)).toEqual([1_000, 1_000]);
  expect((await table.activity()(request, scopeOf({ attempt: 4 }))).kind).toBe('answered');
});

test.each([
  ['overflow', 'ModelRejected'],
  ['empty', 'ModelUnavailable'],
])('the fault %s ends as %s', async (kind, type) => {
  table.writeScript('play', { agents: { lead: [{ text: 'one', faults: [{ kind }] }] } });
  expect((await thrownBy(table.call(1, MODEL))).type).toBe(type);
});

test('a malformed answer is stored, and the next reply follows it', async () => {
  const calls = [{ tool: 'edit', input: { path: 'a' } }];
  const faults = [{ kind: 'malformed' }];
  table.writeScript('play', {
    agents: {
      lead: [
        { calls, faults },
        { text: 'sorry', calls },
      ],
    },
  });
  const broken = await table.call(1, MODEL);
  expect(broken.calls[0]).toMatchObject({ permission: 'read', subject: '(not a valid call)' });
  await table.answerCalls(1, 'not valid JSON');
  expect((await table.call(2, MODEL)).calls[0]).toMatchObject({ permission: 'edit', subject: 'a' });
});

test('a script that ends early, or expects something else, fails the session and says which', async () => {
  table.writeScript('play', {
    agents: { lead: [{ text: 'one' }, { text: 'two', expect: 'never' }] },
  });
  await table.call(1, MODEL);
  const unexpected = await thrownBy(table.call(2, MODEL));
  expect(unexpected).toMatchObject({ type: 'ScriptFailed', nonRetryable: true });
  expect(unexpected.message).toContain('script play, agent lead, reply 2');
  table.writeScript('play', { agents: { lead: [{ text: 'one' }] } });
  const ended = await thrownBy(table.call(3, MODEL));
  expect(ended).toMatchObject({ type: 'ScriptFailed', nonRetryable: true });
  expect(ended.message).toContain('ends after 1 replies');
});

test('a script that is not there is an unknown model, told with the nearest', async () => {
  table.writeScript('play', { agents: { lead: [{ text: 'one' }] } });
  const failed = await thrownBy(table.call(1, { model: 'scripted/plai' }));
  expect(failed).toMatchObject({ type: 'ModelUnknown', nonRetryable: true });
  expect(failed.message).toContain('There is scripted/play');
});
