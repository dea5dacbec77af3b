/**
 * The mock model server in a process of its own, so that it takes no time of whom it measures.
 *
 * It keeps the clock for whatever lies between two requests. What must stay true: product and floor
 * are played the same replies by the same process.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ChatRecord, ChatReply, ChatScript } from '../test/support/chat-server.js';

const LOOK_MS = 5;
const WAIT_MS = 60_000;

export interface ModelServer {
  readonly baseUrl: string;
  /** Forgets what came in before. */
  play(script: ChatScript): Promise<void>;
  records(): Promise<readonly ChatRecord[]>;
  /** The n-th request (from 1) since `play`. */
  request(count: number): Promise<ChatRecord>;
  close(): Promise<void>;
}

const ask = (port: number, path: string, body: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method: 'POST', agent: false });
    outgoing.once('error', reject);
    outgoing.once('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.once('end', () => resolve(text)).once('error', reject);
    });
    outgoing.end(body);
  });

export const startModelServer = async (root: string): Promise<ModelServer> => {
  const program = join(root, 'test', 'support', 'chat-server-main.mjs');
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const first = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
  const [line] = await Promise.race([
    first,
    ended.then(() => Promise.reject(new Error('the mock model server ended at its start'))),
  ]);
  const { port, base_url: baseUrl } = JSON.parse(line) as { port: number; base_url: string };
  const records = async (): Promise<readonly ChatRecord[]> => {
    const answer = JSON.parse(await ask(port, '/__records', '')) as { records: ChatRecord[] };
    return answer.records;
  };
  return {
    baseUrl,
    records,
    play: async (script) => {
      await ask(port, '/__script', JSON.stringify({ keepBodies: false, ...script }));
      await ask(port, '/__reset', '');
    },
    request: async (count) => {
      const endMs = performance.now() + WAIT_MS;
      while (performance.now() < endMs) {
        const found = (await records())[count - 1];
        if (found) return found;
        await sleep(LOOK_MS);
      }
      throw new Error(`no ${count} requests within ${WAIT_MS / 1000} s`);
    },
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
};

/** A conversation of `turns` turns: each reads another file of the project, the last one ends it. */
export const readingReplies = (turns: number): readonly ChatReply[] => [
  ...Array.from({ length: turns - 1 }, (_, turn) => ({
    calls: [{ name: 'read', arguments: { path: projectFile(turn) } }],
  })),
  { text: 'all of it is read' },
];

/** Name of the n-th file of the benchmark's project. */
export const projectFile = (n: number): string => `src/part-${n}.txt`;

/** Between the last byte of each answer and the next request, of a conversation by itself. */
export const gapsMs = (records: readonly ChatRecord[]): readonly number[] =>
  records.slice(1).map((record, index) => {
    const endedAtMs = records[index]?.endedAtMs;
    if (typeof endedAtMs !== 'number') throw new Error('an answer never ended');
    return record.receivedAtMs - endedAtMs;
  });
