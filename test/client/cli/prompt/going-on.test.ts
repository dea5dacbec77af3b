/**
 * Which session `-c` and `-r` mean when folders are links, sessions are damaged or elsewhere; and what
 * `status` makes of a daemon that is half there.
 */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  acceptedBody,
  buildCli,
  refusal,
  sessionDocument,
  StandInDaemon,
  startCli,
} from '../../../support/cli.js';
import type { BuiltCli } from '../../../support/cli.js';
import { result } from '../../../support/session-events.js';

const FIRST = '11111111-2222-4333-8444-555555555555';
const SECOND = '11112222-2222-4333-8444-555555555555';

let cli: BuiltCli;
let daemon: StandInDaemon;

beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli.remove());
beforeEach(async () => {
  daemon = await new StandInDaemon().start();
  daemon.sessions = [sessionDocument({ id: FIRST, project: daemon.project })];
  daemon.lastPrompt = acceptedBody({ message_id: 'earlier', from: 99 });
  daemon.onPrompt = ({ messageId }) => daemon.emit(result(messageId, { text: 'Went on.' }));
});
afterEach(() => daemon.remove());

const run = async (args: readonly string[], cwd = daemon.project) => {
  const started = startCli(cli.file, args, { cwd, env: daemon.env() });
  const { code } = await started.ended;
  return { code, stdout: started.stdout(), stderr: started.stderr() };
};
const sentTo = () =>
  daemon.requests.filter(({ method }) => method === 'POST').map(({ path }) => path);
const WENT_ON = { code: 0, stdout: 'Went on.\n', stderr: '' };

describe('the newest session of a project', () => {
  test('is found through a link to it, a path in it and a path around it', async () => {
    const link = join(daemon.folder, 'link');
    symlinkSync(daemon.project, link);
    const deep = join(daemon.project, 'src', 'ünter ordner');
    mkdirSync(deep, { recursive: true });
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['-c', 'go on'], link],
      [['-c', 'go on'], deep],
      [['-c', 'go on', '--project', link], '/'],
      [['-c', 'go on', '--project', 'link/../link/.'], daemon.folder],
      [['-c', 'go on', `--project=${deep}/../..`], '/'],
    ];
    for (const [args, cwd] of cases) expect(await run(args, cwd)).toEqual(WENT_ON);
    expect(new Set(sentTo())).toEqual(new Set([`/v1/sessions/${FIRST}/messages`]));
  });

  test('is not that of a folder in it, when that is named', async () => {
    mkdirSync(join(daemon.project, 'src'));
    expect(await run(['-c', 'go on', '--project', 'src'])).toMatchObject({ code: 2, stdout: '' });
    expect(sentTo()).toEqual([]);
  });
});

describe('a session by its id', () => {
  test('of another project than the one named is refused, and both are named', async () => {
    const other = join(daemon.folder, 'other');
    mkdirSync(other);
    expect(await run(['-r', FIRST, 'go on', '--project', other])).toEqual({
      code: 2,
      stdout: '',
      stderr: `loomkin: session ${FIRST} works in ${daemon.project}, not in ${other}. Leave --project out, or start a new session there.\n`,
    });
    expect(sentTo()).toEqual([]);
  });

  test('of the project named, also through a link, goes on', async () => {
    symlinkSync(daemon.project, join(daemon.folder, 'link'));
    expect(await run(['-r', '1111', 'go on', '--project', 'link'], daemon.folder)).toEqual(WENT_ON);
  });

  test('is the whole one, also where it is the beginning of nothing else', async () => {
    daemon.sessions = [
      ...daemon.sessions,
      sessionDocument({ id: SECOND, project: daemon.project }),
    ];
    expect(await run(['-r', SECOND, 'go on'])).toEqual(WENT_ON);
    expect(sentTo()).toEqual([`/v1/sessions/${SECOND}/messages`]);
  });

  test.each([
    ['whose keys are gone', 400, 'the keys of session 1111 are gone'],
    ['whose folder is gone', 400, "can't work in /gone: it does not exist"],
    ['that vanished meanwhile', 404, 'no session 1111'],
  ])('%s says so, with and without a prompt', async (_, status, message) => {
    daemon.intercept = ({ path }) =>
      path.startsWith(`/v1/sessions/${FIRST}`)
        ? { status, body: refusal(2, message, 'Cure.') }
        : null;
    const said = { code: 2, stdout: '', stderr: `loomkin: ${message}. Cure.\n` };
    expect(await run(['-r', FIRST, 'go on'])).toEqual(said);
    expect(await run(['-r', FIRST])).toEqual(said);
    expect(await run(['-c', '--output-format', 'stream-json'])).toEqual(said);
  });
});

describe('status', () => {
  const status = async () => {
    const { code, stdout, stderr } = await run(['status', '--json']);
    expect(stderr).toBe('');
    return { code, document: JSON.parse(stdout) as Record<string, unknown> };
  };
  const asked = () => daemon.requests.map(({ path }) => path);

  test('of a daemon that answers has all that is known, and null for the rest', async () => {
    const sessions = { thinking: 1, tool: 0, waiting: 0, parked: 0, idle: 2, ended: 3 };
    const body = { sessions, store: { schema: 1, bytes: 2 }, event_loop_delay_ms: null };
    daemon.intercept = ({ path }) => (path === '/v1/status' ? { status: 200, body } : null);
    const { code, document } = await status();
    expect(code).toBe(0);
    expect(document).toMatchObject({
      running: true,
      version: '9.9.9',
      build: 'test',
      home: daemon.home,
      http_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      daemon: { pid: process.pid, restarts: 0, last_exit: null },
      temporal: null,
      memory_bytes: { daemon: expect.any(Number), temporal: null },
      sessions,
      store: { schema: 1, bytes: 2 },
      starts_at_boot: false,
    });
  });

  test.each<[string, ReturnType<StandInDaemon['intercept']>]>([
    ['fails', { status: 500, body: refusal(1, 'no') }],
    ['is busy', { status: 503, body: {} }],
    ['hangs up', 'cut'],
  ])('of a daemon that %s is running, and what it did not say is null', async (_, reply) => {
    daemon.intercept = () => reply;
    const { code, document } = await status();
    expect(code).toBe(0);
    expect(document).toMatchObject({ running: true, sessions: null, store: null });
    expect(asked()).toEqual(['/v1/status']);
  });

  test('counts sessions in the words of ps, and restarts in those of a person', async () => {
    const states = ['idle', 'idle', 'tool', 'parked'] as const;
    daemon.sessions = states.map((state, index) => ({
      ...sessionDocument({
        state,
        outcome: index === 1 ? 'failed' : state === 'idle' ? 'done' : null,
      }),
      waiting_for: state === 'parked' ? { kind: 'approval' } : null,
    }));
    const file = join(daemon.home, 'runtime.json');
    const runtime = JSON.parse(readFileSync(file, 'utf8')) as { daemon: { restarts: number } };
    runtime.daemon.restarts = 1;
    writeFileSync(file, JSON.stringify(runtime));
    const { code, stdout } = await run(['status']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nsessions {4}1 tool, 1 asks you, 1 done, 1 failed\n$/);
    expect(stdout).toMatch(/, restarted 1 time[^s]/);
  });

  test('of a daemon that is gone ends with 1, and starts nothing', async () => {
    await daemon.die();
    const { code, document } = await status();
    expect(code).toBe(1);
    expect(document).toMatchObject({ running: false, http_url: null, sessions: null, store: null });
  });

  test.each([
    ['empty', ''],
    ['cut off', '{"version":"9.9.9","tok'],
    ['full of zeros', '\0'.repeat(512)],
    ['null', 'null'],
    ['an empty document', '{}'],
    ['a list', '[]'],
  ])('beside a runtime file that is %s is down', async (_, text) => {
    writeFileSync(join(daemon.home, 'runtime.json'), text);
    const { code, document } = await status();
    expect(code).toBe(1);
    expect(document).toMatchObject({ running: false, daemon: null, supervisor: null });
  });

  test('without a home is down, for a person in lines', async () => {
    rmSync(daemon.home, { recursive: true });
    const { code, stdout } = await run(['status']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^loomkin \S+: down\nhome {8}\S+\nsupervisor {2}not running/);
  });
});
