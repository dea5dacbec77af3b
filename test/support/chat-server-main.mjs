/**
 * Runs the mock Chat Completions server as a process of its own: `node chat-server-main.mjs SCRIPT.json`.
 *
 * Prints `{"port":…,"base_url":…,"pid":…}` on one line once it answers. `GET /__records` tells what came
 * in, `POST /__script` plays another script, `POST /__reset` forgets the records. It ends with its
 * standard input, so that it never outlives whoever started it.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('./chat-server.ts', import.meta.url))],
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  write: false,
});
const code = outputFiles[0].text;
const { startChatServer } = await import(
  `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`
);

const [file] = process.argv.slice(2);
const script = file ? JSON.parse(readFileSync(file, 'utf8')) : { replies: [] };
const server = await startChatServer(script);
process.stdout.write(
  `${JSON.stringify({ port: server.port, base_url: server.baseUrl, pid: process.pid })}\n`,
);
process.stdin.on('end', () => process.exit(0)).resume();
process.on('SIGTERM', () => process.exit(0));
