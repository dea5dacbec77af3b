/**
 * Going on with a session: the newest, or one by the first characters of its id.
 */
import { join } from 'node:path';

import {
  acceptedBody,
  buildCli,
  jsonLines,
  sessionDocument,
  StandInDaemon,
  startCli,
} from '../../../support/cli.js';
import type { BuiltCli } from '../../../support/cli.js';
import { answer, prompt, result } from '../../../support/session-events.js';

let cli: BuiltCli;
let daemon: StandInDaemon;

const FIRST = '11111111-2222-4333-8444-555555555555';
const SECOND = '11112222-2222-4333-8444-555555555555';

beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli.remove());
beforeEach(async () => {
  daemon = await new StandInDaemon().start();
  daemon.sessions = [sessionDocument({ id: FIRST, project: daemon.project })];
  daemon.lastPrompt = acceptedBody({ message_id: 'earlier', from: 99 });
});
afterEach(() => daemon.remove());

const run = async (args: readonly string[], cwd = daemon.project) => {
  const started = startCli(cli.file, args, { cwd, env: daemon.env() });
  const { code } = await started.ended;
  return { code, stdout: started.stdout(), stderr: started.stderr() };
};

describe('without a prompt', () => {
  test('-c shows how the last prompt ended and ends with its code', async () => {
    daemon.emit(prompt('earlier'));
    daemon.emit(answer(1, 'Half of it.'));
    daemon.emit(result('earlier', { outcome: 'turn_limit', exitCode: 53, reason: 'too many' }));
    const shown = await run(['-c', '--output-format', 'stream-json']);
    expect(shown.code).toBe(53);
    expect(jsonLines(shown.stdout).map(({ type }) => type)).toEqual([
      'system',
      'user',
      'assistant',
      'result',
    ]);
    expect((await run(['-c'])).stdout).toBe('All done.\n');
    expect(daemon.requests.every(({ method }) => method === 'GET')).toBe(true);
  });

  test('-c follows a prompt that is still worked on', async () => {
    daemon.emit(prompt('earlier'));
    const started = startCli(cli.file, ['-c'], { cwd: daemon.project, env: daemon.env() });
    await daemon.seen('GET', /events\?from=99$/);
    daemon.emit(result('earlier', { text: 'Now.' }));
    expect((await started.ended).code).toBe(0);
    expect(started.stdout()).toBe('Now.\n');
  });

  test('-c twice prints the same lines', async () => {
    daemon.emit(prompt('earlier'));
    daemon.emit(result('earlier'));
    const once = await run(['-c', '--output-format', 'stream-json']);
    expect(await run(['-c', '--output-format', 'stream-json'])).toEqual(once);
  });

  test('-c of a session that was never asked anything says so', async () => {
    daemon.lastPrompt = null;
    expect(await run(['-c'])).toMatchObject({ code: 2, stdout: '' });
  });

  test('-c takes a pipe as the prompt if anything is in it', async () => {
    daemon.onPrompt = ({ messageId }) => daemon.emit(result(messageId));
    const options = { cwd: daemon.project, env: daemon.env(), stdin: 'And now this.' };
    expect((await startCli(cli.file, ['-c'], options).ended).code).toBe(0);
    const [sent] = await daemon.seen('POST', /messages$/);
    expect(sent?.body['text']).toBe('And now this.');
  });
});

describe('with a prompt', () => {
  beforeEach(() => {
    daemon.onPrompt = ({ messageId }) => daemon.emit(result(messageId, { text: 'Went on.' }));
  });

  test('-c sends it to the newest session of the project', async () => {
    const other = sessionDocument({ id: SECOND, project: '/elsewhere' });
    daemon.sessions = [other, ...daemon.sessions];
    expect(await run(['-c', 'go on'])).toEqual({ code: 0, stdout: 'Went on.\n', stderr: '' });
    const [sent] = await daemon.seen('POST', /./);
    expect(sent?.path).toBe(`/v1/sessions/${FIRST}/messages`);
    expect(sent?.body).toMatchObject({ text: 'go on', env: { LOOMKIN_HOME: daemon.home } });
    expect(sent?.body).not.toHaveProperty('session_id');
  });

  test('-c looks from inside the project at its top', async () => {
    const { code } = await run(['-c', 'go on'], join(daemon.project, '.git'));
    expect(code).toBe(0);
  });

  test('-r takes any beginning that only one session has, from any folder', async () => {
    expect((await run(['-r', '1111', 'go on'], '/')).code).toBe(0);
    expect((await run(['-r', FIRST.toUpperCase(), 'go on'], '/')).code).toBe(0);
    const sent = await daemon.seen('POST', /messages$/, 2);
    expect(sent.map(({ path }) => path)).toEqual(
      Array.from({ length: 2 }, () => `/v1/sessions/${FIRST}/messages`),
    );
  });
});

describe('exit code 2', () => {
  test('where there is no session to go on with', async () => {
    daemon.sessions = [];
    const { code, stderr } = await run(['-c', 'go on']);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `loomkin: no session to go on with (${daemon.project}). Start one with loomkin "prompt".\n`,
    );
  });

  test('for an id that no session has', async () => {
    const { code, stderr } = await run(['-r', 'ffff', 'go on']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'loomkin: no session with this id (ffff). loomkin ps --all lists them.\n',
    });
  });

  test('for a beginning that several sessions have, all named', async () => {
    daemon.sessions = [...daemon.sessions, sessionDocument({ id: SECOND })];
    const { code, stderr } = await run(['-r', '1111', 'go on']);
    expect(code).toBe(2);
    expect(stderr).toContain(`${FIRST}, ${SECOND}`);
    expect(daemon.requests.some(({ method }) => method === 'POST')).toBe(false);
  });
});
