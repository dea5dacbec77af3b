/**
 * Writes `runtime.json`: the one place that tells commands where to find whom, and the token.
 *
 * Written anew at each birth, so that a reader who checks pid and start time is never wrong for
 * long. What must stay true: it is replaced as a whole and readable by its owner alone.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { BUILD, VERSION } from '../../config/build-info.js';
import type { RuntimeFile } from '../../config/runtime-file.js';
import type { Living } from './child.js';
import type { DaemonFacts, ServerFacts } from './plans.js';

export interface RuntimeState {
  readonly token: string;
  readonly supervisor: RuntimeFile['supervisor'];
  readonly daemon: Living<DaemonFacts> | null;
  readonly temporal: Living<ServerFacts> | null;
}

const daemonEntry = (daemon: Living<DaemonFacts>): RuntimeFile['daemon'] => ({
  pid: daemon.pid,
  start_time: daemon.start_time,
  port: daemon.port,
  started_at: daemon.started_at,
  restarts: daemon.restarts,
  last_exit: daemon.last_exit,
});

const temporalEntry = (server: Living<ServerFacts>): RuntimeFile['temporal'] => ({
  managed: true,
  pid: server.pid,
  start_time: server.start_time,
  address: `127.0.0.1:${server.port}`,
  port: server.port,
  ui_port: server.ui_port,
  version: server.version,
});

export const writeRuntimeFile = (file: string, state: RuntimeState): void => {
  const runtime: RuntimeFile = {
    version: VERSION,
    build: BUILD,
    token: state.token,
    supervisor: state.supervisor,
    daemon: state.daemon && daemonEntry(state.daemon),
    temporal: state.temporal && temporalEntry(state.temporal),
  };
  const temporary = `${file}.new`;
  writeFileSync(temporary, `${JSON.stringify(runtime, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
};
