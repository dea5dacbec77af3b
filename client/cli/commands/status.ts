/**
 * `loomkin status`: what runs, for a person or as a document; exit code 1 when the daemon is down.
 *
 * What must stay true: asking starts nothing.
 */
import { homePaths, loomkinHome } from '../../../config/paths.js';
import { AGENT_STATES } from '../../../workflows/protocol/states.js';
import type { SessionDocument } from '../../http/wire.js';
import type { CommandIo } from '../io.js';
import { jsonLine } from '../render/json-line.js';
import { stateWords } from '../render/session-table.js';
import { runningSessions } from './ps.js';
import { statusDocument, type StatusDocument } from './status-document.js';

export interface StatusOptions {
  readonly json?: boolean;
}

const duration = (ms: number): string => {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

const megabytes = (bytes: number | null): string =>
  bytes === null ? '' : `, ${Math.round(bytes / 1024 / 1024)} MB`;

const daemonLine = ({ daemon, memory_bytes: memory }: StatusDocument): string => {
  if (!daemon) return 'daemon      not running';
  const restarts =
    daemon.restarts > 0
      ? `, restarted ${daemon.restarts} ${daemon.restarts === 1 ? 'time' : 'times'}`
      : '';
  const last = daemon.last_exit === null ? '' : ` (last end: ${daemon.last_exit})`;
  const life = `up ${duration(daemon.uptime_ms)}${restarts}${last}`;
  return `daemon      pid ${daemon.pid}, ${life}${megabytes(memory.daemon)}`;
};

const supervisorLine = ({ supervisor, memory_bytes: memory }: StatusDocument): string =>
  supervisor
    ? `supervisor  pid ${supervisor.pid}, up ${duration(supervisor.uptime_ms)}${megabytes(memory.supervisor)}`
    : 'supervisor  not running (the next command starts one)';

const temporalLine = ({ temporal, memory_bytes: memory }: StatusDocument): string =>
  temporal
    ? `temporal    pid ${temporal.pid}, version ${temporal.version}, Web UI ${temporal.ui_url}${megabytes(memory.temporal)}`
    : 'temporal    not running';

/** In the words of `loomkin ps`, liveliest first; null when nobody told. */
const sessionLine = (sessions: readonly SessionDocument[] | null): string | null => {
  if (sessions === null) return null;
  const rankOf = ({ state }: SessionDocument): number =>
    AGENT_STATES.findIndex((name) => name === state);
  const counts = new Map<string, number>();
  for (const session of sessions.toSorted((a, b) => rankOf(a) - rankOf(b))) {
    const words = stateWords(session);
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  const told = [...counts].map(([words, count]) => `${count} ${words}`);
  return `sessions    ${told.length === 0 ? 'none' : told.join(', ')}`;
};

const asText = (status: StatusDocument, sessions: readonly SessionDocument[] | null): string => {
  const boot = status.starts_at_boot ? ', starts at boot' : '';
  const head = `loomkin ${status.version}: ${status.running ? 'running' : 'down'}${boot}`;
  const lines = [head, `home        ${status.home}`, supervisorLine(status), daemonLine(status)];
  return [...lines, temporalLine(status), sessionLine(sessions)]
    .filter((line) => line !== null)
    .join('\n');
};

export const runStatus = async (options: StatusOptions, io: CommandIo): Promise<number> => {
  const paths = homePaths(loomkinHome(io.env));
  const status = await statusDocument(paths, io.env);
  if (options.json) io.stdout.write(jsonLine(status));
  else {
    const sessions = status.running ? await runningSessions(paths, false).catch(() => null) : null;
    io.stdout.write(`${asText(status, sessions)}\n`);
  }
  return status.running ? 0 : 1;
};
