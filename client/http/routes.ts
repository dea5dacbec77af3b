/**
 * The routes of the daemon: method and path to gateway verb, and nothing else.
 *
 * What must stay true: a route holds no rule of the product; those are in the gateway and the store.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { realpath } from 'node:fs/promises';

import type { Store } from '../../activities/stores/store.js';
import type { Gateway } from '../gateway.js';
import { badRequest } from '../refusal.js';
import { approvalDocument } from './approval-document.js';
import {
  parseDecide,
  parseSendMessage,
  parseStartSession,
  readFields,
  readRequestId,
} from './bodies.js';
import type { DeltaFeed } from './delta-feed.js';
import { sessionDocuments, statusDocument } from './documents.js';
import { makeLoopWatch } from './loop-delay.js';
import type { Streams } from './streams.js';
import type { ApprovalsBody, HealthBody, SessionBody, SessionsBody, ToldBody } from './wire.js';

export interface RouteDeps {
  readonly gateway: Gateway;
  readonly store: Store;
  readonly deltas: DeltaFeed;
  readonly streams: Streams;
  readonly build: { readonly version: string; readonly build: string };
  readonly now: () => Date;
}

export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  /** The `*` of the path, as it was sent. */
  readonly id: string;
}

/** null: the route has answered by itself. */
export type Answer = { readonly status: number; readonly body: unknown } | null;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** `*` stands for one part. */
  readonly path: string;
  /** True: answered without a token. */
  readonly isOpen?: true;
  readonly answer: (call: Call) => Promise<Answer>;
}

const ok = (body: unknown): Answer => ({ status: 200, body });
const accepted = (body: unknown): Answer => ({ status: 202, body });

const isSet = (query: URLSearchParams, name: string): boolean =>
  ['1', 'true'].includes(query.get(name) ?? '');

const offsetOf = ({ query, request }: Call): number | 'now' => {
  const text = query.get('from') ?? String(request.headers['last-event-id'] ?? '0');
  if (text === 'now') return 'now';
  const offset = Number(text);
  if (!/^\d{1,15}$/.test(text) || !Number.isSafeInteger(offset))
    throw badRequest('usage', `not an offset: from=${text.slice(0, 40)}`, 'Give a number or "now"');
  return offset;
};

/** Sessions hold real paths; a folder that is gone is looked for as it was written. */
const projectOf = async (query: URLSearchParams): Promise<string | null> => {
  const project = query.get('project');
  return project === null ? null : realpath(project).catch(() => project);
};

const sessionRoutes = ({ gateway, store, streams, now }: RouteDeps): readonly Route[] => {
  const sources = { store, attachedTo: streams.attachedTo, now };
  const told = async (verb: Gateway['stop'], { id, request }: Call): Promise<Answer> => {
    const session = await gateway.findSession(id);
    await verb(session.id, await readRequestId(request));
    return accepted({ session_id: session.id } satisfies ToldBody);
  };
  return [
    {
      method: 'GET',
      path: '/v1/sessions',
      answer: async ({ query }) => {
        const project = await projectOf(query);
        const prefix = query.get('prefix');
        const rows = await gateway.listSessions({ all: isSet(query, 'all'), project, prefix });
        const sessions = await sessionDocuments(rows, sources);
        return ok({ sessions } satisfies SessionsBody);
      },
    },
    {
      method: 'POST',
      path: '/v1/sessions',
      answer: async ({ request }) =>
        accepted(await gateway.startSession(parseStartSession(await readFields(request)))),
    },
    {
      method: 'GET',
      path: '/v1/sessions/*',
      answer: async ({ id }) => {
        const row = await gateway.findSession(id);
        const [session] = await sessionDocuments([row], sources);
        if (!session) throw new Error(`no document for session ${row.id}`);
        const [lastPrompt, lastOffset] = await Promise.all([
          gateway.newestPrompt(row),
          store.call('lastOffset', { sessionId: row.id }),
        ]);
        const body: SessionBody = { session, last_prompt: lastPrompt, last_offset: lastOffset };
        return ok(body);
      },
    },
    {
      method: 'POST',
      path: '/v1/sessions/*/messages',
      answer: async ({ id, request }) =>
        accepted(await gateway.sendMessage(id, parseSendMessage(await readFields(request)))),
    },
    {
      method: 'POST',
      path: '/v1/sessions/*/interrupt',
      answer: (call) => told(gateway.interrupt, call),
    },
    { method: 'POST', path: '/v1/sessions/*/stop', answer: (call) => told(gateway.stop, call) },
    {
      method: 'GET',
      path: '/v1/sessions/*/events',
      answer: async (call) => {
        const from = offsetOf(call);
        const session = await gateway.findSession(call.id);
        await streams.open(call.response, session.id, from);
        return null;
      },
    },
  ];
};

export const makeRoutes = (deps: RouteDeps): readonly Route[] => {
  const { gateway, store, build } = deps;
  const lookAtLoop = makeLoopWatch();
  return [
    {
      method: 'GET',
      path: '/v1/health',
      isOpen: true,
      answer: async () => ok({ ok: true, ...build, pid: process.pid } satisfies HealthBody),
    },
    {
      method: 'GET',
      path: '/v1/status',
      answer: async () => ok(await statusDocument(store, lookAtLoop())),
    },
    ...sessionRoutes(deps),
    {
      method: 'GET',
      path: '/v1/approvals',
      answer: async ({ query }) => {
        const rows = await store.call('listApprovals', { pendingOnly: !isSet(query, 'all') });
        return ok({ approvals: rows.map(approvalDocument) } satisfies ApprovalsBody);
      },
    },
    {
      method: 'POST',
      path: '/v1/approvals/*',
      answer: async ({ id, request }) =>
        ok(await gateway.decide(id, parseDecide(await readFields(request)))),
    },
  ];
};

const partsOf = (path: string): readonly string[] => path.split('/').slice(1);

/** The id in the path, "" where the route has none, null when the path is not the route's. */
export const matchPath = (route: Route, path: string): string | null => {
  const wanted = partsOf(route.path);
  const given = partsOf(path);
  if (wanted.length !== given.length) return null;
  const fits = wanted.every((part, index) => part === '*' || part === given[index]);
  return fits ? (given[wanted.indexOf('*')] ?? '') : null;
};
