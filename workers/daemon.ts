/**
 * The daemon: gateway and worker in one process. For now it answers its health route.
 */
import { createServer } from 'node:http';
import { BUILD, VERSION } from '../config/build-info.js';

const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.statusCode = request.url === '/v1/health' ? 200 : 404;
  response.end(JSON.stringify({ ok: true, version: VERSION, build: BUILD, pid: process.pid }));
}).listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
