/**
 * Asks a child once a second whether it still answers, and tells when it has stopped to.
 *
 * A bare socket and not an HTTP client: this runs for ever and should weigh nothing. Misses are
 * counted, not timed, so that a machine waking from sleep finds its children alive. What must stay
 * true: a child that has not answered yet gets its full time to start.
 */
import { connect } from 'node:net';

const INTERVAL_MS = 1000;
const STARTING_INTERVAL_MS = 200;
const TIMEOUT_MS = 1000;
const MISSES_MAX = 5;
/** A child that does not listen yet has about half a minute. */
const START_REFUSALS_MAX = 150;

export interface PingTarget {
  readonly port: number;
  readonly path: string;
}

/** `silent`: it listens and says nothing, as a stopped or stuck process does. */
export type PingAnswer = 'ok' | 'silent' | 'refused';

/** Never throws, never takes longer than a second. */
export const ping = ({ port, path }: PingTarget): Promise<PingAnswer> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const settle = (answer: PingAnswer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(settle, TIMEOUT_MS, 'silent');
    socket.once('connect', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
    });
    socket.once('data', (head) =>
      settle(/^HTTP\/1\.1 200/.test(head.toString('latin1')) ? 'ok' : 'refused'),
    );
    socket.once('error', () => settle('refused'));
    socket.once('close', () => settle('refused'));
  });

export interface PingReports {
  readonly onAnswer: () => void;
  readonly onSilence: () => void;
}

/** Pings until the returned function is called; each report comes at most once. */
export const watchPings = (
  target: PingTarget,
  reports: PingReports,
  intervalMs = INTERVAL_MS,
): (() => void) => {
  const misses = { silent: 0, refused: 0 };
  let hasAnswered = false;
  let stopped = false;
  const count = (answer: PingAnswer): void => {
    if (answer === 'ok') {
      if (!hasAnswered) reports.onAnswer();
      hasAnswered = true;
      misses.silent = misses.refused = 0;
      return;
    }
    misses[answer] += 1;
    const refusalsMax = hasAnswered ? MISSES_MAX : START_REFUSALS_MAX;
    if (misses.silent < MISSES_MAX && misses.refused < refusalsMax) return;
    stopped = true;
    reports.onSilence();
  };
  const loop = async (): Promise<void> => {
    const startedMs = performance.now();
    const answer = await ping(target);
    if (!stopped) count(answer);
    if (stopped) return;
    const pauseMs = hasAnswered ? intervalMs : STARTING_INTERVAL_MS;
    const restMs = Math.max(0, pauseMs - (performance.now() - startedMs));
    timer = setTimeout(() => void loop(), restMs);
  };
  let timer = setTimeout(() => void loop(), STARTING_INTERVAL_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
};
