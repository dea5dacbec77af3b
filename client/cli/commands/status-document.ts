/**
 * The document of `loomkin status`: who runs, since when, with how much memory, on what.
 *
 * Read from the runtime file, /proc and the daemon; starts nothing. What must stay true: what is not
 * known is null, never 0, and a process counts only if pid and start time agree.
 */
import { readFileSync } from 'node:fs';
import { BUILD, VERSION } from '../../../config/build-info.js';
import type { HomePaths } from '../../../config/paths.js';
import {
  isAlive,
  readRuntimeFile,
  type ProcessMark,
  type RuntimeFile,
} from '../../../config/runtime-file.js';
import type { DaemonStatusBody } from '../../http/wire.js';
import { askDaemon } from '../daemon/ask-once.js';
import { findEngine, type Engine } from '../daemon/find-engine.js';
import type { CommandIo } from '../io.js';
import { isBootStartInstalled } from './boot-start.js';

const STATUS_MS_MAX = 5000;
const PAGE_BYTES = 4096;
const NAMESPACE = 'default';

export interface StatusDocument {
  readonly running: boolean;
  readonly version: string;
  readonly build: string;
  readonly home: string;
  readonly http_url: string | null;
  readonly supervisor: { readonly pid: number; readonly uptime_ms: number } | null;
  readonly daemon: {
    readonly pid: number;
    readonly uptime_ms: number;
    readonly restarts: number;
    readonly last_exit: string | null;
  } | null;
  readonly temporal: {
    readonly managed: boolean;
    readonly version: string;
    readonly address: string;
    readonly namespace: string;
    readonly ui_url: string;
    readonly pid: number;
  } | null;
  readonly memory_bytes: Readonly<Record<'supervisor' | 'daemon' | 'temporal', number | null>>;
  readonly sessions: DaemonStatusBody['sessions'] | null;
  readonly store: DaemonStatusBody['store'] | null;
  readonly starts_at_boot: boolean;
}

type Living<Name extends 'supervisor' | 'daemon' | 'temporal'> = NonNullable<RuntimeFile[Name]>;

const living = <Mark extends ProcessMark>(mark: Mark | null | undefined): Mark | null =>
  mark && isAlive(mark) ? mark : null;

const uptimeMs = (startedAt: string): number => Math.max(0, Date.now() - Date.parse(startedAt));

const memoryOf = (mark: ProcessMark | null): number | null => {
  if (!mark) return null;
  try {
    return Number(readFileSync(`/proc/${mark.pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return null;
  }
};

const askStatus = async (engine: Engine | null): Promise<DaemonStatusBody | null> => {
  if (!engine) return null;
  const { port, token } = engine;
  const ask = { port, token, path: '/v1/status', timeoutMs: STATUS_MS_MAX };
  const answer = await askDaemon<DaemonStatusBody>(ask).catch(() => null);
  return answer?.status === 200 ? answer.body : null;
};

const supervisorPart = (mark: Living<'supervisor'> | null): StatusDocument['supervisor'] =>
  mark && { pid: mark.pid, uptime_ms: uptimeMs(mark.started_at) };

const daemonPart = (mark: Living<'daemon'> | null): StatusDocument['daemon'] =>
  mark && {
    pid: mark.pid,
    uptime_ms: uptimeMs(mark.started_at),
    restarts: mark.restarts,
    last_exit: mark.last_exit,
  };

const temporalPart = (mark: Living<'temporal'> | null): StatusDocument['temporal'] =>
  mark && {
    managed: mark.managed,
    version: mark.version,
    address: mark.address,
    namespace: NAMESPACE,
    ui_url: `http://127.0.0.1:${mark.ui_port}`,
    pid: mark.pid,
  };

/** What the runtime file names, as far as it lives. */
const livingProcesses = (runtime: RuntimeFile | null) => ({
  supervisor: living(runtime?.supervisor),
  daemon: living(runtime?.daemon),
  temporal: living(runtime?.temporal),
});

export const statusDocument = async (
  paths: HomePaths,
  env: CommandIo['env'],
): Promise<StatusDocument> => {
  const engine = await findEngine(paths);
  const runtime = engine?.runtime ?? readRuntimeFile(paths.runtime);
  const { supervisor, daemon, temporal } = livingProcesses(runtime);
  const told = (await askStatus(engine)) ?? { sessions: null, store: null };
  const { version, build } = runtime ?? { version: VERSION, build: BUILD };
  return {
    running: engine !== null,
    ...{ version, build },
    home: paths.home,
    http_url: engine && `http://127.0.0.1:${engine.port}`,
    supervisor: supervisorPart(supervisor),
    daemon: daemonPart(daemon),
    temporal: temporalPart(temporal),
    memory_bytes: {
      supervisor: memoryOf(supervisor),
      daemon: memoryOf(daemon),
      temporal: memoryOf(temporal),
    },
    sessions: told.sessions,
    store: told.store,
    starts_at_boot: isBootStartInstalled(paths.home, env),
  };
};
