/**
 * `loomkin status`: what runs, for a person or as a document; exit code 1 when the daemon is down.
 *
 * What must stay true: asking starts nothing.
 */
import { homePaths, loomkinHome } from '../../../config/paths.js';
import type { CommandIo } from '../io.js';
import { jsonLine } from '../render/json-line.js';
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
  const restarts = daemon.restarts > 0 ? `, restarted ${daemon.restarts} times` : '';
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

const sessionLine = ({ sessions }: StatusDocument): string | null =>
  sessions &&
  `sessions    ${Object.entries(sessions)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ')}`;

const asText = (status: StatusDocument): string => {
  const boot = status.starts_at_boot ? ', starts at boot' : '';
  const head = `loomkin ${status.version}: ${status.running ? 'running' : 'down'}${boot}`;
  const lines = [head, `home        ${status.home}`, supervisorLine(status), daemonLine(status)];
  return [...lines, temporalLine(status), sessionLine(status)]
    .filter((line) => line !== null)
    .join('\n');
};

export const runStatus = async (options: StatusOptions, io: CommandIo): Promise<number> => {
  const status = await statusDocument(homePaths(loomkinHome(io.env)), io.env);
  io.stdout.write(options.json ? jsonLine(status) : `${asText(status)}\n`);
  return status.running ? 0 : 1;
};
