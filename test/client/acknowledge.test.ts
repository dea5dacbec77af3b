/** Sending again until it is acknowledged, one after the other, and what is remembered of it. */
import { makeAcceptedPrompts } from '../../client/accepted-prompts.js';
import { mayPass, untilAcknowledged } from '../../client/acknowledge.js';
import { makeCallOrder } from '../../client/call-order.js';
import type { AcceptedBody } from '../../client/http/wire.js';

const grpc = (code: number): Error =>
  Object.assign(new Error('wrapped'), { cause: Object.assign(new Error('grpc'), { code }) });
const patience = (budgetMs: number, signal = new AbortController().signal) => ({
  budgetMs,
  signal,
});

describe('sending again', () => {
  test('a failure that may pass is repeated, another one is thrown at once', async () => {
    let tries = 0;
    const fails = async (): Promise<number> => {
      tries += 1;
      if (tries < 4) throw grpc(14);
      return tries;
    };
    expect(await untilAcknowledged(fails, patience(5000))).toBe(4);
    const refuses = (): Promise<never> => Promise.reject(grpc(3));
    await expect(untilAcknowledged(refuses, patience(5000))).rejects.toThrow('wrapped');
  });

  test('the last failure is thrown when the time is up', async () => {
    const began = performance.now();
    const fails = (): Promise<never> => Promise.reject(grpc(4));
    await expect(untilAcknowledged(fails, patience(150))).rejects.toThrow('wrapped');
    expect(performance.now() - began).toBeGreaterThanOrEqual(150);
  });

  test('closing ends the waiting', async () => {
    const closing = new AbortController();
    const waits = untilAcknowledged(
      () => Promise.reject(grpc(14)),
      patience(Infinity, closing.signal),
    );
    setTimeout(() => closing.abort(), 50);
    await expect(waits).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('closing does not wait for a call that hangs', async () => {
    const closing = new AbortController();
    const hangs = (): Promise<never> => new Promise(() => undefined);
    const waits = untilAcknowledged(hangs, patience(Infinity, closing.signal));
    closing.abort();
    await expect(waits).rejects.toMatchObject({ name: 'AbortError' });
    const late = untilAcknowledged(hangs, patience(Infinity, closing.signal));
    await expect(late).rejects.toMatchObject({ name: 'AbortError' });
  });

  test.each([
    [grpc(14), true],
    [Object.assign(new Error(), { code: 13 }), true],
    [grpc(5), false],
    [new Error('plain'), false],
    [null, false],
    ['text', false],
  ])('%p may pass: %p', (error, expected) => expect(mayPass(error)).toBe(expected));

  test('a cause that is its own cause does not loop', () => {
    const error: Error & { cause?: unknown } = new Error('round');
    error.cause = error;
    expect(mayPass(error)).toBe(false);
  });
});

describe('calls about one thing', () => {
  test('go one after the other, also after one that failed; other things do not wait', async () => {
    const inOrder = makeCallOrder();
    const log: string[] = [];
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const first = inOrder('a', async () => {
      await gate;
      log.push('a1');
      throw new Error('a1 failed');
    });
    const second = inOrder('a', async () => void log.push('a2'));
    await inOrder('b', async () => void log.push('b1'));
    release();
    await expect(first).rejects.toThrow('a1 failed');
    await second;
    expect(log).toEqual(['b1', 'a1', 'a2']);
  });
});

describe('answers remembered', () => {
  const answer = (session: string, message: string): AcceptedBody => ({
    session_id: session,
    message_id: message,
    from: 0,
    model: 'm/m',
    project: '/p',
    permission_mode: 'default',
    tools: [],
    api_key_source: 'none',
    notices: [],
  });

  test('the same text gets the same answer, another text is noticed', () => {
    const accepted = makeAcceptedPrompts();
    expect(accepted.recall('s', 'm', 'text')).toBeNull();
    accepted.remember(answer('s', 'm'), 'text');
    expect(accepted.recall('s', 'm', 'text')).toEqual(answer('s', 'm'));
    expect(accepted.recall('s', 'm', 'other')).toBe('different');
    expect(accepted.recall('t', 'm', 'text')).toBeNull();
    accepted.remember(answer('s', 'm2'), 'text');
    expect(accepted.newestOf('s')?.message_id).toBe('m2');
  });

  test('the memory is bounded', () => {
    const accepted = makeAcceptedPrompts();
    for (let n = 0; n < 600; n += 1) accepted.remember(answer(`s${n}`, 'm'), 'x');
    expect(accepted.recall('s0', 'm', 'x')).toBeNull();
    expect(accepted.newestOf('s0')).toBeNull();
    expect(accepted.recall('s599', 'm', 'x')).not.toBeNull();
  });
});
