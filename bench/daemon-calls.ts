/**
 * Sessions through the daemon's own HTTP, and a look at how far they are, from outside.
 *
 * Progress is read from the database, read-only: asking the daemon for it would be load of its own.
 * What must stay true: connections are kept open, as those of a command that follows a session are.
 */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import Database from 'better-sqlite3';

import type { AcceptedBody, DaemonStatusBody, StartSessionBody } from '../client/http/wire.js';
import type { Installation } from './installation.js';

const LOOK_MS = 20;

const agent = new Agent({ keepAlive: true, maxSockets: 100 });

export const closeConnections = (): void => agent.destroy();

const call = <Body>(
  installation: Installation,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<Body> => {
  const { daemon, token } = installation.runtime();
  if (!daemon) throw new Error('the daemon is not running');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const target = { host: '127.0.0.1', port: daemon.port, method, path, headers, agent };
  return new Promise((resolve, reject) => {
    const outgoing = request(target, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.once('error', reject);
      answer.once('end', () => {
        if ((answer.statusCode ?? 500) < 300) resolve(JSON.parse(text) as Body);
        else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
};

/** Resolves with the session's id once its prompt is durable. */
export const startSession = async (installation: Installation, text: string): Promise<string> => {
  const body: StartSessionBody = {
    session_id: randomUUID(),
    message_id: randomUUID(),
    text,
    project: installation.project,
    env: installation.env,
    umask: 0o022,
    config_file: null,
    model: null,
    permission_mode: null,
    max_turns: null,
    interactive: false,
  };
  const accepted = await call<AcceptedBody>(installation, 'POST', '/v1/sessions', body);
  return accepted.session_id;
};

export const sendMessage = (
  installation: Installation,
  sessionId: string,
  text: string,
): Promise<AcceptedBody> =>
  call(installation, 'POST', `/v1/sessions/${sessionId}/messages`, {
    message_id: randomUUID(),
    text,
  });

export const stopSession = (installation: Installation, sessionId: string): Promise<unknown> =>
  call(installation, 'POST', `/v1/sessions/${sessionId}/stop`, {});

/** How late timers of the daemon were since this was last asked for. */
export const loopDelayMs = async (
  installation: Installation,
): Promise<DaemonStatusBody['event_loop_delay_ms']> => {
  const status = await call<DaemonStatusBody>(installation, 'GET', '/v1/status');
  return status.event_loop_delay_ms;
};

/** How the sessions ended that have ended. */
const outcomesOf = (home: string, sessionIds: readonly string[]): readonly string[] => {
  const db = new Database(join(home, 'loomkin.db'), { readonly: true, timeout: 1000 });
  try {
    const rows = db
      .prepare(
        `select outcome from agents where state in ('idle', 'ended') and outcome is not null
         and session_id in (select value from json_each(?))`,
      )
      .all(JSON.stringify(sessionIds));
    return (rows as { outcome: string }[]).map(({ outcome }) => outcome);
  } finally {
    db.close();
  }
};

/** Waits until all have ended and tells how. `between` runs at every look. */
export const untilEnded = async (
  installation: Installation,
  sessionIds: readonly string[],
  waitMs: number,
  between: () => void = () => undefined,
): Promise<readonly string[]> => {
  const endMs = performance.now() + waitMs;
  for (;;) {
    const outcomes = outcomesOf(installation.home, sessionIds);
    if (outcomes.length === sessionIds.length) return outcomes;
    if (performance.now() > endMs)
      throw new Error(`${outcomes.length} of ${sessionIds.length} ended within ${waitMs} ms`);
    between();
    await sleep(LOOK_MS);
  }
};
