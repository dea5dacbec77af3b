/**
 * What the supervisor's two children are: how each is started, asked for life, and adopted.
 *
 * They share the server's port, chosen when the server starts and given to the daemon. What must
 * stay true: a daemon never goes on with the address of a server that is no more.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { basename } from 'node:path';
import { programFile } from '../../config/dist.js';
import type { HomePaths } from '../../config/paths.js';
import { SERVER_HEALTH_PATH, serverArguments } from '../temporal-server.js';
import { findOrInspect, inspectBinary } from '../temporal-supply/inspection.js';
import type { ChildPlan } from './child.js';
import { diagnoseDaemon, diagnoseServer } from './diagnosis.js';
import { freePort } from './ports.js';
import { StartupFailure } from './startup-failure.js';

const DAEMON_HEAP_MB = 1536;

export type DaemonFacts = Readonly<Record<'port' | 'temporal_port' | 'ui_port', number>>;
export type ServerFacts = Readonly<{ port: number; ui_port: number; version: string }>;

/** The ports to use again if they are free. */
export interface Ports {
  daemon: number | null;
  temporal: number | null;
  ui: number | null;
}

export type Reports = Pick<ChildPlan<never>, 'onChange' | 'onGiveUp'>;

export interface Premises {
  readonly paths: HomePaths;
  readonly env: Readonly<Record<string, string>>;
  readonly ports: Ports;
  /** Without the token that it started with, a living daemon can't be spoken to. */
  readonly hadToken: boolean;
}

export const daemonPlan = (
  { paths, env, ports, hadToken }: Premises,
  reports: Reports,
): ChildPlan<DaemonFacts> => ({
  ...reports,
  name: 'daemon',
  paths,
  env,
  launch: async () => {
    ports.daemon = await freePort(ports.daemon, [ports.temporal, ports.ui]);
    const [port, temporal, ui] = [ports.daemon, ports.temporal ?? 0, ports.ui ?? 0];
    return {
      argv: [
        ...[process.execPath, `--max-old-space-size=${DAEMON_HEAP_MB}`, programFile('daemon')],
        ...['--port', String(port), '--temporal', `127.0.0.1:${temporal}`, '--ui-port', String(ui)],
      ],
      facts: { port, temporal_port: temporal, ui_port: ui },
    };
  },
  pingOf: ({ port }) => ({ port, path: '/v1/health' }),
  isUsable: (facts) => hadToken && facts.temporal_port === ports.temporal,
  diagnose: (exit, saidFrom) => diagnoseDaemon(paths, exit, saidFrom),
  onAdopt: (facts) => {
    ports.daemon = facts.port;
  },
});

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

const serverBinary = async (
  env: Readonly<Record<string, string>>,
): Promise<{ path: string; version: string; disablesNews: boolean }> => {
  const binary = await findOrInspect(env);
  if (!binary)
    throw new StartupFailure(
      'temporal_missing',
      'no Temporal server binary is here',
      'Run loomkin up, which fetches it, or set LOOMKIN_TEMPORAL_BIN to the path of one.',
    );
  if (!isProgram(binary.path))
    throw new StartupFailure(
      'temporal_missing',
      `LOOMKIN_TEMPORAL_BIN names no executable file (${binary.path})`,
      'Correct it, or unset it to have Temporal fetched.',
    );
  const note = await inspectBinary(env, binary.path);
  return { path: binary.path, version: note.version, disablesNews: note.disablesNews };
};

export const serverPlan = (
  { paths, env, ports }: Premises,
  reports: Reports & { readonly onMoved: () => void },
): ChildPlan<ServerFacts> => ({
  ...reports,
  name: 'temporal',
  paths,
  env,
  launch: async () => {
    const binary = await serverBinary(env);
    const before = ports.temporal;
    ports.temporal = await freePort(before, [ports.daemon]);
    ports.ui = await freePort(ports.ui, [ports.daemon, ports.temporal]);
    if (before !== ports.temporal) reports.onMoved();
    // By its name, as it starts in the home: it takes a path for an address, where ?, # and % mean more.
    const databaseFile = basename(paths.temporalDb);
    const place = { databaseFile, port: ports.temporal, uiPort: ports.ui };
    const args = serverArguments(place, binary.disablesNews, env['LOOMKIN_TEMPORAL_ARGS']);
    const facts = { port: ports.temporal, ui_port: ports.ui, version: binary.version };
    return { argv: [binary.path, ...args], facts };
  },
  pingOf: ({ ui_port }) => ({ port: ui_port, path: SERVER_HEALTH_PATH }),
  // A note without ports is of another build: nobody could ask that server for life.
  isUsable: ({ port, ui_port }) => port > 0 && ui_port > 0,
  diagnose: (exit, saidFrom) => diagnoseServer(paths, exit, saidFrom),
  onAdopt: (facts) => {
    ports.temporal = facts.port;
    ports.ui = facts.ui_port;
  },
});
