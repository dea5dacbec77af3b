/**
 * `loomkin ps` with a daemon, without one, and with nothing at all: it reads, and starts nothing.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { buildCli, sessionDocument, StandInDaemon, startCli } from '../../../support/cli.js';
import type { BuiltCli } from '../../../support/cli.js';
import { openTestStore, storePaths, takeFence } from '../../../support/store.js';

let cli: BuiltCli;
let daemon: StandInDaemon;

beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli.remove());
beforeEach(async () => {
  daemon = await new StandInDaemon().start();
});
afterEach(() => daemon.remove());

const ps = async (...args: readonly string[]) => {
  const started = startCli(cli.file, ['ps', ...args], { env: daemon.env() });
  const { code } = await started.ended;
  return { code, stdout: started.stdout(), stderr: started.stderr() };
};

/** A home as a daemon leaves it that died in the middle of its work. */
const storeSession = async (): Promise<void> => {
  const store = await openTestStore(storePaths(daemon.home));
  await takeFence(store);
  const at = new Date().toISOString();
  await store.call('createSession', {
    id: '22222222-2222-4333-8444-555555555555',
    project: '/code/project',
    title: 'Was in the middle of it',
    model: 'scripted/demo',
    permissionMode: 'default',
    createdAt: at,
    baseCommit: null,
  });
  await store.call('setAgentState', {
    sessionId: '22222222-2222-4333-8444-555555555555',
    name: 'lead',
    role: 'lead',
    model: 'scripted/demo',
    state: 'thinking',
    waitingFor: null,
    outcome: null,
    tool: null,
    turn: 4,
    at,
  });
  await store.close();
};

test('asks the daemon where one answers', async () => {
  daemon.sessions = [sessionDocument()];
  const { code, stdout, stderr } = await ps();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('11111111  done       3  $0.01');
  expect(daemon.requests.map(({ path }) => path)).toEqual(['/v1/sessions']);
});

test('--all --json prints the document as it is', async () => {
  daemon.sessions = [sessionDocument()];
  const { stdout } = await ps('--all', '--json');
  expect(JSON.parse(stdout)).toEqual({ sessions: [sessionDocument()] });
  expect(daemon.requests.map(({ path }) => path)).toEqual(['/v1/sessions?all=1']);
});

test('without a daemon reads the store: what nobody works on is lost, and paused in the table', async () => {
  await storeSession();
  await daemon.die();
  const { code, stdout, stderr } = await ps('--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    sessions: [
      {
        id: '22222222-2222-4333-8444-555555555555',
        state: 'lost',
        turns: 4,
        agents: [{ name: 'lead', state: 'lost', turn: 4 }],
      },
    ],
  });
  expect(stderr).toBe('');
  const table = await ps();
  expect(table.stdout).toContain('22222222  paused (down)');
  expect(table.stderr).toMatch(/^loomkin: note: the engine is down/);
});

test('in a home that does not exist lists nothing and creates nothing', async () => {
  const home = join(daemon.folder, 'none');
  const started = startCli(cli.file, ['ps'], { env: { LOOMKIN_HOME: home } });
  expect((await started.ended).code).toBe(0);
  expect(started.stdout()).toBe('No sessions.\n');
  expect(existsSync(home)).toBe(false);
});

test('names a store that can not be read', async () => {
  const home = join(daemon.folder, 'damaged');
  mkdirSync(home);
  writeFileSync(join(home, 'loomkin.db'), 'this is no database at all'.repeat(100));
  const started = startCli(cli.file, ['ps', '--json'], { env: { LOOMKIN_HOME: home } });
  expect((await started.ended).code).toBe(1);
  expect(started.stderr()).toMatch(/^loomkin: the sessions can't be read \(.*loomkin\.db: /);
  expect(JSON.parse(started.stdout())).toMatchObject({ error: { kind: 'store_unreadable' } });
});
