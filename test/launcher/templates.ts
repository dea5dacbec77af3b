/**
 * One checkout as cloned and one that is set up: tests of the launcher work on copies of them.
 *
 * Setting up takes a second, copying takes nothing. What must stay true: a template itself is never
 * started after it was made.
 */
import { join } from 'node:path';

import { copyCheckout, writeCheckout, Yard, type Ended, type Started } from './small-checkout.js';

const templates = new Yard('fresh');
const ready = join(templates.folder, 'ready');

/** To be called once in each test file. */
export const useTemplates = (): void => {
  beforeAll(async () => {
    writeCheckout(templates.checkout);
    copyCheckout(templates.checkout, ready);
    const ended = await templates.run({ command: join(ready, 'loomkin') });
    if (ended.code !== 0) throw new Error(ended.stderr);
  });
  afterAll(() => templates.remove());
};

const inCheckout = async (
  from: string,
  body: (yard: Yard) => Promise<void>,
  name?: string,
): Promise<void> => {
  const yard = new Yard(name);
  try {
    copyCheckout(from, yard.checkout);
    await body(yard);
  } finally {
    yard.remove();
  }
};
/** With a checkout as it was cloned. */
export const fresh = (body: (yard: Yard) => Promise<void>): Promise<void> =>
  inCheckout(templates.checkout, body);
/** With a checkout that was set up. */
export const setUp = (body: (yard: Yard) => Promise<void>, name?: string): Promise<void> =>
  inCheckout(ready, body, name);

export interface Answer {
  readonly build: string;
  readonly args: readonly string[];
  readonly stdin: string | null;
  readonly pid: number;
}
export const answerOf = (ended: Ended): Answer => {
  expect(ended.code).toBe(0);
  return JSON.parse(ended.stdout) as Answer;
};

export const until = async (what: () => boolean): Promise<void> => {
  for (const end = Date.now() + 20_000; !what();) {
    if (Date.now() > end) throw new Error('it never happened');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

export const killGroup = async (
  { child, ended }: Started,
  signal: NodeJS.Signals,
): Promise<Ended> => {
  process.kill(-child.pid!, signal);
  return ended;
};
