/**
 * A process that makes one file call and can be killed in it: `node change-file.js JSON`.
 *
 * Prints how the call ended as one line of JSON. A retry is the same call in another process.
 */
import { join } from 'node:path';

import { openFileCalls, runFileCall } from './file-calls.js';
import { contextFor } from './tool-context.js';

interface Order {
  readonly home: string;
  readonly project: string;
  readonly threadFile: string;
  readonly call: number;
  readonly input: object;
  readonly faults?: string;
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
const calls = await openFileCalls(order.home, order.threadFile, order.faults);
const context = contextFor(order.project, join(order.home, 'scratch'), order.call);
const end = await runFileCall(calls, order.input, context);
await calls.store.close();
process.stdout.write(`${JSON.stringify(end)}\n`);
