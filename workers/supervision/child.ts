/**
 * One child kept alive: started under its lock, adopted from a dead supervisor, started again.
 *
 * The lock is what decides: whoever gets it knows that no predecessor lives, whoever does not get
 * it adopts the one that does. What must stay true: there are never two of the same child, and a
 * child is never tied to us by a pipe, since it has to outlive us.
 */
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HomePaths } from '../../config/paths.js';
import { isAlive, startTimeOf, type ProcessMark } from '../../config/runtime-file.js';
import { BackOff, type Exit } from './back-off.js';
import { NOTE_THEN_EXEC, readBirthNote, type BirthFacts } from './birth-note.js';
import { endProcess, signalProcess } from './ending.js';
import { takeLock } from './lock.js';
import { watchPings, type PingTarget } from './pings.js';
import { isStartupFailure, type StartupFailure } from './startup-failure.js';

const LOCK_LOOK_MS = 50;
const LOCK_LOOK_MS_MAX = 1000;
const ADOPTED_LOOK_MS = 200;
/** Exit code of a child that wrote `startup-error.json`: a restart would not help. */
const EXIT_REFUSED = 78;

export interface Past {
  readonly restarts: number;
  readonly last_exit: string | null;
}

type Life = Past & { readonly started_at: string };
export type Living<Facts extends BirthFacts> = ProcessMark & Facts & Life;

export interface ChildPlan<Facts extends BirthFacts> {
  readonly name: 'daemon' | 'temporal';
  readonly paths: HomePaths;
  readonly env: Readonly<Record<string, string>>;
  /** Asked anew for each start. A `StartupFailure` from a first start gives up at once. */
  readonly launch: () => Promise<{ argv: readonly string[]; facts: Facts }>;
  readonly pingOf: (facts: Facts) => PingTarget;
  /** May this one, started by a dead supervisor, go on under us? */
  readonly isUsable: (facts: Facts) => boolean;
  readonly onAdopt: (facts: Facts) => void;
  /** Why it can't start, after it ended by itself again and again; its words begin at `saidFrom`. */
  readonly diagnose: (exit: string, saidFrom: number) => StartupFailure;
  readonly onChange: () => void;
  readonly onGiveUp: (failure: StartupFailure) => void;
}

const exitText = ({ code, signal }: Exit): string =>
  signal !== null ? `signal ${signal}` : code !== null ? `code ${code}` : 'unknown';

export class Child<Facts extends BirthFacts> {
  private readonly plan: ChildPlan<Facts>;
  private readonly backOff = new BackOff();
  private past: Past;
  private current: Living<Facts> | null = null;
  private hasAnswered = false;
  private saidFrom = 0;
  private stopping = false;
  private stopPings = (): void => undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(plan: ChildPlan<Facts>, past: Past) {
    this.plan = plan;
    this.past = past;
  }

  /** The one that runs, or the last one that did. */
  get living(): Living<Facts> | null {
    return this.current;
  }

  /** Returns when the child runs (it may not answer yet) or is given up. */
  async start(): Promise<void> {
    let lookMs = LOCK_LOOK_MS;
    try {
      while (!this.stopping) {
        const lock = takeLock(this.file('lock'));
        if (lock !== null) return await this.launch(lock);
        if (this.adoptOrKill()) return;
        await sleep(lookMs);
        lookMs = Math.min(lookMs * 1.2, LOCK_LOOK_MS_MAX);
      }
    } catch (error) {
      this.failed(error);
    }
  }

  /** Kills the one that runs; the next one asks `launch` anew. */
  replace(): void {
    if (this.current) signalProcess(this.current, 'SIGKILL');
  }

  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    this.stopPings();
    if (this.current) await endProcess(this.current, graceMs);
  }

  private file(ending: 'lock' | 'pid'): string {
    return join(this.plan.paths.processes, `${this.plan.name}.${ending}`);
  }

  private async launch(lock: number): Promise<void> {
    try {
      const { argv, facts } = await this.plan.launch();
      if (!this.stopping) this.spawn(lock, argv, facts);
    } finally {
      closeSync(lock);
    }
  }

  private spawn(lock: number, argv: readonly string[], facts: Facts): void {
    const { paths, name, env } = this.plan;
    const known = { ...facts, ...this.past, started_at: new Date().toISOString() };
    mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
    const log = openSync(join(paths.logs, `${name}.log`), 'a', 0o600);
    this.saidFrom = fstatSync(log).size;
    const child = spawn(
      '/bin/sh',
      ['-c', NOTE_THEN_EXEC, this.file('pid'), JSON.stringify(known), ...argv],
      { detached: true, cwd: paths.home, env, stdio: ['ignore', log, log, lock] },
    );
    closeSync(log);
    child.once('exit', (code, signal) => this.died({ code, signal }));
    if (child.pid === undefined) {
      child.once('error', (error) => this.failed(error));
      return;
    }
    this.took({ pid: child.pid, start_time: startTimeOf(child.pid) ?? 0, ...known });
  }

  /** Whoever holds the lock: true when it is ours from now on; one that is of no use is killed. */
  private adoptOrKill(): boolean {
    const note = readBirthNote<Facts & Life>(this.file('pid'));
    if (note === null) return false;
    const isUsable = this.plan.isUsable(note.facts);
    if (isUsable) this.adopt({ ...note.mark, ...note.facts });
    else signalProcess(note.mark, 'SIGKILL');
    return isUsable;
  }

  private adopt(living: Living<Facts>): void {
    this.past = { restarts: living.restarts, last_exit: living.last_exit };
    this.plan.onAdopt(living);
    this.took(living);
    const look = (): void => {
      if (this.stopping) return;
      if (isAlive(living)) this.timer = setTimeout(look, ADOPTED_LOOK_MS);
      else this.died({ code: null, signal: null });
    };
    look();
  }

  private took(living: Living<Facts>): void {
    this.current = living;
    this.stopPings = watchPings(this.plan.pingOf(living), {
      onAnswer: () => {
        this.hasAnswered = true;
        this.backOff.answered();
      },
      onSilence: () => {
        console.error(`${this.plan.name} ${living.pid} does not answer: killed`);
        signalProcess(living, 'SIGKILL');
      },
    });
    this.plan.onChange();
  }

  private failed(error: unknown): void {
    if (isStartupFailure(error) && !this.hasAnswered) return this.plan.onGiveUp(error);
    console.error(`${this.plan.name} did not start:`, error);
    this.died({ code: 127, signal: null });
  }

  private died(exit: Exit): void {
    this.stopPings();
    if (this.stopping) return;
    console.error(`${this.plan.name} ended: ${exitText(exit)}`);
    this.past = { restarts: this.past.restarts + 1, last_exit: exitText(exit) };
    const pauseMs = this.backOff.afterDeath(exit, Date.now());
    if (exit.code === EXIT_REFUSED || pauseMs === null)
      return this.plan.onGiveUp(this.plan.diagnose(exitText(exit), this.saidFrom));
    this.timer = setTimeout(() => void this.start(), pauseMs);
  }
}
