/**
 * What the daemon does about the Temporal server: waits for it, tells it once what it must know, and
 * takes back what a dead one had handed to nobody.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Client, Connection } from '@temporalio/client';

import { RunningActivities } from '../../activities/in-flight.js';
import { connectTemporal } from '../../workers/temporal-connection.js';
import { prepareServer } from '../../workers/temporal-setup.js';
import { watchServer } from '../../workers/server-watch.js';
import { agentNameOf, agentWorkflowIdOf, sessionIdOf } from '../../workflows/protocol/ids.js';
import { NAMESPACE, SEARCH_ATTRIBUTES } from '../../workflows/protocol/names.js';
import { startTemporal, type TemporalProcess } from '../client/temporal-process.js';
import { message, S } from '../stores/samples.js';
import { withStore } from '../support/store.js';

const SCHEDULE_ACTIVITY = 1;
const STARTED = 2;
const QUEUE = 'nobody-serves-this';
/** A poll must say how long it waits. */
const polling = <Answer>(poll: () => Promise<Answer>): Promise<Answer> =>
  connection.withDeadline(Date.now() + 20_000, poll);
const seconds = (count: number) => ({ seconds: count as never });

let server: TemporalProcess;
let client: Client;
let connection: Connection;

beforeAll(async () => {
  server = await startTemporal();
  await server.kill();
  const { address } = (server.client.connection as Connection).options;
  // It is not there yet: a start begins with both at once.
  const connecting = connectTemporal(address);
  server.start();
  ({ client, connection } = await connecting);
});
afterAll(async () => {
  await connection.close();
  await server.end();
});

const attributeTypes = async (): Promise<Record<string, unknown>> => {
  const listed = await connection.operatorService.listSearchAttributes({ namespace: NAMESPACE });
  return listed.customAttributes ?? {};
};

const setTypeOf = async (name: string, type: number): Promise<void> => {
  await connection.operatorService.removeSearchAttributes({
    namespace: NAMESPACE,
    searchAttributes: [name],
  });
  await connection.operatorService.addSearchAttributes({
    namespace: NAMESPACE,
    searchAttributes: { [name]: type },
  });
};

/** A workflow whose one activity the server has handed out: nobody that we know of received it. */
const handOut = async (workflowId: string): Promise<void> => {
  const { workflowService } = connection;
  const place = { namespace: NAMESPACE, taskQueue: { name: QUEUE }, identity: 'lost' };
  await workflowService.startWorkflowExecution({
    ...place,
    workflowId,
    requestId: workflowId,
    workflowType: { name: 'stand-in' },
  });
  const { taskToken } = await polling(() => workflowService.pollWorkflowTaskQueue(place));
  const activity = {
    activityId: 'the-activity',
    activityType: { name: 'stand-in' },
    taskQueue: { name: QUEUE },
    scheduleToCloseTimeout: seconds(300),
    startToCloseTimeout: seconds(300),
  };
  await workflowService.respondWorkflowTaskCompleted({
    ...place,
    taskToken,
    commands: [{ commandType: SCHEDULE_ACTIVITY, scheduleActivityTaskCommandAttributes: activity }],
  });
  await nextActivity();
};

/** The next one that the server hands out: whose, and which attempt. */
const nextActivity = async (): Promise<readonly [string, number]> => {
  const place = { namespace: NAMESPACE, taskQueue: { name: QUEUE }, identity: 'lost' };
  const { workflowExecution, attempt } = await polling(() =>
    connection.workflowService.pollActivityTaskQueue(place),
  );
  return [workflowExecution?.workflowId ?? '', attempt ?? 0];
};

const pendingOf = async (workflowId: string) => {
  const { raw } = await client.workflow.getHandle(workflowId).describe();
  return (raw.pendingActivities ?? []).map(({ state, attempt }) => [state, attempt]);
};

describe('a server that the daemon starts with', () => {
  it('is told search attributes and thirty days of retention, however often and at once', async () => {
    await Promise.all([prepareServer(connection), prepareServer(connection)]);
    await prepareServer(connection);
    expect(await attributeTypes()).toMatchObject(SEARCH_ATTRIBUTES);
    const { config } = await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
  });

  it('is refused by the attribute that somebody made of another type', async () => {
    const [name, type] = Object.entries(SEARCH_ATTRIBUTES).at(-1)!;
    const keyword = 2;
    const other = type === keyword ? 3 : keyword;
    await setTypeOf(name, other);
    await expect(prepareServer(connection)).rejects.toThrow(
      `Temporal's search attribute ${name} has another type than ours (${other}, not ${type})`,
    );
    await setTypeOf(name, type);
    await prepareServer(connection);
  });
});

describe('a server that took the place of a dead one', () => {
  it('has what was handed to nobody handed out again once, and nothing of what runs here', () =>
    withStore(async (store, { folder }) => {
      const runtimeFile = join(folder, 'runtime.json');
      const write = (pid: number): void =>
        writeFileSync(runtimeFile, JSON.stringify({ supervisor: { pid: 1 }, temporal: { pid } }));
      const [lost, ours] = ['lead', 'other'].map((name) =>
        agentWorkflowIdOf(sessionIdOf(S), agentNameOf(name)),
      ) as [string, string];
      await store.call('storeMessage', message('m1'));
      await store.call('storeMessage', message('m2', { agent: 'other' }));
      await handOut(lost);
      await handOut(ours);
      const running = new RunningActivities();
      void running.during(`${ours}/the-activity`, () => new Promise(() => undefined));
      write(1);
      const end = watchServer({ store, client, running, runtimeFile });
      try {
        const again = nextActivity();
        write(2);
        expect(await again).toEqual([lost, 2]);
        expect(await pendingOf(ours)).toEqual([[STARTED, 1]]);
        expect(await pendingOf(lost)).toEqual([[STARTED, 2]]);
      } finally {
        end();
        for (const id of [lost, ours]) await client.workflow.getHandle(id).terminate();
      }
    }));
});
