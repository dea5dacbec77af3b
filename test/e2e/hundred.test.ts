/**
 * A hundred sessions started at the same moment in one home, with a model that takes a second to answer.
 *
 * Started as the command line starts them, over the daemon's HTTP. What must stay true: each ends right,
 * with its own work done once and its own story, and none waits for the others.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { SessionDocument, SessionsBody, StartSessionBody } from '../../client/http/wire.js';
import { withRig, type Rig } from '../support/rig.js';

const SESSIONS = 100;
const LOOK_MS = 500;
const CLOCK_TICKS = 100;

const call = (tool: string, input: unknown) => ({ calls: [{ tool, input }], delay_ms: 1000 });

const SCRIPT = {
  usage: { input_tokens: 1000, output_tokens: 50 },
  agents: {
    lead: [
      call('write', { path: 'made.txt', content: 'one\n' }),
      call('edit', { path: 'made.txt', old_string: 'one', new_string: 'two' }),
      call('shell', { command: 'echo "$PWD" >> log.txt' }),
      { text: 'made in ${cwd}', delay_ms: 1000 },
    ],
  },
};

const request = async <Body>(rig: Rig, path: string, body?: unknown): Promise<Body> => {
  const { token, daemon } = rig.runtime();
  const response = await fetch(`http://127.0.0.1:${daemon!.port}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as Body;
};

const startIn = async (rig: Rig, project: string): Promise<string> => {
  const body: StartSessionBody = {
    session_id: randomUUID(),
    message_id: randomUUID(),
    text: `work in ${project}`,
    project,
    env: { PATH: process.env['PATH'] ?? '' },
    umask: 0o22,
    config_file: null,
    model: 'scripted/hundred',
    permission_mode: 'bypass',
    max_turns: null,
    interactive: false,
  };
  await request(rig, '/v1/sessions', body);
  return body.session_id;
};

const allSessions = async (rig: Rig): Promise<readonly SessionDocument[]> =>
  (await request<SessionsBody>(rig, '/v1/sessions?all=1')).sessions;

const pssBytes = (pid: number): number => {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
};

/** What the installation's processes hold, shared pages counted once. */
const memoryOf = (rig: Rig): number => {
  const { supervisor, daemon, temporal } = rig.runtime();
  return [supervisor, daemon, temporal].reduce((sum, mark) => sum + pssBytes(mark!.pid), 0);
};

/** Processor time of the three so far. */
const cpuSeconds = (rig: Rig): number => {
  const { supervisor, daemon, temporal } = rig.runtime();
  return [supervisor, daemon, temporal].reduce((sum, mark) => {
    const stat = readFileSync(`/proc/${mark!.pid}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return sum + (Number(user) + Number(system)) / CLOCK_TICKS;
  }, 0);
};

/** Looks until none works any more; answers the most memory that was seen. */
const watchToTheEnd = async (rig: Rig): Promise<number> => {
  let bytesMax = 0;
  for (;;) {
    bytesMax = Math.max(bytesMax, memoryOf(rig));
    const sessions = await allSessions(rig);
    if (sessions.every(({ outcome }) => outcome !== null)) return bytesMax;
    await sleep(LOOK_MS);
  }
};

test(
  'a hundred sessions at once: all end right, soon, in little memory',
  () =>
    withRig({}, async (rig) => {
      const around = dirname(rig.project);
      const scripts = join(around, 'scripts');
      mkdirSync(scripts);
      writeFileSync(join(scripts, 'hundred.json'), JSON.stringify(SCRIPT));
      rig.env['LOOMKIN_SCRIPTS'] = scripts;
      const places = Array.from({ length: SESSIONS }, (_, n) => join(around, `place ${n}`));
      for (const place of places) mkdirSync(place);
      expect((await rig.command(['up']).end).code).toBe(0);

      const startedMs = performance.now();
      const ids = await Promise.all(places.map((place) => startIn(rig, place)));
      const acceptedMs = performance.now() - startedMs;
      const bytesMax = await watchToTheEnd(rig);
      const wallMs = performance.now() - startedMs;
      process.stdout.write(
        `100 sessions: accepted in ${Math.round(acceptedMs)} ms, ended in ${Math.round(wallMs)} ms, ` +
          `${cpuSeconds(rig).toFixed(1)} s of processor, PSS at most ${Math.round(bytesMax / 1e6)} MB\n`,
      );

      const ended = await allSessions(rig);
      expect(new Set(ended.map(({ id }) => id))).toEqual(new Set(ids));
      for (const session of ended)
        expect(session).toMatchObject({ outcome: 'done', state: 'idle', turns: 4 });
      for (const place of places) {
        expect(readFileSync(join(place, 'made.txt'), 'utf8')).toBe('two\n');
        expect(readFileSync(join(place, 'log.txt'), 'utf8')).toBe(`${place}\n`);
      }
      expect(wallMs).toBeLessThan(60_000);
      expect(bytesMax).toBeLessThan(700e6);
    }),
  120_000,
);
