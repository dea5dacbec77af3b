/**
 * A daemon in small, to be killed: performs one call of a tool and prints its outcome.
 *
 * `node driver.js '{"home":…,"project":…,"session":…,"tool":…,"input":…,"fault":…}'`. What must stay
 * true: it goes on from whatever an earlier one left, as `run-tool.ts` does.
 */
import { join } from 'node:path';

import { openFaults } from '../../activities/effects/fault-points.js';
import { makeProcessEffects } from '../../activities/effects/process-effect.js';
import { gitTool } from '../../activities/tools/git/git.js';
import { shellTool } from '../../activities/tools/shell/shell.js';
import type { Tool } from '../../activities/tools/tool.js';
import { makeContext, openHomeStore, performCall, type CallOptions } from './process-call.js';

export interface DriverRequest {
  readonly home: string;
  readonly project: string;
  readonly session: string;
  readonly scriptsDir: string;
  readonly threadFile: string;
  readonly tool: 'shell' | 'git';
  readonly input: unknown;
  readonly call: CallOptions;
  readonly fault?: string;
  readonly bootId?: string;
}

const request = JSON.parse(process.argv[2] ?? '') as DriverRequest;
const { home, scriptsDir, fault, bootId } = request;
const store = await openHomeStore(home, request.threadFile);
const processes = makeProcessEffects({
  shellsDir: join(home, 'shells'),
  scriptsDir,
  concurrency: 4,
  ...(bootId !== undefined && { bootId }),
});
const carried = await performCall(processes, {
  store,
  reachFault: openFaults({ spec: fault, logFile: join(home, 'faults.log') }),
  tool: (request.tool === 'git' ? gitTool : shellTool) as Tool,
  input: request.input,
  context: makeContext(request, request.call),
  now: () => new Date().toISOString(),
});
process.stdout.write(JSON.stringify(carried));
await store.close();
