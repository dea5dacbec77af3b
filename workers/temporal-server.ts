/**
 * The arguments of the local Temporal server, each of which has a reason.
 *
 * The poll rates are worth a factor of five in every turn; the doors stay shut to web pages; both
 * pragmas together let an acknowledged session survive a power cut. What must stay true: it listens
 * on loopback alone, and never without the HTTP door shut.
 */
export interface ServerPlace {
  readonly databaseFile: string;
  readonly port: number;
  readonly uiPort: number;
}

export const SERVER_HEALTH_PATH = '/healthz';

const PRAGMAS = ['journal_mode=wal', 'synchronous=full'];

const DYNAMIC_CONFIG: Readonly<Record<string, unknown>> = {
  // The history service polls its queues 20 times a second by default: a 50 ms grid on every turn.
  'history.transferProcessorMaxPollRPS': 2000,
  'history.timerProcessorMaxPollRPS': 2000,
  'history.visibilityProcessorMaxPollRPS': 2000,
  'history.outboundProcessorMaxPollRPS': 2000,
  // One node gains nothing from four partitions but latency.
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'system.enableActivityEagerExecution': true,
  'matching.enableFairness': true,
  'frontend.WorkflowPauseEnabled': true,
  'history.maxInFlightUpdates': 100,
  'matching.rps': 20_000,
  'history.rps': 20_000,
  'frontend.rps': 20_000,
  'frontend.namespaceRPS': 20_000,
  'matching.persistenceMaxQPS': 20_000,
  'frontend.namespaceRPS.visibility': 200,
  'limit.historyCount.suggestContinueAsNew': 1000,
  // Its HTTP API would start workflows for any web page that finds the port.
  'frontend.httpAllowedHosts': ['loomkin.invalid'],
};

/** `extra` is LOOMKIN_TEMPORAL_ARGS: words separated by blanks, appended as they are. */
export const serverArguments = (
  place: ServerPlace,
  disablesNews: boolean,
  extra: string | undefined,
): string[] => [
  ...['server', 'start-dev', '--ip', '127.0.0.1', '--db-filename', place.databaseFile],
  ...['--port', String(place.port), '--ui-port', String(place.uiPort)],
  ...(disablesNews ? ['--ui-disable-news-fetch'] : []),
  ...PRAGMAS.flatMap((pragma) => ['--sqlite-pragma', pragma]),
  ...Object.entries(DYNAMIC_CONFIG).flatMap(([key, value]) => [
    '--dynamic-config-value',
    `${key}=${JSON.stringify(value)}`,
  ]),
  ...(extra ?? '').split(/\s+/).filter((word) => word !== ''),
];
