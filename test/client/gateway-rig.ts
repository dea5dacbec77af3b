/**
 * The gateway on a real Temporal server and a real store, without a worker: what it does must be durable
 * by itself. What an agent was told is read from its history.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { defaultPayloadConverter } from '@temporalio/common';

import type { Refusal } from '../../client/refusal.js';
import type { SessionSecrets } from '../../config/settings.js';
import type { AgentStart } from '../../workflows/protocol/agent.js';
import { LEAD, messageIdOf } from '../../workflows/protocol/ids.js';
import { withFront, type Front } from './front.js';
import { startTemporal, type TemporalProcess } from './temporal-process.js';

export interface History {
  readonly start: AgentStart;
  readonly signals: readonly { readonly name: string; readonly value: Record<string, unknown> }[];
  /** All strings and bytes in it. */
  readonly text: string;
}

const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textOf).join('\n');
};

type Payload = Parameters<typeof defaultPayloadConverter.fromPayload>[0];
const decode = <Value>(payload: unknown): Value =>
  defaultPayloadConverter.fromPayload<Value>(payload as Payload);

/** One server for a test file; the front comes anew with each test. */
export const useTemporal = () => {
  let server: TemporalProcess | null = null;
  beforeAll(async () => {
    server = await startTemporal();
  });
  afterAll(() => server?.end());
  const temporal = (): TemporalProcess => {
    if (!server) throw new Error('the server is not up yet');
    return server;
  };
  const handleOf = (session: string) =>
    temporal().client.workflow.getHandle(`agent-${session}-lead`);

  /** What the newest run of an agent was started with and told so far. */
  const historyOf = async (session: string): Promise<History> => {
    const events = (await handleOf(session).fetchHistory()).events ?? [];
    const first = events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    const signals = events.flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
      const payload = signal?.input?.payloads?.[0];
      if (!payload) return [];
      return [{ name: signal.signalName ?? '', value: decode<Record<string, unknown>>(payload) }];
    });
    return { start: decode<AgentStart>(first), signals, text: textOf(events) };
  };

  const withGateway = (body: (front: Front) => Promise<void>, patienceMs = 10_000) =>
    withFront({ client: temporal().client, patienceMs }, body);

  return { temporal, handleOf, historyOf, withGateway };
};

export const refusal = async (call: Promise<unknown>): Promise<Refusal> =>
  call.then(
    () => {
      throw new Error('it was accepted');
    },
    (error: Refusal) => error,
  );

export const secretsOf = (front: Front, session: string): SessionSecrets =>
  JSON.parse(readFileSync(join(front.secrets, `${session}.json`), 'utf8')) as SessionSecrets;

/** As if a model had read the prompt and the agent had worked up to this turn. */
export const readPrompt = (
  front: Front,
  session: string,
  message: string,
  turn: number,
): Promise<void> =>
  front.store.call('appendInputs', {
    sessionId: session,
    agent: LEAD,
    rows: [
      {
        turn,
        index: 0,
        at: new Date().toISOString(),
        body: { kind: 'prompt', messageId: messageIdOf(message), text: 'do it' },
      },
    ],
  });
