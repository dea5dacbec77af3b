/**
 * A home under supervision: server and daemon kept alive together until told to stop.
 *
 * What must stay true: the token is on disk before the daemon starts; at the end the daemon goes
 * before the server, so that its last words to Temporal are heard.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { readRuntimeFile, type ProcessMark, type RuntimeFile } from '../../config/runtime-file.js';
import type { HomePaths } from '../../config/paths.js';
import { lastFacts } from './birth-note.js';
import { Child, type Past } from './child.js';
import { rotateLogs } from './logs.js';
import { daemonPlan, serverPlan, type DaemonFacts, type Ports, type ServerFacts } from './plans.js';
import { writeRuntimeFile } from './runtime-record.js';
import type { StartupFailure } from './startup-failure.js';

const UPKEEP_MS = 3000;
const DAEMON_GRACE_MS = 10_000;
/** Asked to end, it waits a second for nothing; all it knows is on disk at each commit. */
const SERVER_GRACE_MS = 200;

/** A runtime file found at the start is that of a supervisor which died: its daemon may have, too. */
const pastOf = (previous: RuntimeFile | null): Past =>
  previous?.daemon
    ? { restarts: previous.daemon.restarts + 1, last_exit: 'unknown' }
    : { restarts: 0, last_exit: null };

/** Of last time: also after all of it was taken down, so that a page of the Web UI stays where it was. */
const portsOf = (previous: RuntimeFile | null, paths: HomePaths): Ports => {
  const noteOf = (name: string): string => join(paths.processes, `${name}.pid`);
  const daemon = previous?.daemon ?? lastFacts<DaemonFacts>(noteOf('daemon'));
  const server = previous?.temporal ?? lastFacts<ServerFacts>(noteOf('temporal'));
  return {
    daemon: daemon?.port ?? null,
    temporal: server?.port ?? null,
    ui: server?.ui_port ?? null,
  };
};

export class Supervision {
  private readonly paths: HomePaths;
  private readonly supervisor: RuntimeFile['supervisor'];
  private readonly token: string;
  private readonly daemon: Child<DaemonFacts>;
  private readonly server: Child<ServerFacts>;
  private isRecorded = false;
  private upkeep: NodeJS.Timeout | undefined;

  constructor(
    paths: HomePaths,
    mark: ProcessMark,
    env: Readonly<Record<string, string>>,
    onEnd: (failure: StartupFailure | null) => void,
  ) {
    this.paths = paths;
    this.supervisor = { ...mark, started_at: new Date().toISOString() };
    const previous = readRuntimeFile(paths.runtime);
    const hadToken = typeof previous?.token === 'string' && previous.token !== '';
    this.token = hadToken ? previous.token : randomBytes(32).toString('hex');
    const premises = { paths, env, ports: portsOf(previous, paths), hadToken };
    const reports = { onChange: () => this.recordIfPossible(), onGiveUp: onEnd };
    this.daemon = new Child(daemonPlan(premises, reports), pastOf(previous));
    const onMoved = (): void => this.daemon.replace();
    const newborn = { restarts: 0, last_exit: null };
    this.server = new Child(serverPlan(premises, { ...reports, onMoved }), newborn);
    this.upkeep = setInterval(() => {
      if (!existsSync(paths.home)) return onEnd(null);
      // Without it no command finds what runs here, and none can start anything beside it.
      if (!this.isRecorded || !existsSync(paths.runtime)) this.recordIfPossible();
      rotateLogs(paths.logs);
    }, UPKEEP_MS);
  }

  async start(): Promise<void> {
    this.record();
    await this.server.start();
    await this.daemon.start();
  }

  async stop(): Promise<void> {
    clearInterval(this.upkeep);
    await this.daemon.stop(DAEMON_GRACE_MS);
    await this.server.stop(SERVER_GRACE_MS);
    rmSync(this.paths.runtime, { force: true });
  }

  private record(): void {
    writeRuntimeFile(this.paths.runtime, {
      token: this.token,
      supervisor: this.supervisor,
      daemon: this.daemon.living,
      temporal: this.server.living,
    });
  }

  /** A disk that is full for a while must not end a supervisor whose children live. */
  private recordIfPossible(): void {
    try {
      this.record();
      this.isRecorded = true;
    } catch (error) {
      this.isRecorded = false;
      console.error(`${this.paths.runtime} can't be written:`, error);
    }
  }
}
