/**
 * The mock server itself: many conversations at once, and as a process of its own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { startChatServer } from './chat-server.js';

const MAIN = fileURLToPath(new URL('./chat-server-main.mjs', import.meta.url));

const ask = async (
  baseUrl: string,
  answers: number,
  change: { readonly prompt?: string; readonly key?: string } = {},
): Promise<string> => {
  const messages = [
    { role: 'user', content: change.prompt ?? 'hello' },
    ...Array.from({ length: answers }, () => ({ role: 'assistant', content: 'x' })),
  ];
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'idempotency-key': change.key ?? `${Math.random()}` },
    body: JSON.stringify({ model: 'm', messages }),
  });
  const parts = (await response.text()).matchAll(/"content":"([^"]*)"/g);
  return response.ok ? [...parts].map(([, text]) => text).join('') : `${response.status}`;
};

test('the reply is chosen by what the conversation holds, not by what was asked before', async () => {
  const server = await startChatServer({
    replies: [{ text: 'first' }, { text: 'second' }],
    conversations: [{ match: 'other', replies: [{ text: 'another' }] }],
  });
  const said = await Promise.all([
    ask(server.baseUrl, 1),
    ask(server.baseUrl, 0),
    ask(server.baseUrl, 0, { prompt: 'the other one' }),
    ask(server.baseUrl, 7),
  ]);
  expect(said).toEqual(['second', 'first', 'another', 'done']);
  expect(server.records.map(({ outcome }) => outcome)).toEqual(Array(4).fill('answered'));
  await server.close();
});

test('faults are counted for each idempotency key by itself', async () => {
  const faults = [{ kind: 'status', status: 503, times: 2 } as const];
  const server = await startChatServer({ replies: [{ text: 'ok', faults }] });
  const said: string[] = [];
  for (const key of ['a', 'b', 'a', 'a', 'b', 'b'])
    said.push(await ask(server.baseUrl, 0, { key }));
  expect(said).toEqual(['503', '503', '503', 'ok', '503', 'ok']);
  await server.close();
});

test('as a process it answers, tells what came in, and ends with its standard input', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loomkin-chat-'));
  const file = join(folder, 'script.json');
  writeFileSync(file, JSON.stringify({ replies: [{ text: 'from afar' }] }));
  const child = spawn(process.execPath, [MAIN, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { base_url: baseUrl, pid } = JSON.parse(line) as { base_url: string; pid: number };
  expect(pid).toBe(child.pid);
  expect(await ask(baseUrl, 0)).toBe('from afar');
  const told = await fetch(`${new URL(baseUrl).origin}/__records`);
  expect(await told.json()).toMatchObject({ records: [{ answers: 0, outcome: 'answered' }] });
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
  rmSync(folder, { recursive: true });
});
